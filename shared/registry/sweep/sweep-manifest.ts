import type { Digest } from '../../domain/digest.ts';
import type { Operation } from '../../ports/table-store.ts';
import { mayDeleteBytes } from '../backup/may-delete-bytes.ts';
import { readManifestRow } from '../manifests/manifest-row.ts';
import { endOf } from '../manifests/soft-delete.ts';
import { bytesWork } from '../manifests/manifest-write.ts';
import { markDeleted } from '../repositories/catalog.ts';
import type { Registry } from '../registry.ts';
import { keysUnder, manifestKey, repositoryOfPartition } from '../rows/row-keys.ts';
import type { ManifestRow } from '../rows/row-types.ts';
import { noteIfUntagged } from '../retention/note-untagged.ts';
import { dropReferences, removeAtOnce } from './drop-references.ts';
import { done, isOlder, type Outcome, type Sweep, waits, type Work } from './work.ts';

/**
 * A manifest: one that was deleted for good or long enough ago, or whose write broke off, gives up
 * its hold on its children, then its bytes, then its row. Each step asserts the row, so that
 * whoever pushes or restores the manifest ends it (docs/storage.md, "Sweep", `m`).
 */
export async function sweepManifest(sweep: Sweep, work: Work): Promise<Outcome> {
  const { registry, dryRun } = sweep;
  const { partition } = work;
  const row = await readManifestRow(registry, partition, work.key as Digest);
  switch (row?.state) {
    case undefined:
      return done;
    case 'live':
      return dryRun ? done : await noteIfUntagged(registry, work, row);
    case 'deleted':
      if (endOf(row).workKey !== work.rowKey) return done;
      if (!isOlder(work, endOf(row).seconds)) return waits;
      if (dryRun) return { ...done, freedBytes: row.sizeBytes };
      return await removeManifest(sweep, partition, await fence(sweep, partition, row));
    case 'pending':
      if (!isOlder(row, registry.seconds.unfinishedWork)) return waits;
      if (dryRun) return { ...done, freedBytes: row.sizeBytes };
      return await removeManifest(sweep, partition, await fence(sweep, partition, row));
    case 'purging':
      if (dryRun) return { ...done, freedBytes: row.sizeBytes };
      return await removeManifest(sweep, partition, row);
  }
}

/** Nobody can make it live any more under the ETag they hold. */
async function fence(
  { registry }: Sweep,
  partition: string,
  row: ManifestRow,
): Promise<ManifestRow | undefined> {
  const properties = { ...row.properties, state: 'purging' };
  const outcome = await registry.tables.commit('repo', partition, [
    { kind: 'replace', rowKey: manifestKey(row.digest), etag: row.etag, properties },
  ]);
  if (!outcome.ok) return undefined;
  return { ...row, state: 'purging', properties, etag: outcome.etags[0] ?? '', ageMs: 0 };
}

async function removeManifest(
  { registry }: Sweep,
  partition: string,
  row: ManifestRow | undefined,
): Promise<Outcome> {
  if (row === undefined) return waits;
  if (await removeAtOnce(registry, partition, row)) return { ...done, freedBytes: row.sizeBytes };
  const etag = await dropReferences(registry, partition, row);
  if (etag === undefined) return waits;
  const { blobName: name } = row;
  const mayGo = name !== undefined && (await mayDeleteBytes(registry, row));
  if (mayGo) await registry.blobs.delete('manifests', name, 'committed');
  const removed: Operation = { kind: 'delete', rowKey: manifestKey(row.digest), etag };
  const later: Operation[] =
    name === undefined || mayGo ? [] : [bytesWork(registry, row.digest, name)];
  const outcome = await registry.tables.commit('repo', partition, [removed, ...later]);
  return outcome.ok ? { ...done, freedBytes: row.sizeBytes } : waits;
}

/** A repository whose last manifest is gone is listed no more. */
export async function hideIfEmptied(registry: Registry, partition: string): Promise<void> {
  const manifests = await registry.tables.list('repo', partition, {
    ...keysUnder('m:'),
    limit: 1,
    select: [],
  });
  if (manifests.length === 0) await markDeleted(registry, repositoryOfPartition(partition));
}
