import type { Digest } from '../../domain/digest.ts';
import type { PhysicalName } from '../../domain/physical-name.ts';
import type { Row } from '../../ports/table-store.ts';
import { beginRelease, endRelease, readHolding } from '../blobs/release-blob.ts';
import { lostRace } from '../contention.ts';
import { repositoryAttributes } from '../repositories/repository-attributes.ts';
import { inSeconds, type Registry } from '../registry.ts';
import { isKept } from '../rows/attributes.ts';
import { blobLinkKey, keysUnder, repositoryOfPartition, workKey } from '../rows/row-keys.ts';
import { text } from '../rows/row-values.ts';
import { done, isOlder, type Outcome, type Sweep, waits, type Work } from './work.ts';

/**
 * A blob's link: released when no manifest refers to it and nobody was promised it in the last day
 * (docs/storage.md, "Release"). A reference drops the work row: who takes the reference away writes
 * another.
 */
export async function sweepBlob(sweep: Sweep, work: Work): Promise<Outcome> {
  const { registry, dryRun } = sweep;
  const { partition } = work;
  const digest = work.key as Digest;
  if (await isReferenced(registry, partition, digest)) return done;
  const found = await registry.tables.get('repo', partition, blobLinkKey(digest));
  if (found === undefined) return done;

  const holding = { partition, digest, name: text(found, 'name') as PhysicalName };
  const rows = await readHolding(registry, holding, true);
  if (rows.link === undefined) return waits;
  // Listed after the link's ETag was read, which every manifest that comes to refer to it changes.
  if (await isReferenced(registry, partition, digest)) return done;
  const { unreferencedBlob } = registry.seconds;
  if (!isOlder(rows.link, unreferencedBlob)) return await lookAgain(sweep, work, rows.link);
  const attributes = await repositoryAttributes(registry, repositoryOfPartition(partition));
  if (isKept(attributes)) return waits;
  if (dryRun) return done;

  const release = await beginRelease(registry, holding, rows);
  if (release === lostRace) return waits;
  // What is left when the end fails has a work row of its own.
  await endRelease(registry, release, rows.holder);
  return done;
}

async function isReferenced(
  registry: Registry,
  partition: string,
  digest: Digest,
): Promise<boolean> {
  const parents = await registry.tables.list('repo', partition, {
    ...keysUnder(`p:${digest}:`),
    limit: 1,
    select: [],
  });
  return parents.length > 0;
}

/** Puts the work row off until the promise given last is over. */
async function lookAgain(
  { registry, dryRun }: Sweep,
  { partition, rowKey, etag, key }: Work,
  { ageMs }: Row,
): Promise<Outcome> {
  const due = inSeconds(registry, registry.seconds.unreferencedBlob - ageMs / 1000);
  const later = workKey(due, 'b', key);
  if (dryRun || later <= rowKey) return waits;
  await registry.tables.commit('repo', partition, [
    { kind: 'delete', rowKey, etag },
    { kind: 'upsert', rowKey: later, properties: {} },
  ]);
  return waits;
}
