import type { Digest } from '../../domain/digest.ts';
import type { RepositoryName } from '../../domain/repository-name.ts';
import { matchesPattern } from '../../domain/repository-pattern.ts';
import { RegistryError } from '../../errors.ts';
import type { RetentionRule } from '../../policy/keeping-rules.ts';
import type { Operation } from '../../ports/table-store.ts';
import { readManifestRow } from '../manifests/manifest-row.ts';
import { beingRestored, isRestoring } from '../backup/restore-state.ts';
import { deleteTag, purgeManifest } from '../manifests/delete-manifest.ts';
import type { Registry } from '../registry.ts';
import { catalogueRow, catalogueRows } from '../repositories/catalog.ts';
import { readRepositoryAttributes } from '../repositories/repository-attributes.ts';
import { isKept } from '../rows/attributes.ts';
import { manifestKey, repositoryOfPartition, repositoryPartition } from '../rows/row-keys.ts';
import { inTurns } from '../sweep/in-turns.ts';
import { immutability } from '../tags/immutability.ts';
import { pullsSince } from '../usage/pull-rows.ts';
import { planRetention, type RetentionPlan } from './plan.ts';
import { readRetained } from './read-repository.ts';
import {
  keepRetentionCursor,
  readRetentionCursor,
  type RetentionItem,
  type RetentionReport,
  RetentionTally,
} from './retention-report.ts';

export interface RetentionOptions {
  /** Looks and tells, and deletes nothing. */
  readonly dryRun: boolean;
  /** Nothing is begun later than this; what is left is the next run's. */
  readonly maxMs: number;
  /** Visits this one only; all of them, when left out. */
  readonly repository?: RepositoryName;
  /** So many items are in the report. */
  readonly maxItems: number;
  /** Hears of everything that was deleted. */
  readonly onDeleted?: (item: RetentionItem) => void;
}

const tagsAtOnce = 8;

/**
 * Deletes what the policy's rules of retention say, a repository at a time, by the same functions
 * as anybody's delete: locks, immutability and soft delete hold, and what changes while it looks
 * stays. Any number may run at once, and each may stop anywhere: what was deleted is gone for the
 * next one. A restore stops it before the next repository. What fails is told in the report. Costs
 * nothing for repositories that no rule fits; see {@link readRetained} for the others. Throws
 * StorageUnavailable when the catalogue can't be read.
 */
export async function retain(
  registry: Registry,
  options: RetentionOptions,
): Promise<RetentionReport> {
  const begunAtMs = performance.now();
  const startedAt = registry.clock.now();
  const run: Run = {
    registry,
    options,
    tally: new RetentionTally(options.maxItems),
    pullsSinceMs: (await pullsSince(registry))?.getTime(),
    isTimeUp: () => performance.now() - begunAtMs >= options.maxMs,
  };
  const isStill = !options.dryRun && (await isRestoring(registry));
  if (isStill) run.tally.fail('nothing was deleted', beingRestored);
  const stoppedBefore = isStill ? '~' : await visitAll(run);
  const report = run.tally.report({
    startedAt: startedAt.toISOString(),
    durationMs: Math.round(performance.now() - begunAtMs),
    dryRun: options.dryRun,
    complete: stoppedBefore === '',
  });
  if (!options.dryRun && options.repository === undefined && !isStill) {
    await keepRetentionCursor(registry, report, stoppedBefore);
  }
  return report;
}

/** As {@link retain}, once the last run began a day ago or did not come to its end. */
export async function retainWhenDue(
  registry: Registry,
  options: RetentionOptions,
): Promise<RetentionReport | undefined> {
  const { retention } = await registry.policy.current();
  if (retention.length === 0) return undefined;
  const { stoppedBefore, startedAt } = await readRetentionCursor(registry);
  const ageMs = registry.clock.now().getTime() - (startedAt?.getTime() ?? 0);
  const isDue = stoppedBefore !== '' || ageMs >= registry.seconds.retentionPause * 1000;
  return isDue ? await retain(registry, options) : undefined;
}

interface Run {
  readonly registry: Registry;
  readonly options: RetentionOptions;
  readonly tally: RetentionTally;
  readonly pullsSinceMs: number | undefined;
  readonly isTimeUp: () => boolean;
}

/** Answers the first repository that time did not allow to be finished; empty when all were. */
async function visitAll(run: Run): Promise<string> {
  const { registry, options } = run;
  const { repository } = options;
  if (repository !== undefined) {
    const row = await catalogueRow(registry, repository);
    return row === undefined ? '' : await visit(run, repository);
  }
  const start = options.dryRun ? '' : (await readRetentionCursor(registry)).stoppedBefore;
  for await (const rows of catalogueRows(registry, start)) {
    for (const { rowKey } of rows) {
      const stopped = await visit(run, repositoryOfPartition(rowKey));
      if (stopped !== '') return stopped;
    }
  }
  return '';
}

/** Answers the repository's partition when time was up before it was finished, else nothing. */
async function visit(run: Run, repository: RepositoryName): Promise<string> {
  const { registry, tally } = run;
  const { retention } = await registry.policy.current();
  const rules = retention.filter(({ repositories }) => matchesPattern(repositories, repository));
  if (rules.length === 0) return '';
  const partition = repositoryPartition(repository);
  if (run.isTimeUp()) return partition;
  tally.repositoriesVisited += 1;
  try {
    if (isKept(await readRepositoryAttributes(registry, repository))) return '';
    const plan = await planOf(run, repository, rules);
    if (plan.tags.length === 0 && plan.manifests.length === 0) return '';
    if (run.options.dryRun) {
      preview(run, repository, plan);
      return '';
    }
    if (await isRestoring(registry)) {
      tally.fail(repository, beingRestored);
      return partition;
    }
    return (await apply(run, repository, plan)) ? '' : partition;
  } catch (error) {
    tally.fail(repository, error);
    return '';
  }
}

async function planOf(
  { registry, pullsSinceMs }: Run,
  repository: RepositoryName,
  rules: readonly RetentionRule[],
): Promise<RetentionPlan> {
  const { deleteReferrers, softDelete } = await registry.policy.current();
  const isImmutable = await immutability(registry, repository, []);
  const partition = repositoryPartition(repository);
  return planRetention(await readRetained(registry, partition, isImmutable), {
    rules,
    deleteReferrers: matchesPattern(deleteReferrers, repository),
    softDelete: softDelete.some((rule) => matchesPattern(rule.repositories, repository)),
    nowMs: registry.clock.now().getTime(),
    dayMs: registry.seconds.retainedDay * 1000,
    pullsSinceMs,
  });
}

function preview({ tally }: Run, repository: RepositoryName, plan: RetentionPlan): void {
  for (const { tag, digest, rule } of plan.tags) {
    tally.count({ repository, tag, digest, rule, reason: 'tag' });
  }
  for (const { digest, rule, reason } of plan.manifests) {
    tally.count({ repository, digest, rule, reason });
  }
}

/**
 * Tags first; then manifests, one after another, each after what must be gone before it: when that
 * stays, so does it. False when time was up.
 */
async function apply(run: Run, repository: RepositoryName, plan: RetentionPlan): Promise<boolean> {
  const { registry } = run;
  await inTurns(plan.tags, tagsAtOnce, async ({ tag, digest, etag: ifMatch, rule }) => {
    if (run.isTimeUp()) return;
    const item = { repository, tag, digest, rule, reason: 'tag' } as const;
    await remove(run, item, () => deleteTag(registry, repository, tag, { ifMatch }));
  });
  const gone = new Set<Digest>();
  for (const planned of plan.manifests) {
    const { digest, etag: ifMatch, rule, reason, subject, after } = planned;
    if (run.isTimeUp() && planned !== plan.manifests[0]) return false;
    if (!after.every((each) => gone.has(each))) {
      run.tally.kept += 1;
      continue;
    }
    const item = { repository, digest, rule, reason };
    const isGone = await remove(run, item, async () => {
      const beside = subject && (await assertEnded(registry, repository, subject));
      await purgeManifest(registry, repository, digest, { ifMatch, deletedWith: subject, beside });
    });
    if (isGone) gone.add(digest);
  }
  return !run.isTimeUp();
}

/** What fails the deletion of a referrer when its subject lives again. Throws 412 when it does. */
async function assertEnded(
  registry: Registry,
  repository: RepositoryName,
  subject: Digest,
): Promise<Operation | undefined> {
  const row = await readManifestRow(registry, repositoryPartition(repository), subject);
  if (row === undefined) return undefined;
  if (row.state === 'live' || row.state === 'pending') {
    throw new RegistryError('DENIED', { status: 412, message: 'the subject is there again' });
  }
  return { kind: 'merge', rowKey: manifestKey(subject), etag: row.etag, properties: {} };
}

/** Whether it is gone: by this, or by somebody else meanwhile. */
async function remove(
  { options, tally }: Run,
  item: RetentionItem,
  work: () => Promise<unknown>,
): Promise<boolean> {
  try {
    await work();
    tally.count(item);
    options.onDeleted?.(item);
    return true;
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    if (error.status === 404) return true;
    if (![403, 405, 412].includes(error.status)) throw error;
    tally.kept += 1;
    return false;
  }
}
