import { InvalidArgumentError } from 'commander';

/** A whole number of at least one. */
export function parseLimit(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('a number of at least 1.');
  return Number(text);
}

/** As long as a password may live. */
export function parseDays(text: string): number {
  const days = parseLimit(text);
  if (days > 3650) throw new InvalidArgumentError('at most 3650 days.');
  return days;
}

export function parseSwitch(text: string): boolean {
  if (text !== 'true' && text !== 'false') throw new InvalidArgumentError('true or false.');
  return text === 'true';
}

/** `team/app:tag` or `team/app@sha256:…`: the colon of a tag comes after the last slash. */
export function parseImage(image: string): { repository: string; reference: string } {
  const match = /^([^@]+?)(?:@(.+)|:([^/:@]+))$/.exec(image);
  const [, repository, digest, tag] = match ?? [];
  if (repository === undefined) {
    throw new InvalidArgumentError('an image: repository:tag or repository@digest.');
  }
  return { repository, reference: digest ?? tag ?? '' };
}

/** `team/app:tag`, not a digest. */
export function parseTaggedImage(image: string): { repository: string; reference: string } {
  const parsed = parseImage(image);
  if (!image.includes('@')) return parsed;
  throw new InvalidArgumentError('a tag: repository:tag (lighter manifest takes digests).');
}
