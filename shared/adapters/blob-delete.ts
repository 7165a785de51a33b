import type { BlockBlobClient } from '@azure/storage-blob';
import { attempt, BlobRefusal } from './blob-attempt.ts';
import { retrying, type RetryLimits } from './retry.ts';

/** Delete Blob, snapshots included. Done when there is no such blob. */
export async function deleteCommitted(blob: BlockBlobClient, limits: RetryLimits): Promise<void> {
  await unlessRefusedWith(
    [404],
    retrying(limits, ({ timeoutMs }) =>
      attempt('delete a blob', timeoutMs, (abortSignal) =>
        blob.delete({ abortSignal, deleteSnapshots: 'include' }),
      ),
    ),
  );
}

/**
 * The same for a blob that may have blocks only: Azure can't delete those and would keep them for a
 * week after the last one. Committed as an empty blob they go with it.
 */
export async function deleteStaged(blob: BlockBlobClient, limits: RetryLimits): Promise<void> {
  await unlessRefusedWith(
    [404, 409],
    retrying(limits, ({ timeoutMs }) =>
      attempt('empty a blob', timeoutMs, (abortSignal) =>
        blob.commitBlockList([], { conditions: { ifNoneMatch: '*' }, abortSignal }),
      ),
    ),
  );
  await deleteCommitted(blob, limits);
}

async function unlessRefusedWith(
  statuses: readonly number[],
  call: Promise<unknown>,
): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof BlobRefusal) || !statuses.includes(error.status)) throw error;
  }
}
