import type { RepositoryName } from '../../domain/repository-name.ts';
import type { Operation, Row } from '../../ports/table-store.ts';
import { beingRestored, isRestoring } from '../backup/restore-state.ts';
import type { Registry } from '../registry.ts';
import { catalogueRow, catalogueRows } from '../repositories/catalog.ts';
import { parseWorkKey, type WorkKind, workDueBy } from '../rows/row-keys.ts';
import { limits } from '../settings.ts';
import { bringInOrder, isMarkedInOrder } from '../tags/bring-in-order.ts';
import { removeIfEmpty } from './empty-repository.ts';
import { inTurns } from './in-turns.ts';
import { sweepBlob } from './sweep-blob.ts';
import { sweepGivenUp } from './sweep-given-up.ts';
import { sweepIntent } from './sweep-intent.ts';
import { hideIfEmptied, sweepManifest } from './sweep-manifest.ts';
import { sweepManifestBytes } from './sweep-manifest-bytes.ts';
import {
  keepSweepReport,
  type SweepReport,
  SweepTally,
  whereSweepStopped,
} from './sweep-report.ts';
import { sweepUpload } from './sweep-upload.ts';
import type { Step, Sweep, Work } from './work.ts';

const steps: Readonly<Record<WorkKind, Step>> = {
  u: sweepUpload,
  b: sweepBlob,
  n: sweepIntent,
  m: sweepManifest,
  f: sweepManifestBytes,
  x: sweepGivenUp,
};

const repositoriesAtOnce = 4;
const rowsAtOnce = 4;

export interface SweepOptions {
  /** Looks and tells, and writes nothing. */
  readonly dryRun: boolean;
  /** No work row is begun later than this; what is left is the next sweep's. */
  readonly maxMs: number;
  /** Visits this one only; all of them, when left out. */
  readonly repository?: RepositoryName;
}

/**
 * Frees what nobody needs any more: visits each repository and looks at the work rows that are due
 * (docs/storage.md, "Sweep"). Any number may run at once, and each may stop anywhere. Costs one
 * request for a repository where nothing is due; its memory does not grow with what is stored. What
 * fails is told in the report and tried again by the next one. Throws StorageUnavailable when the
 * catalogue can't be read or the report can't be kept.
 */
export async function sweep(registry: Registry, options: SweepOptions): Promise<SweepReport> {
  const begunAtMs = performance.now();
  const startedAt = registry.clock.now();
  const run: Run = {
    sweep: { registry, dryRun: options.dryRun },
    tally: new SweepTally(),
    due: workDueBy(startedAt),
    isTimeUp: () => performance.now() - begunAtMs >= options.maxMs,
  };
  const stoppedBefore = (await isRestoring(registry))
    ? holdStill(run)
    : options.repository === undefined
      ? await visitAll(run, await whereSweepStopped(registry))
      : await visitOne(run, options.repository);
  const report = run.tally.report({
    startedAt: startedAt.toISOString(),
    durationMs: Math.round(performance.now() - begunAtMs),
    dryRun: options.dryRun,
    complete: stoppedBefore === '',
  });
  if (!options.dryRun && options.repository === undefined && stoppedBefore !== restoring)
    await keepSweepReport(registry, report, stoppedBefore);
  return report;
}

/** No partition is called so. */
const restoring = '~restoring';

/** What is half restored must not be taken for what nobody needs. */
function holdStill({ tally }: Run): string {
  tally.fail('nothing was freed', beingRestored);
  return restoring;
}

interface Run {
  readonly sweep: Sweep;
  readonly tally: SweepTally;
  /** The keys of work rows that are due. */
  readonly due: { readonly from: string; readonly before: string };
  readonly isTimeUp: () => boolean;
}

/** Answers the first repository that time did not allow to be finished; empty when all were. */
async function visitAll(run: Run, start: string): Promise<string> {
  let stoppedBefore = '';
  for await (const rows of catalogueRows(run.sweep.registry, start)) {
    await inTurns(rows, repositoriesAtOnce, async (row) => {
      if (!run.isTimeUp()) await visit(run, row);
      if (run.isTimeUp() && stoppedBefore === '') stoppedBefore = row.rowKey;
    });
    if (stoppedBefore !== '') break;
  }
  return stoppedBefore;
}

async function visitOne(run: Run, repository: RepositoryName): Promise<string> {
  const row = await catalogueRow(run.sweep.registry, repository);
  if (row === undefined) return '';
  await visit(run, row);
  return run.isTimeUp() ? row.rowKey : '';
}

async function visit(run: Run, repository: Row): Promise<void> {
  const { sweep: current, tally } = run;
  try {
    const seen = await sweepRepository(run, repository.rowKey);
    tally.repositoriesVisited += 1;
    if (seen === 0 && (await removeIfEmpty(current, repository))) tally.repositoriesRemoved += 1;
    else if (!current.dryRun && !isMarkedInOrder(repository)) {
      await bringInOrder(current.registry, repository.rowKey, run.isTimeUp);
    }
  } catch (error) {
    tally.fail(repository.rowKey, error);
  }
}

/** Answers how many rows were due. */
async function sweepRepository(run: Run, partition: string): Promise<number> {
  const { tables } = run.sweep.registry;
  let seen = 0;
  for (let { from } = run.due; !run.isTimeUp();) {
    const rows = await tables.list('repo', partition, {
      ...run.due,
      from,
      limit: limits.maxListPage,
      select: [],
    });
    seen += rows.length;
    const finished: Row[] = [];
    await inTurns(rows, rowsAtOnce, async (row) => {
      if (!run.isTimeUp() && (await isFinished(run, partition, row))) finished.push(row);
    });
    if (!run.sweep.dryRun) await finish(run.sweep.registry, partition, finished);
    const last = rows.at(-1);
    if (rows.length < limits.maxListPage || last === undefined) break;
    from = `${last.rowKey}!`;
  }
  return seen;
}

async function isFinished({ sweep: current, tally }: Run, partition: string, row: Row) {
  const parsed = parseWorkKey(row.rowKey);
  if (parsed === undefined) {
    tally.unknownRows += 1;
    return false;
  }
  const { rowKey, etag, ageMs } = row;
  const work: Work = { partition, rowKey, etag, ageMs, ...parsed };
  try {
    const outcome = await steps[work.kind](current, work);
    tally.count(work.kind, outcome);
    return outcome.work === 'done';
  } catch (error) {
    tally.countFailure(work.kind, partition, rowKey, error);
    return false;
  }
}

/** What follows from finished rows comes before their end, so that no crash forgets it. */
async function finish(
  registry: Registry,
  partition: string,
  finished: readonly Row[],
): Promise<void> {
  const hasManifests = finished.some(({ rowKey }) => parseWorkKey(rowKey)?.kind === 'm');
  if (hasManifests) await hideIfEmptied(registry, partition);
  await dropWork(registry, partition, finished);
}

/**
 * Deletes work rows under the ETags they were listed with: one that was written again since asks
 * for another look.
 */
async function dropWork(
  registry: Registry,
  partition: string,
  rows: readonly Row[],
): Promise<void> {
  for (let at = 0; at < rows.length; at += limits.maxTransactionOperations) {
    const deletes = rows
      .slice(at, at + limits.maxTransactionOperations)
      .map(({ rowKey, etag }): Operation => ({ kind: 'delete', rowKey, etag }));
    const outcome = await registry.tables.commit('repo', partition, deletes);
    if (outcome.ok) continue;
    for (const each of deletes) await registry.tables.commit('repo', partition, [each]);
  }
}
