import type { Row } from '../../ports/table-store.ts';
import type { Registry } from '../registry.ts';
import { rowPages } from '../rows/row-pages.ts';
import { isOlder } from '../sweep/work.ts';
import { orderedAt } from '../tags/tag-order.ts';
import type { FindingKind, FindingTally } from './audit-findings.ts';

/** An audit as its parts see it. */
export interface Audit {
  readonly registry: Registry;
  /** Without it, looks and tells, and writes nothing but its report. */
  readonly repair: boolean;
  readonly tally: FindingTally;
  readonly isTimeUp: () => boolean;
}

/** Whether a row or blob is old enough to be judged: what is younger may be half done. */
export function isJudged({ registry }: Audit, row: { readonly ageMs: number }): boolean {
  return isOlder(row, registry.seconds.auditedAge);
}

/** Notes a finding, after it was repaired if it is to be; `repair` answers whether it was. */
export async function settle(
  { tally, repair: mayRepair }: Audit,
  kind: FindingKind,
  example: string,
  repair?: () => Promise<boolean>,
): Promise<void> {
  const repaired = mayRepair && repair !== undefined && (await repair());
  tally.note(kind, example, repaired);
}

/** The rows of one kind, in the order of their keys, as they are asked for. */
export async function* rowsOf(
  { registry }: Audit,
  partition: string,
  kind: string,
): AsyncGenerator<Row, void> {
  const select = ['state', 'workKey', 'digest', orderedAt];
  for await (const rows of rowPages(registry, partition, `${kind}:`, select)) yield* rows;
}
