import { algorithmOf, type Digest } from '../../domain/digest.ts';
import type { RepositoryName } from '../../domain/repository-name.ts';
import { RegistryError } from '../../errors.ts';
import type { ByteRange } from '../../ports/blob-store.ts';
import { checkLength, refuseBytesBeyondQuota, sessionAt } from './append-upload.ts';
import { touchBlobLink } from '../blobs/blob-link.ts';
import { publishBlob } from '../blobs/publish-blob.ts';
import type { Registry } from '../registry.ts';
import { type Bytes, digestMismatch, hashOf, stage } from './stage.ts';
import type { UploadSession } from '../rows/row-types.ts';
import { storeBlocks, storeWhole } from '../blobs/store-blob.ts';
import {
  advanceUpload,
  discardUpload,
  endedIn,
  readUpload,
  recallUpload,
} from './upload-session.ts';

export interface FinalPut {
  readonly digest: Digest;
  /** Undefined when the request is known to have no body. */
  readonly body: Bytes | undefined;
  readonly range: ByteRange | undefined;
  /** Of the body, where the client said it before. */
  readonly contentLength?: number;
}

/**
 * PUT that ends an upload (OCI distribution-spec v1.1, end-4b, end-6): afterwards the repository
 * may read the digest, or nothing is visible. Throws BLOB_UPLOAD_UNKNOWN, DIGEST_INVALID when the
 * bytes are not the digest's, DENIED when the quota is spent, and what appending throws. A repeated
 * PUT of a finished upload succeeds. Costs: docs/storage.md, "Cost".
 */
export async function finishUpload(
  registry: Registry,
  repository: RepositoryName,
  id: string,
  put: FinalPut,
): Promise<void> {
  try {
    await finishOnce(registry, repository, id, put);
  } catch (error) {
    const gone = error instanceof RegistryError && error.code === 'BLOB_UPLOAD_UNKNOWN';
    if (!gone || !(await endedIn(registry, repository, id, put.digest))) throw error;
  }
}

async function finishOnce(
  registry: Registry,
  repository: RepositoryName,
  id: string,
  put: FinalPut,
): Promise<void> {
  if (put.body === undefined) return await finishStaged(registry, repository, id, put.digest);

  const session = await sessionAt(registry, repository, id, put.range);
  if (session.offset > 0) {
    await refuseBytesBeyondQuota(registry, repository, session, put.contentLength ?? 0);
    await appendLast(registry, repository, session, put.body, put.range);
    return await finishStaged(registry, repository, id, put.digest);
  }
  if (await touchBlobLink(registry, repository, put.digest)) {
    return await verifyOnly(registry, repository, session, put.body, put);
  }
  await refuseBytesBeyondQuota(registry, repository, session, put.contentLength ?? 0);
  await finishWhole(registry, repository, session, put.body, put);
}

/** The repository has the blob already: the bytes are checked and not stored a second time. */
async function verifyOnly(
  registry: Registry,
  repository: RepositoryName,
  session: UploadSession,
  body: Bytes,
  put: FinalPut,
): Promise<void> {
  const received = await hashOf(body, algorithmOf(put.digest));
  checkLength(received.sizeBytes, put.range);
  if (received.digest !== put.digest) {
    const current = await readUpload(registry, repository, session.id);
    throw current.offset > 0 ? restart(current) : digestMismatch(put.digest, received.digest);
  }
  await discardUpload(registry, repository, session, put.digest);
}

/** All bytes come with this one request. */
async function finishWhole(
  registry: Registry,
  repository: RepositoryName,
  recalled: UploadSession,
  body: Bytes,
  put: FinalPut,
): Promise<void> {
  const [session, staged] = await Promise.all([
    readUpload(registry, repository, recalled.id),
    stage(registry.blobs, recalled.name, body, {
      algorithm: algorithmOf(put.digest),
      keepWhole: true,
    }),
  ]);
  checkLength(staged.sizeBytes, put.range);
  if (session.offset > 0) throw restart(session);
  if (staged.digest !== put.digest) throw digestMismatch(put.digest, staged.digest);

  const last = { ...session, runs: [staged.run], offset: staged.sizeBytes };
  if (put.contentLength === undefined) await refuseBytesBeyondQuota(registry, repository, last, 0);
  if (staged.whole === undefined) await storeBlocks(registry, last, put.digest, 'verified');
  else await storeWhole(registry, last, put.digest, staged.whole);
  await publishBlob(registry, repository, last, put.digest);
}

/** All bytes are staged; what is left is to see that they are the digest's, and to publish them. */
async function finishStaged(
  registry: Registry,
  repository: RepositoryName,
  id: string,
  digest: Digest,
): Promise<void> {
  const recalled = await recallUpload(registry, repository, id);
  if (recalled.prefixDigest === digest) {
    if (await touchBlobLink(registry, repository, digest)) {
      if (await discardUpload(registry, repository, recalled, digest)) return;
    } else {
      await refuseBytesBeyondQuota(registry, repository, recalled, 0);
      await storeBlocks(registry, recalled, digest, 'verified');
      return await publishBlob(registry, repository, recalled, digest);
    }
  }
  const session = await readUpload(registry, repository, id);
  const known = session.prefixDigest;
  if (known !== undefined && algorithmOf(known) === algorithmOf(digest) && known !== digest) {
    throw digestMismatch(digest, known);
  }
  await refuseBytesBeyondQuota(registry, repository, session, 0);
  await storeBlocks(registry, session, digest, known === digest ? 'verified' : 'unverified');
  await publishBlob(registry, repository, session, digest);
}

async function appendLast(
  registry: Registry,
  repository: RepositoryName,
  session: UploadSession,
  body: Bytes,
  range: ByteRange | undefined,
): Promise<void> {
  const staged = await stage(registry.blobs, session.name, body, {
    algorithm: session.algorithm,
    keepWhole: false,
  });
  checkLength(staged.sizeBytes, range);
  const advanced = await advanceUpload(registry, repository, session, staged);
  if (advanced === undefined) throw restart(session);
}

/**
 * Another request moved the session while this one's body was read; the body can't be had again.
 */
function restart(session: UploadSession): RegistryError {
  return new RegistryError('BLOB_UPLOAD_INVALID', {
    status: 416,
    message: 'another request changed the upload meanwhile',
    detail: { upload: session.id, offset: session.offset },
  });
}
