import type { ScannedRow } from '../../ports/table-store.ts';
import type { Registry } from '../registry.ts';
import { liveKey } from '../rows/row-keys.ts';
import { limits } from '../settings.ts';

/** The bytes of blobs that a repository holds. */
export interface BlobBytes {
  /** Of those that no other repository holds. */
  unique: number;
  /** Of those that others hold, too. */
  shared: number;
}

/**
 * Adds up the blobs after a physical name, by partition of the repository, until they end or time
 * is up. Answers the name to go on after; undefined when all were counted. A request for 1,000
 * rows; memory grows with the number of repositories alone.
 */
export async function countBlobs(
  registry: Registry,
  start: string,
  sums: Map<string, BlobBytes>,
  isTimeUp: () => boolean,
): Promise<string | undefined> {
  for (let after = start; ;) {
    const limit = limits.maxListPage;
    const rows = await registry.tables.scan('data', { after, upTo: '~', limit });
    const last = rows.at(-1)?.partitionKey;
    const isLastPage = rows.length < limit || last === undefined;
    const byName = Map.groupBy(rows, ({ partitionKey }) => partitionKey);
    // The last name of a full page may have more rows.
    if (!isLastPage && byName.size > 1) byName.delete(last);
    else if (!isLastPage) byName.set(last, await allOf(registry, last));
    for (const blob of byName.values()) add(blob, sums);
    if (isLastPage) return undefined;
    after = [...byName.keys()].at(-1) ?? after;
    if (isTimeUp()) return after;
  }
}

async function allOf(registry: Registry, name: string): Promise<ScannedRow[]> {
  const rows = await registry.tables.list('data', name, { from: '', before: '~' });
  return rows.map((row) => ({ ...row, partitionKey: name }));
}

function add(rows: readonly ScannedRow[], sums: Map<string, BlobBytes>): void {
  const size = rows.find(({ rowKey }) => rowKey === liveKey)?.properties['size'];
  if (typeof size !== 'number') return;
  const holders = rows.flatMap(({ rowKey }) => (rowKey.startsWith('h:') ? [rowKey.slice(2)] : []));
  for (const partition of holders) {
    const sum = sums.get(partition) ?? { unique: 0, shared: 0 };
    sum[holders.length === 1 ? 'unique' : 'shared'] += size;
    sums.set(partition, sum);
  }
}
