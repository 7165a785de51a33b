import type { Registry } from '../registry.ts';
import type { WorkKind } from '../rows/row-keys.ts';

/** A sweep as its steps see it. */
export interface Sweep {
  readonly registry: Registry;
  /** Looks and tells, and writes nothing. */
  readonly dryRun: boolean;
}

/** A work row that is due (row `z`). */
export interface Work {
  readonly partition: string;
  readonly rowKey: string;
  readonly etag: string;
  readonly ageMs: number;
  readonly kind: WorkKind;
  /** What follows the kind in the row's key. */
  readonly key: string;
}

/** What came of a work row: it is `done` and goes, or what it asks for must wait and it stays. */
export interface Outcome {
  readonly work: 'done' | 'waits';
  /** Of stored bytes that were deleted; in a dry run, that would be. */
  readonly freedBytes: number;
}

export const done: Outcome = { work: 'done', freedBytes: 0 };
export const waits: Outcome = { work: 'waits', freedBytes: 0 };

/** Looks at one work row. Idempotent; any number may look at one row at once. */
export type Step = (sweep: Sweep, work: Work) => Promise<Outcome>;

/** Whether a row's last write is longer ago than that, by storage's clock. */
export function isOlder({ ageMs }: { readonly ageMs: number }, seconds: number): boolean {
  return ageMs >= seconds * 1000;
}
