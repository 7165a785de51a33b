import { randomUUID } from 'node:crypto';
import type { Operation, RowProperties } from '../../ports/table-store.ts';
import type { Registry } from '../registry.ts';
import { catalogueRows } from '../repositories/catalog.ts';
import { optionalText } from '../rows/row-values.ts';
import { limits } from '../settings.ts';
import { type BlobBytes, countBlobs } from './count-blobs.ts';
import { countRepository } from './count-repository.ts';
import { countsPartition, notePullsSince, statePartition } from './pull-rows.ts';

const stateKey = 'count';
/** Of table `usage`: what one call counted of the blobs. */
const sumsPartition = (call: string) => `c:${call}`;
const most = limits.maxTransactionOperations;

/** Where a count is, kept in a row between calls. */
interface Progress {
  readonly stage: 'blobs' | 'repositories' | 'over';
  /** What was counted last: a physical name, a repository's partition. */
  readonly position: string;
  /** The calls whose sums of blobs count. */
  readonly calls: readonly string[];
  readonly startedAt: Date;
  readonly etag: string | undefined;
}

/** What a call did. Serialises to JSON as it is. */
export interface CountReport {
  /** False: time was up, and the next call goes on. */
  readonly complete: boolean;
  readonly repositories: number;
}

/**
 * Counts what every repository holds, into table `usage`: the blobs by who holds them, then each
 * repository's manifests and tags. Linear in what is stored; goes on where the last call stopped,
 * and begins anew, unless told otherwise, once the last count began a day ago. A call that ends in
 * the middle is repeated by the next from where it began; of two at once one stops. Undefined when
 * there is nothing to do. Throws StorageUnavailable.
 */
export async function countUsage(
  registry: Registry,
  options: { readonly maxMs: number; readonly now?: boolean },
): Promise<CountReport | undefined> {
  const begunAtMs = performance.now();
  const isTimeUp = () => performance.now() - begunAtMs >= options.maxMs;
  const started = await begin(registry, options.now === true);
  if (started === undefined) return undefined;
  const counted = started.stage === 'blobs' ? await blobs(registry, started, isTimeUp) : started;
  if (counted?.stage !== 'repositories') return { complete: false, repositories: 0 };
  return await repositories(registry, counted, isTimeUp);
}

async function begin(registry: Registry, now: boolean): Promise<Progress | undefined> {
  const row = await registry.tables.get('usage', statePartition, stateKey);
  const startedAt = row?.properties['startedAt'];
  const stage = row && optionalText(row, 'stage');
  const nowTime = registry.clock.now();
  if (row !== undefined && startedAt instanceof Date && stage !== 'over') {
    return {
      stage: stage === 'repositories' ? stage : 'blobs',
      position: optionalText(row, 'position') ?? '',
      calls: (optionalText(row, 'calls') ?? '').split(',').filter((call) => call !== ''),
      startedAt,
      etag: row.etag,
    };
  }
  const ageMs = startedAt instanceof Date ? nowTime.getTime() - startedAt.getTime() : Infinity;
  if (!now && ageMs < registry.seconds.usageCount * 1000) return undefined;
  await notePullsSince(registry);
  return { stage: 'blobs', position: '', calls: [], startedAt: nowTime, etag: row?.etag };
}

async function blobs(
  registry: Registry,
  progress: Progress,
  isTimeUp: () => boolean,
): Promise<Progress | undefined> {
  const sums = new Map<string, BlobBytes>();
  const position = await countBlobs(registry, progress.position, sums, isTimeUp);
  const call = randomUUID();
  const rows = [...sums].map(([rowKey, { unique, shared }]): Operation => ({
    kind: 'upsert',
    rowKey,
    properties: { unique, shared },
  }));
  for (let at = 0; at < rows.length; at += most) {
    await registry.tables.commit('usage', sumsPartition(call), rows.slice(at, at + most));
  }
  return await keep(registry, {
    ...progress,
    stage: position === undefined ? 'repositories' : 'blobs',
    position: position ?? '',
    calls: [...progress.calls, call],
  });
}

async function repositories(
  registry: Registry,
  progress: Progress,
  isTimeUp: () => boolean,
): Promise<CountReport> {
  let counted = 0;
  for await (const rows of catalogueRows(registry, progress.position)) {
    for (const { rowKey: partition } of rows) {
      // The catalogue is walked round; what lies before the position was counted by calls before.
      if (partition < progress.position) continue;
      await count(registry, progress, partition);
      counted += 1;
      if (!isTimeUp()) continue;
      await keep(registry, { ...progress, position: `${partition}!` });
      return { complete: false, repositories: counted };
    }
  }
  await clearSums(registry);
  const { startedAt } = progress;
  await clear(registry, countsPartition, ({ countedAt }) => !isSince(countedAt, startedAt));
  await keep(registry, { ...progress, stage: 'over', calls: [] });
  return { complete: true, repositories: counted };
}

async function count(registry: Registry, { calls }: Progress, partition: string): Promise<void> {
  const bytes: BlobBytes = { unique: 0, shared: 0 };
  for (const call of calls) {
    const row = await registry.tables.get('usage', sumsPartition(call), partition);
    bytes.unique += amount(row?.properties['unique']);
    bytes.shared += amount(row?.properties['shared']);
  }
  const { manifestBytes, lastPush, lastPull, ...counts } = await countRepository(
    registry,
    partition,
  );
  const properties: RowProperties = {
    ...counts,
    uniqueBytes: bytes.unique + manifestBytes,
    sharedBytes: bytes.shared,
    countedAt: registry.clock.now(),
    ...(lastPush !== undefined && { lastPush }),
    ...(lastPull !== undefined && { lastPull }),
  };
  await registry.tables.commit('usage', countsPartition, [
    { kind: 'upsert', rowKey: partition, properties },
  ]);
}

/** Keeps where the count is; undefined when another call did so first. */
async function keep(registry: Registry, progress: Progress): Promise<Progress | undefined> {
  const { stage, position, startedAt, etag, calls } = progress;
  const properties = { stage, position, startedAt, calls: calls.join(',') };
  const outcome = await registry.tables.commit('usage', statePartition, [
    etag === undefined
      ? { kind: 'insert', rowKey: stateKey, properties }
      : { kind: 'replace', rowKey: stateKey, etag, properties },
  ]);
  return outcome.ok ? { ...progress, etag: outcome.etags[0] ?? '' } : undefined;
}

/** Also those of calls that ended in the middle; no new count begins before this one is over. */
async function clearSums(registry: Registry): Promise<void> {
  for (;;) {
    const [row] = await registry.tables.scan('usage', { after: 'c:', upTo: 'c;', limit: 1 });
    if (row === undefined) return;
    await clear(registry, row.partitionKey, () => true);
  }
}

async function clear(
  registry: Registry,
  partition: string,
  isOver: (properties: RowProperties) => boolean,
): Promise<void> {
  for (let from = '0'; ;) {
    const rows = await registry.tables.list('usage', partition, {
      from,
      before: '~',
      limit: limits.maxListPage,
    });
    const over = rows.filter(({ properties }) => isOver(properties));
    for (let at = 0; at < over.length; at += most) {
      const deletes = over
        .slice(at, at + most)
        .map(({ rowKey, etag }): Operation => ({ kind: 'delete', rowKey, etag }));
      await registry.tables.commit('usage', partition, deletes);
    }
    const last = rows.at(-1);
    if (rows.length < limits.maxListPage || last === undefined) return;
    from = `${last.rowKey}!`;
  }
}

const amount = (value: unknown) => (typeof value === 'number' ? value : 0);
const isSince = (value: unknown, time: Date) => value instanceof Date && value >= time;
