import type { ContainerClient } from '@azure/storage-blob';
import { type PhysicalName, parseBlobPath } from '../domain/physical-name.ts';
import type { BlobPage } from '../ports/blob-store.ts';
import { attempt, BlobRefusal } from './blob-attempt.ts';
import { retrying, type RetryLimits } from './retry.ts';

const maxPageSize = 5000;

/** List Blobs, one page. A container that is not there has no blobs. */
export async function listBlobsOf(
  container: ContainerClient,
  after: string | undefined,
  limits: RetryLimits,
): Promise<BlobPage> {
  try {
    return await retrying(limits, ({ timeoutMs }) =>
      attempt('list blobs', timeoutMs, (abortSignal) => onePage(container, after, abortSignal)),
    );
  } catch (error) {
    if (!(error instanceof BlobRefusal) || error.status !== 404) throw error;
    return { blobs: [], next: undefined };
  }
}

async function onePage(
  container: ContainerClient,
  after: string | undefined,
  abortSignal: AbortSignal,
): Promise<BlobPage> {
  const pages = container
    .listBlobsFlat({ includeUncommitedBlobs: true, abortSignal })
    .byPage({ maxPageSize, ...(after === undefined ? {} : { continuationToken: after }) });
  const { done, value } = await pages.next();
  if (done === true) return { blobs: [], next: undefined };
  const now = value.date?.getTime() ?? 0;
  return {
    blobs: value.segment.blobItems.flatMap(({ name: path, properties }) => {
      const name: PhysicalName | undefined = parseBlobPath(path);
      if (name === undefined) return [];
      return [
        {
          name,
          sizeBytes: properties.contentLength ?? 0,
          ageMs: Math.max(0, now - properties.lastModified.getTime()),
        },
      ];
    }),
    next: value.continuationToken || undefined,
  };
}
