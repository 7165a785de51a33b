import { isRestoring } from '../backup/restore-state.ts';
import type { Registry } from '../registry.ts';
import { catalogPartition, liveKey, reportsPartition } from '../rows/row-keys.ts';
import { optionalText } from '../rows/row-values.ts';
import { limits } from '../settings.ts';
import { inTurns } from '../sweep/in-turns.ts';
import { isOlder } from '../sweep/work.ts';
import { auditBytes, uploadNames } from './audit-bytes.ts';
import { type Findings, FindingTally, noFindings, parseFindings } from './audit-findings.ts';
import { auditRepository } from './audit-repository.ts';
import { type Audit, isJudged, settle } from './audit-work.ts';

export interface AuditOptions {
  /** Without it, looks and tells, and writes nothing but its report and where it is. */
  readonly repair: boolean;
  /** What is not looked at by then is the next call's. */
  readonly maxMs: number;
}

/** What an audit found. Serialises to JSON as it is. */
export interface AuditReport {
  readonly startedAt: string;
  /** False when time was up: the next call goes on. */
  readonly complete: boolean;
  readonly findings: Findings;
}

const stages = ['repositories', 'bytes', 'digests'] as const;

/** Where an audit is, kept in a row between calls. */
interface Progress {
  readonly startedAt: string;
  readonly stage: (typeof stages)[number] | 'over';
  /** Of the stage: a partition, or the mark of a page of blobs and the name before it. */
  readonly position: string;
  readonly after: string;
}

const reportKey = 'audit';
const progressKey = 'audit-progress';

/**
 * Looks at all that is stored for what two faults at once, a failover or a bug left behind
 * (docs/storage.md, "Audit"). Linear in what is stored; goes on where the last call stopped, and
 * starts again once it is through. Two at once only count twice. Throws StorageUnavailable.
 */
export async function audit(registry: Registry, options: AuditOptions): Promise<AuditReport> {
  const begunAtMs = performance.now();
  const kept = await registry.tables.get('catalog', reportsPartition, progressKey);
  const findings = kept && optionalText(kept, 'findings');
  const tally = new FindingTally(findings === undefined ? noFindings : parseFindings(findings));
  const isTimeUp = () => performance.now() - begunAtMs >= options.maxMs;
  const repair = options.repair && !(await isRestoring(registry));
  const current: Audit = { registry, repair, tally, isTimeUp };
  const stage = stages.find((each) => each === (kept && optionalText(kept, 'stage')));
  let progress: Progress = {
    startedAt: (kept && optionalText(kept, 'startedAt')) ?? registry.clock.now().toISOString(),
    stage: stage ?? 'repositories',
    position: (kept && optionalText(kept, 'position')) ?? '',
    after: (kept && optionalText(kept, 'after')) ?? '',
  };
  progress = await runStages(current, progress);
  const report: AuditReport = {
    startedAt: progress.startedAt,
    complete: progress.stage === 'over',
    findings: tally.findings,
  };
  await keep(registry, progress, report);
  return report;
}

/**
 * As {@link audit}, when one is under way or the last ended a week ago. Undefined when none is due.
 * Two requests then.
 */
export async function auditWhenDue(
  registry: Registry,
  options: AuditOptions,
): Promise<AuditReport | undefined> {
  const [last, progress] = await Promise.all(
    [reportKey, progressKey].map((key) => registry.tables.get('catalog', reportsPartition, key)),
  );
  const isOver = last !== undefined && progress === undefined;
  if (isOver && !isOlder(last, registry.seconds.auditPause)) return undefined;
  return await audit(registry, options);
}

async function keep(registry: Registry, progress: Progress, report: AuditReport): Promise<void> {
  const { tables } = registry;
  if (!report.complete) {
    const properties = { ...progress, findings: JSON.stringify(report.findings) };
    await tables.commit('catalog', reportsPartition, [
      { kind: 'upsert', rowKey: progressKey, properties },
    ]);
    return;
  }
  await tables.commit('catalog', reportsPartition, [
    { kind: 'upsert', rowKey: reportKey, properties: { report: JSON.stringify(report) } },
  ]);
  await tables.commit('catalog', reportsPartition, [
    { kind: 'delete', rowKey: progressKey, etag: '*' },
  ]);
}

async function runStages(current: Audit, start: Progress): Promise<Progress> {
  const steps = {
    repositories: nextRepository,
    bytes: await bytesStep(current),
    digests: nextDigests,
  };
  let progress = start;
  // At least one step, so that calls with ever so little time come to an end.
  for (let stepped = false; progress.stage !== 'over'; stepped = true) {
    if (stepped && current.isTimeUp()) break;
    const place = await steps[progress.stage](current, progress);
    const next = stages[stages.indexOf(progress.stage) + 1] ?? 'over';
    progress =
      place === undefined
        ? { ...progress, stage: next, position: '', after: '' }
        : { ...progress, ...place };
  }
  return progress;
}

type Place = Pick<Progress, 'position' | 'after'>;

/** Answers where to go on; undefined when the stage is through. */
async function nextRepository(current: Audit, { position }: Progress): Promise<Place | undefined> {
  const [row] = await current.registry.tables.list('catalog', catalogPartition, {
    from: position,
    before: '~',
    limit: 1,
    select: [],
  });
  if (row === undefined) return undefined;
  await auditRepository(current, row.rowKey);
  return { position: `${row.rowKey}!`, after: '' };
}

/** The uploads are read once a call, before any of what they are compared with. */
async function bytesStep(current: Audit) {
  let uploads: ReadonlySet<string> | undefined;
  return async (_: Audit, { position, after }: Progress): Promise<Place | undefined> => {
    uploads ??= await uploadNames(current);
    const mark = position === '' ? undefined : position;
    const { blobs, next } = await current.registry.blobs.list('content', mark);
    const upTo = next === undefined ? '~' : (blobs.at(-1)?.name ?? after);
    await auditBytes(current, { blobs, after, upTo }, uploads);
    return next === undefined ? undefined : { position: next, after: upTo };
  };
}

/** Advice that leads to bytes that are not there any more. */
async function nextDigests(current: Audit, { position }: Progress): Promise<Place | undefined> {
  const { tables } = current.registry;
  const limit = limits.maxListPage;
  const rows = await tables.scan('digests', { after: position, upTo: '~', limit });
  await inTurns(rows, 4, async (row) => {
    const { partitionKey, rowKey } = row;
    if (!isJudged(current, row)) return;
    if ((await tables.get('data', rowKey, liveKey)) !== undefined) return;
    await settle(current, 'staleDigests', `${partitionKey} ${rowKey}`, async () => {
      const deleted = { kind: 'delete', rowKey, etag: row.etag } as const;
      return (await tables.commit('digests', partitionKey, [deleted])).ok;
    });
  });
  const last = rows.at(-1)?.partitionKey;
  if (rows.length < limit || last === undefined) return undefined;
  // The last digest of a full page may have more names, unless it fills the page alone.
  const whole = rows.findLast(({ partitionKey }) => partitionKey !== last)?.partitionKey;
  return { position: whole ?? last, after: '' };
}
