import type { ByteRange } from '../../ports/blob-store.ts';
import { RegistryError } from '../../errors.ts';
import type { RepositoryName } from '../../domain/repository-name.ts';
import { refuseBeyondQuota } from '../quotas/quota.ts';
import type { Registry } from '../registry.ts';
import { type Bytes, stage } from './stage.ts';
import type { UploadSession } from '../rows/row-types.ts';
import { advanceUpload, readUpload, recallUpload } from './upload-session.ts';

/**
 * PATCH of an upload (OCI distribution-spec v1.1, end-5): stages the body at the session's end.
 * Without a range the body is whatever comes next. Throws BLOB_UPLOAD_UNKNOWN, BLOB_UPLOAD_INVALID
 * with 416 when the range does not begin where the session ends, SIZE_INVALID when the body is not
 * as long as its range, DENIED when the repository's quota does not allow so many bytes: before
 * they are read where their number is known.
 */
export async function appendToUpload(
  registry: Registry,
  repository: RepositoryName,
  id: string,
  body: Bytes,
  range: ByteRange | undefined,
  contentLength = 0,
): Promise<UploadSession> {
  const session = await sessionAt(registry, repository, id, range);
  await refuseBytesBeyondQuota(registry, repository, session, contentLength);
  const staged = await stage(registry.blobs, session.name, body, {
    algorithm: session.algorithm,
    keepWhole: false,
  });
  checkLength(staged.sizeBytes, range);
  const advanced = await advanceUpload(registry, repository, session, staged);
  if (advanced !== undefined) return advanced;

  const current = await readUpload(registry, repository, id);
  throw outOfOrder(current);
}

/**
 * Throws DENIED when the repository may not hold what the upload has so far and these bytes.
 */
export async function refuseBytesBeyondQuota(
  registry: Registry,
  repository: RepositoryName,
  { offset }: Pick<UploadSession, 'offset'>,
  moreBytes: number,
): Promise<void> {
  await refuseBeyondQuota(registry, repository, { bytes: offset + moreBytes });
}

/**
 * The session, which must end where the range begins. Trusts this instance's memory only when it
 * agrees.
 */
export async function sessionAt(
  registry: Registry,
  repository: RepositoryName,
  id: string,
  range: ByteRange | undefined,
): Promise<UploadSession> {
  const recalled = await recallUpload(registry, repository, id);
  if (range === undefined ? recalled.offset === 0 : range.first === recalled.offset)
    return recalled;
  const session = await readUpload(registry, repository, id);
  if (range !== undefined && range.first !== session.offset) throw outOfOrder(session);
  return session;
}

export function checkLength(sizeBytes: number, range: ByteRange | undefined): void {
  if (range !== undefined && sizeBytes !== range.last - range.first + 1) {
    throw new RegistryError('SIZE_INVALID', { detail: { received: sizeBytes, range } });
  }
}

function outOfOrder(session: UploadSession): RegistryError {
  return new RegistryError('BLOB_UPLOAD_INVALID', {
    status: 416,
    message: 'the chunk does not begin where the upload ends',
    detail: { upload: session.id, offset: session.offset },
  });
}
