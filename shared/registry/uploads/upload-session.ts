import { randomBytes } from 'node:crypto';
import type { Digest, DigestAlgorithm } from '../../domain/digest.ts';
import { newPhysicalName } from '../../domain/physical-name.ts';
import type { RepositoryName } from '../../domain/repository-name.ts';
import { RegistryError } from '../../errors.ts';
import type { Operation } from '../../ports/table-store.ts';
import { holdBlobLink } from '../blobs/blob-link.ts';
import { cacheKey } from '../caches.ts';
import { ensureCatalogued } from '../repositories/catalog.ts';
import { contended, lostRace, untilDecided } from '../contention.ts';
import { inSeconds, type Registry } from '../registry.ts';
import { repositoryPartition, uploadKey, workKey } from '../rows/row-keys.ts';
import type { StagedRun, UploadSession } from '../rows/row-types.ts';
import { blockCount, parseUploadSession, toProperties } from './upload-row.ts';
import { limits } from '../settings.ts';

/** Starts an upload: the session and its work row in one transaction. Costs one request. */
export async function startUpload(
  registry: Registry,
  repository: RepositoryName,
  options: { readonly subject: string; readonly algorithm: DigestAlgorithm },
): Promise<UploadSession> {
  await ensureCatalogued(registry, repository);
  const id = randomBytes(16).toString('hex');
  const session = newSession(registry, { id, ...options });
  const outcome = await registry.tables.commit('repo', repositoryPartition(repository), [
    { kind: 'insert', rowKey: uploadKey(id), properties: toProperties(session) },
    { kind: 'insert', rowKey: session.workKey, properties: {} },
  ]);
  if (!outcome.ok) throw contended();
  return remember(registry, repository, { ...session, etag: outcome.etags[0] ?? '' });
}

/** A session to which nobody has written, before it is stored. */
export function newSession(
  registry: Registry,
  given: Pick<UploadSession, 'id' | 'subject' | 'algorithm'>,
): UploadSession {
  return {
    ...given,
    name: newPhysicalName(registry.clock.now()),
    offset: 0,
    runs: [],
    prefixDigest: undefined,
    state: 'open',
    workKey: workKey(inSeconds(registry, registry.seconds.uploadIdle), 'u', given.id),
    etag: '',
  };
}

/** Reads an open session from storage. Throws BLOB_UPLOAD_UNKNOWN. */
export async function readUpload(
  registry: Registry,
  repository: RepositoryName,
  id: string,
): Promise<UploadSession> {
  const row = await registry.tables.get('repo', repositoryPartition(repository), uploadKey(id));
  const session = row === undefined ? undefined : parseUploadSession(id, row);
  if (session?.state !== 'open') {
    forgetUpload(registry, repository, id);
    throw new RegistryError('BLOB_UPLOAD_UNKNOWN', { detail: { upload: id } });
  }
  return remember(registry, repository, session);
}

/**
 * The session as this instance last saw it, or else read. What is built on it must end in a write
 * under its ETag, and no refusal may be based on it without reading it again.
 */
export async function recallUpload(
  registry: Registry,
  repository: RepositoryName,
  id: string,
): Promise<UploadSession> {
  const recalled = registry.caches.uploads.get(sessionKey(repository, id));
  return recalled ?? (await readUpload(registry, repository, id));
}

/** Records what a request staged. Undefined when somebody else changed the session meanwhile. */
export async function advanceUpload(
  registry: Registry,
  repository: RepositoryName,
  session: UploadSession,
  staged: { readonly run: StagedRun; readonly sizeBytes: number; readonly digest: Digest },
): Promise<UploadSession | undefined> {
  const next: UploadSession = {
    ...session,
    offset: session.offset + staged.sizeBytes,
    runs: staged.run.count === 0 ? session.runs : [...session.runs, staged.run],
    prefixDigest: session.offset === 0 ? staged.digest : undefined,
  };
  if (blockCount(next) > limits.maxBlocks) {
    throw new RegistryError('BLOB_UPLOAD_INVALID', { message: 'the upload has too many chunks' });
  }
  const outcome = await registry.tables.commit('repo', repositoryPartition(repository), [
    {
      kind: 'replace',
      rowKey: uploadKey(session.id),
      etag: session.etag,
      properties: toProperties(next),
    },
  ]);
  if (!outcome.ok) {
    forgetUpload(registry, repository, session.id);
    return undefined;
  }
  return remember(registry, repository, { ...next, etag: outcome.etags[0] ?? '' });
}

/**
 * Ends a session without a blob, as a duplicate of one when that is given. The sweep removes what
 * it staged an hour later, when no request that began before is under way any more. False when it
 * was gone or changed.
 */
export async function discardUpload(
  registry: Registry,
  repository: RepositoryName,
  session: UploadSession,
  duplicateOf?: Digest,
): Promise<boolean> {
  forgetUpload(registry, repository, session.id);
  const due = workKey(inSeconds(registry, registry.seconds.unfinishedWork), 'u', session.id);
  const discarded: UploadSession = {
    ...session,
    ...(duplicateOf === undefined
      ? { state: 'discarded' }
      : { state: 'duplicate', prefixDigest: duplicateOf }),
    workKey: due,
  };
  const outcome = await registry.tables.commit('repo', repositoryPartition(repository), [
    {
      kind: 'replace',
      rowKey: uploadKey(session.id),
      etag: session.etag,
      properties: toProperties(discarded),
    },
    ...(due === session.workKey ? [] : [deleteWork(session)]),
    { kind: 'upsert', rowKey: due, properties: {} },
  ]);
  return outcome.ok;
}

/** Whether the upload ended in this digest, which a repeated final PUT then need not do again. */
export async function endedIn(
  registry: Registry,
  repository: RepositoryName,
  id: string,
  digest: Digest,
): Promise<boolean> {
  const link = await holdBlobLink(registry, repository, digest);
  if (link === undefined || link.uploadId === id) return link !== undefined;
  const row = await registry.tables.get('repo', repositoryPartition(repository), uploadKey(id));
  const session = row === undefined ? undefined : parseUploadSession(id, row);
  return session?.state === 'duplicate' && session.prefixDigest === digest;
}

/** Cancels an upload (OCI distribution-spec main, end-14). Throws BLOB_UPLOAD_UNKNOWN. */
export async function cancelUpload(
  registry: Registry,
  repository: RepositoryName,
  id: string,
): Promise<void> {
  await untilDecided(async () => {
    const session = await readUpload(registry, repository, id);
    return (await discardUpload(registry, repository, session)) ? undefined : lostRace;
  });
}

/** The operations that consume a session under the ETag it was read with. */
export function consumeUploadOperations(session: UploadSession): Operation[] {
  return [
    { kind: 'delete', rowKey: uploadKey(session.id), etag: session.etag },
    deleteWork(session),
  ];
}

function deleteWork(session: UploadSession): Operation {
  return { kind: 'delete', rowKey: session.workKey, etag: '*' };
}

export function forgetUpload(registry: Registry, repository: RepositoryName, id: string): void {
  registry.caches.uploads.delete(sessionKey(repository, id));
}

function sessionKey(repository: RepositoryName, id: string): string {
  return cacheKey(repositoryPartition(repository), uploadKey(id));
}

function remember(
  registry: Registry,
  repository: RepositoryName,
  session: UploadSession,
): UploadSession {
  registry.caches.uploads.set(sessionKey(repository, session.id), session);
  return session;
}
