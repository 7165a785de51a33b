import type { Operation, Row } from '../../ports/table-store.ts';
import type { Registry } from '../registry.ts';
import { pullsPartition } from '../rows/row-keys.ts';
import { rowPages } from '../rows/row-pages.ts';
import { number, optionalText, time } from '../rows/row-values.ts';
import { limits } from '../settings.ts';
import { pullsOf } from './pull-rows.ts';

/** What a repository's own rows say of it. */
export interface RepositoryCount {
  readonly manifests: number;
  readonly manifestBytes: number;
  readonly tags: number;
  /** When the newest manifest was pushed or a tag last written. */
  readonly lastPush: Date | undefined;
  readonly lastPull: Date | undefined;
}

/**
 * Counts what is live in a repository, and forgets the pulls of manifests that are gone. A request
 * for 1,000 manifests, tags and pulls each.
 */
export async function countRepository(
  registry: Registry,
  partition: string,
): Promise<RepositoryCount> {
  const pulls = new Map(await pullsOf(registry, partition));
  const gone = new Set(pulls.keys());
  const pushes: number[] = [];
  let manifests = 0;
  let manifestBytes = 0;
  for await (const rows of rowPages(registry, partition, 'm:', ['state', 'size', 'created'])) {
    for (const row of rows) gone.delete(row.rowKey.slice(2));
    const live = rows.filter((row) => optionalText(row, 'state') === 'live');
    manifests += live.length;
    manifestBytes += live.reduce((sum, row) => sum + number(row, 'size'), 0);
    pushes.push(latest(live, 'created'));
  }
  let tags = 0;
  for await (const rows of rowPages(registry, partition, 't:', ['updated'])) {
    tags += rows.length;
    pushes.push(latest(rows, 'updated'));
  }
  await forget(registry, partition, [...gone]);
  return {
    manifests,
    manifestBytes,
    tags,
    lastPush: dateOf(pushes),
    lastPull: dateOf([...pulls.values()].map((pulled) => pulled.getTime())),
  };
}

function latest(rows: readonly Row[], property: string): number {
  return rows.reduce((max, row) => Math.max(max, time(row, property).getTime()), 0);
}

function dateOf(times: readonly number[]): Date | undefined {
  const max = times.reduce((a, b) => Math.max(a, b), 0);
  return max === 0 ? undefined : new Date(max);
}

async function forget(
  registry: Registry,
  partition: string,
  digests: readonly string[],
): Promise<void> {
  const most = limits.maxTransactionOperations;
  for (let at = 0; at < digests.length; at += most) {
    const deletes = digests
      .slice(at, at + most)
      .map((rowKey): Operation => ({ kind: 'delete', rowKey, etag: '*' }));
    await registry.tables.commit('usage', pullsPartition(partition), deletes);
  }
}
