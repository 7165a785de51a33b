import type { Registry } from '../registry.ts';
import { reportsPartition, type WorkKind } from '../rows/row-keys.ts';
import { optionalText } from '../rows/row-values.ts';
import type { Outcome } from './work.ts';

/** What a sweep looked at, by the names that its report has for the kinds of work. */
export const kindNames = {
  u: 'uploads',
  b: 'blobs',
  n: 'releases',
  m: 'manifests',
  f: 'manifestBytes',
  x: 'givenUpBytes',
} as const satisfies Record<WorkKind, string>;
export type KindName = (typeof kindNames)[WorkKind];

export interface KindReport {
  /** Work rows that were due. */
  readonly seen: number;
  /** Whose work is done; in a dry run, would be. */
  readonly done: number;
  /** That stay, because something is not over yet. */
  readonly waiting: number;
  readonly failed: number;
  readonly freedBytes: number;
}

/** What a sweep did; in a dry run, what it would have done. Serialises to JSON as it is. */
export interface SweepReport {
  readonly startedAt: string;
  readonly durationMs: number;
  readonly dryRun: boolean;
  /** False when time was up before every repository was visited. The next sweep goes on there. */
  readonly complete: boolean;
  readonly repositoriesVisited: number;
  /** Repositories that were forgotten, because nothing was left in them. */
  readonly repositoriesRemoved: number;
  readonly kinds: Readonly<Record<KindName, KindReport>>;
  /** Rows of a kind that this version does not know. */
  readonly unknownRows: number;
  /** The first ten; `failed` counts all. */
  readonly failures: readonly string[];
}

const maxFailuresNamed = 10;
const maxFailureChars = 500;

/** Counts while a sweep runs. */
export class SweepTally {
  readonly #kinds: Record<KindName, { -readonly [Key in keyof KindReport]: KindReport[Key] }> = {
    uploads: nothing(),
    blobs: nothing(),
    releases: nothing(),
    manifests: nothing(),
    manifestBytes: nothing(),
    givenUpBytes: nothing(),
  };
  readonly #failures: string[] = [];
  repositoriesVisited = 0;
  repositoriesRemoved = 0;
  unknownRows = 0;

  count(kind: WorkKind, outcome: Outcome): void {
    const counts = this.#kinds[kindNames[kind]];
    counts.seen += 1;
    counts[outcome.work === 'done' ? 'done' : 'waiting'] += 1;
    counts.freedBytes += outcome.freedBytes;
  }

  countFailure(kind: WorkKind, partition: string, rowKey: string, error: unknown): void {
    const counts = this.#kinds[kindNames[kind]];
    counts.seen += 1;
    counts.failed += 1;
    this.fail(`${partition} ${rowKey}`, error);
  }

  fail(where: string, error: unknown): void {
    if (this.#failures.length >= maxFailuresNamed) return;
    this.#failures.push(`${where}: ${String(error)}`.slice(0, maxFailureChars));
  }

  report(run: Pick<SweepReport, 'startedAt' | 'durationMs' | 'dryRun' | 'complete'>): SweepReport {
    return {
      ...run,
      repositoriesVisited: this.repositoriesVisited,
      repositoriesRemoved: this.repositoriesRemoved,
      kinds: this.#kinds,
      unknownRows: this.unknownRows,
      failures: this.#failures,
    };
  }
}

function nothing() {
  return { seen: 0, done: 0, waiting: 0, failed: 0, freedBytes: 0 };
}

const rowKey = 'sweep';

/**
 * Keeps the report of a sweep that wrote, in place of the one before. `stoppedBefore` is the
 * partition that it did not finish; empty when it came to all.
 */
export async function keepSweepReport(
  registry: Registry,
  report: SweepReport,
  stoppedBefore: string,
): Promise<void> {
  const properties = { report: JSON.stringify(report), stoppedBefore };
  await registry.tables.commit('catalog', reportsPartition, [
    { kind: 'upsert', rowKey, properties },
  ]);
}

/** The partition at which the last sweep stopped; empty when it came to all. One request. */
export async function whereSweepStopped(registry: Registry): Promise<string> {
  const row = await registry.tables.get('catalog', reportsPartition, rowKey);
  return (row && optionalText(row, 'stoppedBefore')) ?? '';
}

/**
 * The report of the last sweep, or of the last audit, that was no dry run: JSON as its function
 * answered it. Undefined before the first. One request.
 */
export async function lastReport(
  registry: Registry,
  of: 'sweep' | 'audit',
): Promise<string | undefined> {
  const row = await registry.tables.get('catalog', reportsPartition, of);
  return row && optionalText(row, 'report');
}
