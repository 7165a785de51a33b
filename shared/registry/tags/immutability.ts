import type { Tag } from '../../domain/reference.ts';
import type { RepositoryName } from '../../domain/repository-name.ts';
import { matchesPattern } from '../../domain/repository-pattern.ts';
import { matchesTagPattern } from '../../domain/tag-pattern.ts';
import { RegistryError } from '../../errors.ts';
import type { PolicyDocument } from '../../policy/policy-document.ts';
import type { RowProperties } from '../../ports/table-store.ts';
import type { Registry } from '../registry.ts';
import type { TagRow } from '../rows/row-types.ts';

/** The property of a tag's row, and of its reverse row, that says: a rule fitted it when pushed. */
export const immutable = 'immutable';

/** Whether a rule of the policy keeps a tag of one repository as it is. */
export type IsHeld = (tag: Tag) => boolean;

/** A tag whose row says that it was pushed where a rule fitted. */
export function isFlagged(properties: RowProperties): boolean {
  return properties[immutable] === true;
}

/**
 * Which tags of a repository are immutable: those that a rule of the policy fits, as this instance
 * knows it, at most a minute old. `flagged` are the tags among those asked about whose rows carry
 * the flag: when one of them is not held by what is known, either the rule is newer than that, or
 * it was taken away, and storage is asked. Throws StorageUnavailable.
 */
export async function immutability(
  registry: Registry,
  repository: RepositoryName,
  flagged: readonly Tag[],
): Promise<IsHeld> {
  const known = heldBy(await registry.policy.inForce(), repository);
  if (flagged.every(known)) return known;
  return heldBy((await registry.policy.read()).document, repository);
}

/**
 * As {@link immutability}, of tags with what was read of them; where there is no tag, nothing is
 * asked.
 */
export async function immutabilityOfRows(
  registry: Registry,
  repository: RepositoryName,
  tags: readonly Tag[],
  rows: readonly (Pick<TagRow, 'properties'> | undefined)[],
): Promise<IsHeld> {
  if (tags.length === 0) return () => false;
  const flagged = tags.filter((_, index) => isFlagged(rows[index]?.properties ?? {}));
  return await immutability(registry, repository, flagged);
}

/** Throws the refusal of a tag's immutability when it is held. Throws StorageUnavailable. */
export async function refuseIfImmutable(
  registry: Registry,
  repository: RepositoryName,
  tag: Tag,
  properties: RowProperties,
): Promise<void> {
  const isHeld = await immutability(registry, repository, isFlagged(properties) ? [tag] : []);
  if (isHeld(tag)) throw tagImmutable({ tag });
}

/** The refusal. Nobody is exempt from it but by a change of the policy. */
export function tagImmutable(detail: { readonly tag: Tag; readonly digest?: string }) {
  return new RegistryError('DENIED', {
    message: 'the tag is immutable: it can be neither moved nor deleted',
    detail: { ...detail, immutable: true },
  });
}

function heldBy({ immutability: rules }: PolicyDocument, repository: RepositoryName): IsHeld {
  const fitting = rules.filter(({ repositories }) => matchesPattern(repositories, repository));
  return (tag) => fitting.some(({ tags }) => tags === undefined || matchesTagPattern(tags, tag));
}
