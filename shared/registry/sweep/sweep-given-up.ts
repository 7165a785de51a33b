import type { PhysicalName } from '../../domain/physical-name.ts';
import { mayDeleteBytes } from '../backup/may-delete-bytes.ts';
import { isRestoring } from '../backup/restore-state.ts';
import { giveUpIfUnheld } from '../blobs/release-blob.ts';
import type { Row } from '../../ports/table-store.ts';
import type { Registry } from '../registry.ts';
import { givenUpKey, holderKey, liveKey } from '../rows/row-keys.ts';
import { digest, number } from '../rows/row-values.ts';
import { releaseIfUnlinked } from './sweep-intent.ts';
import { done, isOlder, type Outcome, type Sweep, waits, type Work } from './work.ts';

/**
 * Bytes that were given up: deleted once nobody who was told where they lie can still be reading
 * them. When they were not given up, because somebody else holds them, the repository of the work
 * row may have been left a holder by a mount that gave up: that is released, too. When nobody holds
 * them, who dropped the last holder died there: they are given up now.
 */
export async function sweepGivenUp(sweep: Sweep, work: Work): Promise<Outcome> {
  const { registry, dryRun } = sweep;
  const { tables } = registry;
  const { partition } = work;
  const name = work.key as PhysicalName;
  const givenUp = await tables.get('data', name, givenUpKey);
  if (givenUp === undefined) {
    const live = await tables.get('data', name, liveKey);
    if (live === undefined) return done;
    const holding = { partition, digest: digest(live, 'digest'), name };
    const holder = await tables.get('data', name, holderKey(partition));
    if (holder !== undefined) return await releaseIfUnlinked(sweep, holding, work.rowKey);
    return !dryRun && (await giveUpIfUnheld(registry, name)) ? waits : done;
  }
  if (!isOlder(givenUp, registry.seconds.unfinishedWork)) return waits;
  if (!(await mayDeleteBytes(registry, givenUp))) return waits;
  // A restore that began after this sweep may bring back the rows that name these bytes.
  if (!dryRun && (await isRestoring(registry))) return waits;
  if (!dryRun) await deleteGivenUp(registry, name, givenUp);
  return { ...done, freedBytes: number(givenUp, 'size') };
}

/** Deletes bytes that were given up, the advice of where they lie, and the row that says so. */
export async function deleteGivenUp(
  { tables, blobs }: Registry,
  name: PhysicalName,
  givenUp: Row,
): Promise<void> {
  await blobs.delete('content', name, 'committed');
  await tables.commit('digests', digest(givenUp, 'digest'), [
    { kind: 'delete', rowKey: name, etag: '*' },
  ]);
  await tables.commit('data', name, [{ kind: 'delete', rowKey: givenUpKey, etag: givenUp.etag }]);
}
