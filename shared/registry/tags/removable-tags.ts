import type { Digest } from '../../domain/digest.ts';
import type { Tag } from '../../domain/reference.ts';
import type { RepositoryName } from '../../domain/repository-name.ts';
import type { RowProperties } from '../../ports/table-store.ts';
import type { Registry } from '../registry.ts';
import { disallowed } from '../rows/attributes.ts';
import { keysUnder, repositoryPartition } from '../rows/row-keys.ts';
import { immutability, immutable, isFlagged, tagImmutable } from './immutability.ts';
import { orderedAt } from './tag-order.ts';

/** A tag of a manifest, by its reverse row: what its deletion needs. */
export interface RemovableTag {
  readonly tag: Tag;
  readonly reverseEtag: string;
  /** Of the reverse row. */
  readonly properties: RowProperties;
}

/**
 * All tags of a manifest, which is to be deleted: to be read after the manifest's ETag, which every
 * change of a tag's locks, of its flag or of where it points changes, too. Throws the refusal of a
 * tag's lock or immutability. One request for 1,000 tags.
 */
export async function removableTags(
  registry: Registry,
  repository: RepositoryName,
  digest: Digest,
): Promise<readonly RemovableTag[]> {
  const prefix = `g:${digest}:` as const;
  const rows = await registry.tables.list('repo', repositoryPartition(repository), {
    ...keysUnder(prefix),
    select: ['locked', immutable, orderedAt],
  });
  const tags = rows.map(({ rowKey, etag, properties }) => ({
    tag: rowKey.slice(prefix.length) as Tag,
    reverseEtag: etag,
    properties,
  }));
  if (tags.length === 0) return [];
  const locked = tags.find(({ properties }) => properties['locked'] === true);
  if (locked !== undefined) throw disallowed('deleteEnabled', { digest, tag: locked.tag });
  const flagged = tags.filter(({ properties }) => isFlagged(properties));
  const isHeld = await immutability(
    registry,
    repository,
    flagged.map(({ tag }) => tag),
  );
  const held = tags.find(({ tag }) => isHeld(tag));
  if (held !== undefined) throw tagImmutable({ digest, tag: held.tag });
  return tags;
}
