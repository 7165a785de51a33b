import type { BlockBlobClient, BlockList } from '@azure/storage-blob';
import { attempt, BlobRefusal } from './blob-attempt.ts';
import { retrying, type RetryLimits } from './retry.ts';

/** Delete Blob, snapshots included. Done when there is no such blob. */
export async function deleteCommitted(blob: BlockBlobClient, limits: RetryLimits): Promise<void> {
  await unlessRefusedWith(
    [404],
    decided(limits, 'delete a blob', (abortSignal) =>
      blob.delete({ abortSignal, deleteSnapshots: 'include' }),
    ),
  );
}

/**
 * The same for a blob that may have blocks only: Azure can't delete those and would keep them for a
 * week after the last one. Committed, they go with the blob. The commit names them, so that one
 * that arrives late, after they are gone, is refused and makes no blob of a name that was deleted.
 */
export async function deleteStaged(blob: BlockBlobClient, limits: RetryLimits): Promise<void> {
  const list = await listBlocks(blob, limits);
  if (list === undefined) return;
  const { committedBlocks = [], uncommittedBlocks = [] } = list;
  if (committedBlocks.length === 0 && uncommittedBlocks.length > 0) {
    const names = uncommittedBlocks.map(({ name }) => name);
    await unlessRefusedWith(
      [400, 404, 409],
      decided(limits, 'commit what is to be deleted', (abortSignal) =>
        blob.commitBlockList(names, { conditions: { ifNoneMatch: '*' }, abortSignal }),
      ),
    );
  }
  await deleteCommitted(blob, limits);
}

/** Undefined when there is no such blob; empty for one of another type, which has no blocks. */
async function listBlocks(
  blob: BlockBlobClient,
  limits: RetryLimits,
): Promise<Partial<BlockList> | undefined> {
  try {
    return await decided(limits, 'list the blocks of a blob', (abortSignal) =>
      blob.getBlockList('all', { abortSignal }),
    );
  } catch (error) {
    if (error instanceof BlobRefusal && error.status === 404) return undefined;
    if (error instanceof BlobRefusal && error.code === 'InvalidBlobType') return {};
    throw error;
  }
}

async function decided<T>(
  limits: RetryLimits,
  what: string,
  call: (abortSignal: AbortSignal) => Promise<T>,
): Promise<T> {
  return await retrying(limits, ({ timeoutMs }) => attempt(what, timeoutMs, call));
}

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
