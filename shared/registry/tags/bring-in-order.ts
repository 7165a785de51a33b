import type { Tag } from '../../domain/reference.ts';
import type { RepositoryName } from '../../domain/repository-name.ts';
import type { Operation, Row } from '../../ports/table-store.ts';
import { lostRace, untilDecided } from '../contention.ts';
import type { Registry } from '../registry.ts';
import { catalogueRow } from '../repositories/catalog.ts';
import { attributeNames } from '../rows/attributes.ts';
import {
  catalogPartition,
  keysUnder,
  repositoryPartition,
  tagKey,
  tagOfKey,
} from '../rows/row-keys.ts';
import { digest, time } from '../rows/row-values.ts';
import { limits } from '../settings.ts';
import { immutable } from './immutability.ts';
import { reverseProperties } from './tag-operations.ts';
import { orderedAt, orderTime, reorder } from './tag-order.ts';
import { readTag } from './tag-row.ts';

/** The property of a repository's catalogue row that says: every tag has its rows `o` and `a`. */
const inOrder = 'tagsInOrder';

/** Four operations a tag. */
const tagsPerTransaction = 25;

/** Whether the catalogue's row says that all tags of its repository are in the order of time. */
export function isMarkedInOrder({ properties }: Pick<Row, 'properties'>): boolean {
  return properties[inOrder] === true;
}

/**
 * Whether all tags of a repository have the rows that put them in the order of time. One request,
 * or none when this instance has seen in the last ten minutes that it is so.
 */
export async function isInOrder(registry: Registry, repository: RepositoryName): Promise<boolean> {
  const partition = repositoryPartition(repository);
  const { tagsInOrder } = registry.caches;
  if (tagsInOrder.has(partition)) return true;
  const row = await catalogueRow(registry, repository);
  if (row === undefined || !isMarkedInOrder(row)) return false;
  tagsInOrder.set(partition, true);
  return true;
}

/**
 * Gives the tags of a repository that a release without them wrote, or a restore, the rows that put
 * them in the order of time, and marks the repository. Any number may run at once, and each may
 * stop anywhere: the next one goes on with the tags that are left. One request for 1,000 tags that
 * are in order, and one for 25 that are not. False when time was up before the end.
 */
export async function bringInOrder(
  registry: Registry,
  partition: string,
  isTimeUp: () => boolean,
): Promise<boolean> {
  const { from: first, before } = keysUnder('t:');
  for (let from = first; ;) {
    if (isTimeUp()) return false;
    const rows = await registry.tables.list('repo', partition, {
      from,
      before,
      limit: limits.maxListPage,
      select: ['digest', 'created', 'updated', orderedAt, immutable, ...attributeNames],
    });
    const left = rows.filter(({ properties }) => orderTime(properties) === undefined);
    for (let at = 0; at < left.length; at += tagsPerTransaction) {
      if (isTimeUp()) return false;
      await bringSome(registry, partition, left.slice(at, at + tagsPerTransaction));
    }
    const last = rows.at(-1);
    if (rows.length < limits.maxListPage || last === undefined) break;
    from = `${last.rowKey}!`;
  }
  await registry.tables.commit('catalog', catalogPartition, [
    { kind: 'merge', rowKey: partition, etag: '*', properties: { [inOrder]: true } },
  ]);
  return true;
}

/** All at once; when somebody else changed one of them meanwhile, one by one. */
async function bringSome(registry: Registry, partition: string, rows: readonly Row[]) {
  const all = await registry.tables.commit('repo', partition, rows.flatMap(bringOperations));
  if (all.ok) return;
  for (const { rowKey } of rows) await bringOne(registry, partition, rowKey.slice(2) as Tag);
}

async function bringOne(registry: Registry, partition: string, tag: Tag): Promise<void> {
  await untilDecided(async () => {
    const row = await readTag(registry, partition, tag);
    if (row === undefined || orderTime(row.properties) !== undefined) return undefined;
    const operations = bringOperations({ ...row, rowKey: tagKey(tag) });
    const outcome = await registry.tables.commit('repo', partition, operations);
    return outcome.ok ? undefined : lostRace;
  });
}

/**
 * The tag's row under its ETag, so that nothing of it is overrun; and its reverse row, whose ETag
 * whoever deletes its manifest holds.
 */
function bringOperations(row: Pick<Row, 'rowKey' | 'etag' | 'properties'>): Operation[] {
  const full = { ageMs: 0, ...row };
  const tag = row.rowKey.slice(2) as Tag;
  const updated = time(full, 'updated');
  const properties = { ...row.properties, [orderedAt]: updated };
  return [
    { kind: 'merge', rowKey: row.rowKey, etag: row.etag, properties: { [orderedAt]: updated } },
    {
      kind: 'upsert',
      rowKey: tagOfKey(digest(full, 'digest'), tag),
      properties: reverseProperties(properties),
    },
    ...reorder(tag, row.properties, properties),
  ];
}
