import { InvalidArgumentError } from 'commander';
import { parseDigest } from '../../shared/domain/digest.ts';
import { parseTag } from '../../shared/domain/reference.ts';
import { parseRepositoryName } from '../../shared/domain/repository-name.ts';

/** A whole number of at least one. */
export function parseLimit(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text))
    throw new InvalidArgumentError('Wanted: a number of at least 1.');
  return Number(text);
}

/** As long as a password may live. */
export function parseDays(text: string): number {
  const days = parseLimit(text);
  if (days > 3650) throw new InvalidArgumentError('Wanted: at most 3650 days.');
  return days;
}

export function parseSwitch(text: string): boolean {
  if (text !== 'true' && text !== 'false') throw new InvalidArgumentError('Wanted: true or false.');
  return text === 'true';
}

/** The name of a repository, without registry, tag and digest. */
export function parseRepository(text: string): string {
  if (parseRepositoryName(text) !== undefined) return text;
  throw new InvalidArgumentError(
    'Wanted: the name of a repository, such as team/app, in lower case.',
  );
}

/** `team/app:tag` or `team/app@sha256:…`: the colon of a tag comes after the last slash. */
export function parseImage(image: string): { repository: string; reference: string } {
  const match = /^([^@]+?)(?:@(.+)|:([^/:@]+))$/.exec(image);
  const [, repository = '', digest, tag] = match ?? [];
  if (match === null) {
    throw new InvalidArgumentError('Wanted: repository:tag or repository@digest.');
  }
  parseRepository(repository);
  if (digest !== undefined && parseDigest(digest) === undefined) {
    throw new InvalidArgumentError('Wanted: a whole digest, sha256: and 64 digits 0-9 a-f.');
  }
  if (tag !== undefined && parseTag(tag) === undefined) {
    throw new InvalidArgumentError('Wanted: a tag of at most 128 letters, digits, and _ . -');
  }
  return { repository, reference: digest ?? tag ?? '' };
}

/** `team/app:tag`, not a digest. */
export function parseTaggedImage(image: string): { repository: string; reference: string } {
  const parsed = parseImage(image);
  if (!image.includes('@')) return parsed;
  throw new InvalidArgumentError('Wanted: repository:tag (lighter manifest takes digests).');
}
