import type { BlockBlobClient } from '@azure/storage-blob';
import type { Config } from '../config.ts';
import type { StagedBlob } from '../ports/staging-store.ts';
import { StorageUnavailable } from '../ports/table-store.ts';
import { attempt } from './blob-attempt.ts';
import { managedIdentity } from './credentials.ts';
import { retrying, type RetryLimits } from './retry.ts';

/**
 * Copies a blob, within its account unless an identity copies, to a name that must not exist,
 * pinned to the source's ETag.
 * Throws BlobRefusal: 409 BlobAlreadyExists when the name is there, else for what the source is.
 */
export type CopyWithinStore = (
  source: string,
  staged: StagedBlob,
  target: BlockBlobClient,
) => Promise<void>;

const onlyNew = { ifNoneMatch: '*' };
const storageScope = 'https://storage.azure.com/.default';
const copyPollMs = 500;

/** How this account can be asked to copy within itself; the credential decides. */
export function copyWithinStore(
  { credential }: Config['storage'],
  limits: RetryLimits,
): CopyWithinStore {
  return credential.kind === 'identity'
    ? putBlobFromUrl(managedIdentity(credential.clientId), limits)
    : copyBlob(limits);
}

/**
 * Put Blob From URL: synchronous, at most 5,000 MiB, the source authorised by a token of the
 * identity. Azurite has no such operation.
 */
function putBlobFromUrl(
  identity: ReturnType<typeof managedIdentity>,
  limits: RetryLimits,
): CopyWithinStore {
  return async (source, { etag, sizeBytes }, target) => {
    const bounds = copyLimits(sizeBytes, limits);
    await retrying(bounds, ({ timeoutMs }) =>
      attempt('copy a blob', timeoutMs, async (abortSignal) => {
        const { token } = (await identity.getToken(storageScope)) ?? { token: '' };
        await target.syncUploadFromURL(source, {
          abortSignal,
          conditions: onlyNew,
          sourceConditions: { ifMatch: etag },
          sourceAuthorization: { scheme: 'Bearer', value: token },
          copySourceBlobProperties: false,
          blobHTTPHeaders: { blobContentType: 'application/octet-stream' },
        });
      }),
    );
  };
}

/**
 * Copy Blob, whose source needs no more than the account's own key when it lies in the same
 * account. Azurite does it at once; Azure may take its time, which is waited for.
 */
function copyBlob(limits: RetryLimits): CopyWithinStore {
  return async (source, { etag, sizeBytes }, target) => {
    const bounds = copyLimits(sizeBytes, limits);
    await retrying(bounds, ({ timeoutMs }) =>
      attempt('copy a blob', timeoutMs, async (abortSignal) => {
        const copying = await target.beginCopyFromURL(source, {
          abortSignal,
          conditions: onlyNew,
          sourceConditions: { ifMatch: etag },
          intervalInMs: copyPollMs,
        });
        const { copyStatus } = await copying.pollUntilDone();
        if (copyStatus !== 'success') throw new StorageUnavailable(`a copy ended as ${copyStatus}`);
      }),
    );
  };
}

/** A copy gets time for its bytes, at 20 MiB/s. */
function copyLimits(sizeBytes: number, limits: RetryLimits): RetryLimits {
  const copyMs = Math.ceil((sizeBytes / (20 * 1024 * 1024)) * 1000);
  return {
    ...limits,
    tryTimeoutMs: limits.tryTimeoutMs + copyMs,
    deadlineMs: limits.deadlineMs + copyMs,
  };
}
