import type { Tag } from '../../domain/reference.ts';
import { StorageUnavailable } from '../../ports/table-store.ts';
import { cacheKey } from '../caches.ts';
import type { Registry } from '../registry.ts';
import { tagKey } from '../rows/row-keys.ts';
import type { TagRow } from '../rows/row-types.ts';
import { digest, number, text } from '../rows/row-values.ts';

/** Reads a tag from storage; undefined when there is none. One request. */
export async function readTag(
  registry: Registry,
  partition: string,
  tag: Tag,
): Promise<TagRow | undefined> {
  const row = await registry.tables.get('repo', partition, tagKey(tag));
  if (row === undefined) return undefined;
  return {
    tag,
    digest: digest(row, 'digest'),
    mediaType: text(row, 'mediaType'),
    sizeBytes: number(row, 'size'),
    etag: row.etag,
    properties: row.properties,
  };
}

/**
 * Reads a tag for a pull: many requests for one tag share reads, yet none gets an answer older than
 * itself. When storage can't be asked, an answer of the last half minute will do.
 */
export async function readTagForPull(
  registry: Registry,
  partition: string,
  tag: Tag,
): Promise<TagRow | undefined> {
  const key = cacheKey(partition, tag);
  const { tags, tagReads } = registry.caches;
  try {
    const row = await tagReads.read(key, () => readTag(registry, partition, tag));
    if (row === undefined) tags.delete(key);
    else tags.set(key, row);
    return row;
  } catch (error) {
    const recent = error instanceof StorageUnavailable ? tags.get(key) : undefined;
    if (recent === undefined) throw error;
    return recent;
  }
}

/**
 * To be called once this instance has changed tags: the answer kept for bad times is no longer
 * theirs.
 */
export function forgetTags(registry: Registry, partition: string, tags: readonly Tag[]): void {
  for (const tag of tags) registry.caches.tags.delete(cacheKey(partition, tag));
}
