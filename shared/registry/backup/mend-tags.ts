import type { Tag } from '../../domain/reference.ts';
import type { Row } from '../../ports/table-store.ts';
import type { Registry } from '../registry.ts';
import {
  catalogPartition,
  keysUnder,
  manifestKey,
  newestFirstKey,
  oldestFirstKey,
  splitDigest,
  tagKey,
  tagOfKey,
} from '../rows/row-keys.ts';
import { digest as digestIn } from '../rows/row-values.ts';
import { limits } from '../settings.ts';
import { inTurns } from '../sweep/in-turns.ts';
import { dropOrder, orderTime, reorder } from '../tags/tag-order.ts';
import { reverseProperties } from '../tags/tag-operations.ts';

const atOnce = 8;

/**
 * Makes a restored tag true (docs/storage.md, J3 and J4): one that leads to no live manifest goes,
 * any other has its reverse row, and the rows of time order if it says so. Answers whether it
 * stayed. Idempotent.
 */
export async function mendTag({ tables }: Registry, partition: string, row: Row): Promise<boolean> {
  const { rowKey, etag, properties } = row;
  const tag = rowKey.slice(2) as Tag;
  const digest = digestIn(row, 'digest');
  const key = manifestKey(digest);
  const range = { from: key, before: `${key}!`, limit: 1, select: ['state'] };
  const [manifest] = await tables.list('repo', partition, range);
  if (manifest?.properties['state'] !== 'live') {
    await tables.commit('repo', partition, [{ kind: 'delete', rowKey, etag }]);
    for (const each of dropOrder(tag, orderTime(properties))) {
      await tables.commit('repo', partition, [each]);
    }
    return false;
  }
  await tables.commit('repo', partition, [
    { kind: 'merge', rowKey, etag, properties: {} },
    {
      kind: 'upsert',
      rowKey: tagOfKey(digest, tag),
      properties: reverseProperties(properties),
    },
    ...reorder(tag, undefined, properties),
  ]);
  return true;
}

/**
 * Prepares the tags of a repository to be mended: reverse rows and rows of time order go of which
 * no tag knows, and the sweep is asked to bring in order the tags that have none. A reverse row
 * that is not true would take another manifest's tag along when its own is deleted.
 */
export async function prepareTags(registry: Registry, partition: string): Promise<void> {
  for (const prefix of ['g:', 'o:', 'a:'] as const) {
    const { from: first, before } = keysUnder(prefix);
    for (let from: string | undefined = first; from !== undefined;) {
      const limit = limits.maxListPage;
      const range = { from, before, limit, select: [] };
      const rows: readonly Row[] = await registry.tables.list('repo', partition, range);
      await inTurns(rows, atOnce, (row) => dropStray(registry, partition, row));
      const last = rows.at(-1)?.rowKey;
      from = rows.length < limit || last === undefined ? undefined : `${last}!`;
    }
  }
  await registry.tables.commit('catalog', catalogPartition, [
    { kind: 'merge', rowKey: partition, etag: '*', properties: { tagsInOrder: false } },
  ]);
}

async function dropStray({ tables }: Registry, partition: string, row: Row): Promise<void> {
  const { rowKey, etag } = row;
  const key = rowKey.slice(2);
  // A digest, or thirteen digits of a time, and then the tag.
  const tag = (rowKey.startsWith('g:') ? splitDigest(key)[1] : key.slice(14)) as Tag;
  const found = await tables.get('repo', partition, tagKey(tag));
  if (found !== undefined && keysBeside(tag, found).includes(rowKey)) return;
  await tables.commit('repo', partition, [{ kind: 'delete', rowKey, etag }]);
}

/** The keys of the rows that a tag has beside its own. */
function keysBeside(tag: Tag, row: Row): string[] {
  const time = orderTime(row.properties);
  const reverse = tagOfKey(digestIn(row, 'digest'), tag);
  return time === undefined
    ? [reverse]
    : [reverse, newestFirstKey(time, tag), oldestFirstKey(time, tag)];
}
