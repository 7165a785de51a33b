import type { BlockBlobClient } from '@azure/storage-blob';
import { attempt, BlobRefusal } from './blob-attempt.ts';
import { retrying, type RetryLimits } from './retry.ts';

/** Delete Blob, snapshots included. Done when there is no such blob. */
export async function deleteCommitted(blob: BlockBlobClient, limits: RetryLimits): Promise<void> {
  await unlessMissing(
    decided(limits, 'delete a blob', (abortSignal) =>
      blob.delete({ abortSignal, deleteSnapshots: 'include' }),
    ),
  );
}

/**
 * The same for a blob that may have blocks only: Azure can't delete those and would keep them for a
 * week after the last one. Committed as an empty blob they go with it. That commit is sent for none
 * but such a blob: one that arrives late makes an empty blob of a name that was deleted.
 */
export async function deleteStaged(blob: BlockBlobClient, limits: RetryLimits): Promise<void> {
  await deleteCommitted(blob, limits);
  const list = await unlessMissing(
    decided(limits, 'list the blocks of a blob', (abortSignal) =>
      blob.getBlockList('uncommitted', { abortSignal }),
    ),
  );
  if ((list?.uncommittedBlocks ?? []).length === 0) return;
  await unlessRefusedWith(
    [404, 409],
    decided(limits, 'empty a blob', (abortSignal) =>
      blob.commitBlockList([], { conditions: { ifNoneMatch: '*' }, abortSignal }),
    ),
  );
  await deleteCommitted(blob, limits);
}

async function decided<T>(
  limits: RetryLimits,
  what: string,
  call: (abortSignal: AbortSignal) => Promise<T>,
): Promise<T> {
  return await retrying(limits, ({ timeoutMs }) => attempt(what, timeoutMs, call));
}

const unlessMissing = <T>(call: Promise<T>) => unlessRefusedWith([404], call);

/** Undefined when storage refused with one of these statuses. */
async function unlessRefusedWith<T>(
  statuses: readonly number[],
  call: Promise<T>,
): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof BlobRefusal && statuses.includes(error.status)) return undefined;
    throw error;
  }
}
