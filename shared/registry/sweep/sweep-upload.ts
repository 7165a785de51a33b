import { giveUpIfUnheld, dropHolder, givenUpWork } from '../blobs/release-blob.ts';
import { inSeconds } from '../registry.ts';
import {
  blobLinkKey,
  givenUpKey,
  holderKey,
  liveKey,
  uploadKey,
  workKey,
} from '../rows/row-keys.ts';
import type { UploadSession } from '../rows/row-types.ts';
import { digest, optionalText } from '../rows/row-values.ts';
import { sweepDirectSession } from '../uploads/direct-sweep.ts';
import { parseUploadSession, toProperties } from '../uploads/upload-row.ts';
import { done, isOlder, type Outcome, type Sweep, waits, type Work } from './work.ts';

/**
 * An upload: one that nobody went on with for a day is ended, and an hour after its end what it
 * left is removed (docs/storage.md, "Sweep", `u`).
 */
export async function sweepUpload(sweep: Sweep, work: Work): Promise<Outcome> {
  const { registry } = sweep;
  const row = await registry.tables.get('repo', work.partition, uploadKey(work.key));
  if (row === undefined) {
    if (!sweep.dryRun) await sweepDirectSession(registry, work.key);
    return done;
  }
  const session = parseUploadSession(work.key, row);
  if (session.workKey !== work.rowKey) return done;
  if (session.state === 'open') {
    return isOlder(row, registry.seconds.uploadIdle) ? await end(sweep, work, session) : waits;
  }
  if (!isOlder(row, registry.seconds.unfinishedWork)) return waits;
  return await removeUpload(sweep, work.partition, session);
}

/** Who is about to publish it needs the ETag that this changes. */
async function end(
  { registry, dryRun }: Sweep,
  { partition }: Work,
  session: UploadSession,
): Promise<Outcome> {
  if (dryRun) return done;
  const due = workKey(inSeconds(registry, registry.seconds.unfinishedWork), 'u', session.id);
  const ended: UploadSession = { ...session, state: 'discarded', workKey: due };
  const outcome = await registry.tables.commit('repo', partition, [
    {
      kind: 'replace',
      rowKey: uploadKey(session.id),
      etag: session.etag,
      properties: toProperties(ended),
    },
    { kind: 'upsert', rowKey: due, properties: {} },
  ]);
  return outcome.ok ? done : waits;
}

/**
 * Removes a session that is over, with what it left: bytes, and the rows of a blob that it did not
 * come to publish. A session that a late delivery of its POST brought back after it was published
 * names bytes that are served: it goes and they stay.
 */
export async function removeUpload(
  { registry, dryRun }: Sweep,
  partition: string,
  session: UploadSession,
): Promise<Outcome> {
  const { tables } = registry;
  const { name } = session;
  const removed = {
    kind: 'delete',
    rowKey: uploadKey(session.id),
    etag: session.etag,
  } as const;
  const holder = await tables.get('data', name, holderKey(partition));
  const live = await tables.get('data', name, liveKey);
  const link = live && (await tables.get('repo', partition, blobLinkKey(digest(live, 'digest'))));
  const isPublished = link !== undefined && optionalText(link, 'name') === name;
  if (dryRun) return { ...done, freedBytes: isPublished ? 0 : session.offset };
  await sweepDirectSession(registry, session.id);
  if (isPublished) {
    await tables.commit('repo', partition, [removed]);
    return done;
  }
  const isOurs = holder !== undefined && optionalText(holder, 'via') === session.id;
  if (isOurs && !(await dropHolder(registry, { partition, name }, holder))) return waits;
  if (live !== undefined) await giveUpIfUnheld(registry, name);
  const isGivenUp =
    live !== undefined || (await tables.get('data', name, givenUpKey)) !== undefined;
  if (!isGivenUp) await registry.blobs.delete('content', name, 'staged');
  const outcome = await tables.commit('repo', partition, [
    removed,
    ...(isGivenUp ? [givenUpWork(registry, name)] : []),
  ]);
  return outcome.ok ? { ...done, freedBytes: isGivenUp ? 0 : session.offset } : waits;
}
