import type { PhysicalName } from '../../domain/physical-name.ts';
import { mayDeleteBytes } from '../backup/may-delete-bytes.ts';
import { readManifestRow } from '../manifests/manifest-row.ts';
import { splitDigest } from '../rows/row-keys.ts';
import { done, isOlder, type Outcome, type Sweep, waits, type Work } from './work.ts';

/**
 * A manifest's bytes beside its row: deleted when the row does not name them. Once it does not, it
 * never will: a name comes into the row with the transaction that wrote this work row, or before.
 */
export async function sweepManifestBytes(sweep: Sweep, work: Work): Promise<Outcome> {
  const { registry, dryRun } = sweep;
  const [digest, key] = splitDigest(work.key);
  const name = key as PhysicalName;
  const row = await readManifestRow(registry, work.partition, digest);
  // Its own work row looks after what is being written or purged.
  if (row?.blobName === name) {
    return row.state === 'live' || row.state === 'deleted' ? done : waits;
  }
  if (!isOlder(work, registry.seconds.unfinishedWork)) return waits;
  if (!(await mayDeleteBytes(registry, work))) return waits;
  if (!dryRun) await registry.blobs.delete('manifests', name, 'committed');
  return done;
}
