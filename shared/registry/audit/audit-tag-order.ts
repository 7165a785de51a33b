import type { Tag } from '../../domain/reference.ts';
import type { Row } from '../../ports/table-store.ts';
import { newestFirstKey, oldestFirstKey, tagKey } from '../rows/row-keys.ts';
import { orderTime, reorder } from '../tags/tag-order.ts';
import { readTag } from '../tags/tag-row.ts';
import { type Audit, isJudged, rowsOf, settle } from './audit-work.ts';

const kinds = { o: newestFirstKey, a: oldestFirstKey } as const;

/**
 * Compares the rows that put tags in the order of time with the tags. `places` are the times, in
 * milliseconds, at which the tags say that their rows are; what differs is read once more.
 */
export async function auditTagOrder(
  audit: Audit,
  partition: string,
  places: ReadonlyMap<string, number>,
): Promise<void> {
  for (const kind of ['o', 'a'] as const) {
    const found = new Set<string>();
    for await (const row of rowsOf(audit, partition, kind)) {
      const tag = tagOfOrder(row);
      const place = places.get(tag);
      if (place !== undefined && kinds[kind](new Date(place), tag) === row.rowKey) found.add(tag);
      else if (isJudged(audit, row)) await auditOrderRow(audit, partition, kind, row);
    }
    for (const tag of places.keys()) {
      if (!found.has(tag)) await auditPlace(audit, partition, kind, tag as Tag);
    }
  }
}

function tagOfOrder({ rowKey }: Row): Tag {
  return rowKey.slice(rowKey.lastIndexOf(':') + 1) as Tag;
}

/** Whoever writes the tag at that time writes the row again. Its ETag is older than the look. */
async function auditOrderRow(
  audit: Audit,
  partition: string,
  kind: keyof typeof kinds,
  row: Row,
): Promise<void> {
  const { registry } = audit;
  const tag = tagOfOrder(row);
  const time = orderTime((await readTag(registry, partition, tag))?.properties ?? {});
  if (time !== undefined && kinds[kind](time, tag) === row.rowKey) return;
  await settle(audit, 'staleTagOrders', `${partition} ${row.rowKey}`, async () => {
    const { rowKey, etag } = row;
    return (await registry.tables.commit('repo', partition, [{ kind: 'delete', rowKey, etag }])).ok;
  });
}

async function auditPlace(
  audit: Audit,
  partition: string,
  kind: keyof typeof kinds,
  tag: Tag,
): Promise<void> {
  const { tables } = audit.registry;
  const rowKey = tagKey(tag);
  const row = await tables.get('repo', partition, rowKey);
  const time = row && orderTime(row.properties);
  if (row === undefined || time === undefined || !isJudged(audit, row)) return;
  if ((await tables.get('repo', partition, kinds[kind](time, tag))) !== undefined) return;
  await settle(audit, 'missingTagOrders', `${partition} ${rowKey}`, async () => {
    const outcome = await tables.commit('repo', partition, [
      { kind: 'merge', rowKey, etag: row.etag, properties: {} },
      ...reorder(tag, undefined, row.properties),
    ]);
    return outcome.ok;
  });
}
