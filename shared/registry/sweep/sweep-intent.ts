import type { PhysicalName } from '../../domain/physical-name.ts';
import { beginRelease, endRelease, type Holding, readHolding } from '../blobs/release-blob.ts';
import { lostRace } from '../contention.ts';
import { intentKey, splitDigest } from '../rows/row-keys.ts';
import { text } from '../rows/row-values.ts';
import { done, isOlder, type Outcome, type Sweep, waits, type Work } from './work.ts';

/**
 * An intent: a release that was begun is ended, and so is a mount that broke off (docs/storage.md,
 * "Release").
 */
export async function sweepIntent(sweep: Sweep, work: Work): Promise<Outcome> {
  const [digest, name] = splitDigest(work.key);
  const holding = { partition: work.partition, digest, name: name as PhysicalName };
  return await releaseIfUnlinked(sweep, holding, work.rowKey);
}

/**
 * Releases what a repository holds without a right to it, unless an upload or a mount is about to
 * end in one. `workKey` is the row that asks for it; an intent that has another is left to that.
 */
export async function releaseIfUnlinked(
  { registry, dryRun }: Sweep,
  holding: Holding,
  workKey: string,
): Promise<Outcome> {
  const rows = await readHolding(registry, holding, false);
  const { holder, intent, link, isUploading } = rows;
  if (intent === undefined && (isUploading || link !== undefined || holder === undefined)) {
    return done;
  }
  if (intent !== undefined && text(intent, 'workKey') !== workKey) return done;
  if (isUploading) return waits;
  const isReleasing = intent?.properties['releasing'] === true;
  const isYoung = intent !== undefined && !isOlder(intent, registry.seconds.unfinishedWork);
  if (isYoung && !isReleasing) return waits;
  if (dryRun) return done;

  if (intent !== undefined && link !== undefined) {
    // Another mount of the same ended in a link: only the intent was left over.
    const rowKey = intentKey(holding.digest, holding.name);
    const outcome = await registry.tables.commit('repo', holding.partition, [
      { kind: 'delete', rowKey, etag: intent.etag },
    ]);
    return outcome.ok ? done : waits;
  }
  const release = await beginRelease(registry, holding, rows);
  if (release === lostRace) return waits;
  return (await endRelease(registry, release, holder)) ? done : waits;
}
