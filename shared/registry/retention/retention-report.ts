import type { Digest } from '../../domain/digest.ts';
import type { Tag } from '../../domain/reference.ts';
import type { RepositoryName } from '../../domain/repository-name.ts';
import type { Registry } from '../registry.ts';
import { reportsPartition } from '../rows/row-keys.ts';
import { optionalText } from '../rows/row-values.ts';

/** Something that retention deletes, or would delete, and the rule that says so. */
export interface RetentionItem {
  readonly repository: RepositoryName;
  /** Left out where the manifest goes with all its names. */
  readonly tag?: Tag;
  readonly digest: Digest;
  readonly rule: string;
  readonly reason: 'tag' | 'untagged' | 'referrer';
}

/** What retention did; of a preview, what it would have done. Serialises to JSON as it is. */
export interface RetentionReport {
  readonly startedAt: string;
  readonly durationMs: number;
  readonly dryRun: boolean;
  /** False when time was up before every repository was visited. The next run goes on there. */
  readonly complete: boolean;
  /** Those that a rule fits. */
  readonly repositoriesVisited: number;
  readonly tags: number;
  readonly manifests: number;
  /** What was to go, and changed or was locked meanwhile. */
  readonly kept: number;
  /** The first of them, in the order in which they go. */
  readonly items: readonly RetentionItem[];
  /** The first ten. */
  readonly failures: readonly string[];
}

const rowKey = 'retention';
/** A row's text property holds 32 K characters; the items are in the audit trail. */
const maxFailureChars = 500;
const maxFailures = 10;

/** Counts while retention runs. */
export class RetentionTally {
  readonly #maxItems: number;
  readonly #items: RetentionItem[] = [];
  readonly #failures: string[] = [];
  #tags = 0;
  #manifests = 0;
  kept = 0;
  repositoriesVisited = 0;

  constructor(maxItems: number) {
    this.#maxItems = maxItems;
  }

  count(item: RetentionItem): void {
    if (item.reason === 'tag') this.#tags += 1;
    else this.#manifests += 1;
    if (this.#items.length < this.#maxItems) this.#items.push(item);
  }

  fail(where: string, error: unknown): void {
    if (this.#failures.length >= maxFailures) return;
    this.#failures.push(`${where}: ${String(error)}`.slice(0, maxFailureChars));
  }

  report(
    run: Pick<RetentionReport, 'startedAt' | 'durationMs' | 'dryRun' | 'complete'>,
  ): RetentionReport {
    return {
      ...run,
      repositoriesVisited: this.repositoriesVisited,
      tags: this.#tags,
      manifests: this.#manifests,
      kept: this.kept,
      items: this.#items,
      failures: this.#failures,
    };
  }
}

/** Where the last run stopped, and when the last that came to its end began. */
export interface RetentionCursor {
  /** The partition that was not finished; empty when all were. */
  readonly stoppedBefore: string;
  readonly startedAt: Date | undefined;
}

/** One request. */
export async function readRetentionCursor(registry: Registry): Promise<RetentionCursor> {
  const row = await registry.tables.get('catalog', reportsPartition, rowKey);
  const startedAt = row?.properties['startedAt'];
  return {
    stoppedBefore: (row && optionalText(row, 'stoppedBefore')) ?? '',
    startedAt: startedAt instanceof Date ? startedAt : undefined,
  };
}

/** Keeps where a run stopped, and its report without its items. One request. */
export async function keepRetentionCursor(
  registry: Registry,
  report: RetentionReport,
  stoppedBefore: string,
): Promise<void> {
  const properties = {
    report: JSON.stringify({ ...report, items: [] }),
    stoppedBefore,
    startedAt: new Date(report.startedAt),
  };
  await registry.tables.commit('catalog', reportsPartition, [
    { kind: 'upsert', rowKey, properties },
  ]);
}
