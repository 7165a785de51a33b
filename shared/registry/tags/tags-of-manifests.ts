import type { Digest } from '../../domain/digest.ts';
import type { Tag } from '../../domain/reference.ts';
import type { Row } from '../../ports/table-store.ts';
import type { Registry } from '../registry.ts';
import { keysUnder } from '../rows/row-keys.ts';

const readsAtOnce = 16;

/**
 * The tags of manifests, by digest, in the order of their names: also those that may not be listed,
 * as who deletes what has no tags decides by them. One request for 1,000 tags when the digests, in
 * their order, are all those between the first and the last; else one for each digest.
 */
export async function tagsOfManifests(
  registry: Registry,
  partition: string,
  digests: readonly Digest[],
  spread: 'contiguous' | 'scattered',
): Promise<(digest: string) => readonly Tag[]> {
  const [first, last] = [digests[0], digests.at(-1)];
  const rows: Row[] = [];
  if (spread === 'contiguous' && first !== undefined && last !== undefined) {
    const { from } = keysUnder(`g:${first}:`);
    const { before } = keysUnder(`g:${last}:`);
    rows.push(...(await registry.tables.list('repo', partition, { from, before, select: [] })));
  }
  if (spread === 'scattered') {
    for (let at = 0; at < digests.length; at += readsAtOnce) {
      const some = digests
        .slice(at, at + readsAtOnce)
        .map((digest) =>
          registry.tables.list('repo', partition, { ...keysUnder(`g:${digest}:`), select: [] }),
        );
      rows.push(...(await Promise.all(some)).flat());
    }
  }
  const byDigest = Map.groupBy(rows, ({ rowKey }) => rowKey.slice(2, rowKey.lastIndexOf(':')));
  return (digest) =>
    (byDigest.get(digest) ?? []).map(
      ({ rowKey }) => rowKey.slice(rowKey.lastIndexOf(':') + 1) as Tag,
    );
}
