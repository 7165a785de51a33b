import type { ContainerClient } from '@azure/storage-blob';
import { parseBlobPath } from '../domain/physical-name.ts';
import type { BlobPage } from '../ports/blob-store.ts';
import { attempt, BlobRefusal } from './blob-attempt.ts';
import { retrying, type RetryLimits } from './retry.ts';

const maxPageSize = 5000;

interface PathRange {
  /** `next` of the page before; undefined for the first. */
  readonly after: string | undefined;
  readonly prefix?: string;
}

interface PathPage {
  readonly blobs: readonly {
    readonly path: string;
    /** 0 of a blob that has uncommitted blocks only. */
    readonly sizeBytes: number;
    readonly ageMs: number;
  }[];
  /** Where the next page begins; undefined after the last. */
  readonly next: string | undefined;
}

/** List Blobs, one page of those that have a name of ours. */
export async function listBlobsOf(
  container: ContainerClient,
  after: string | undefined,
  limits: RetryLimits,
): Promise<BlobPage> {
  const { blobs, next } = await listPaths(container, { after }, limits);
  return {
    blobs: blobs.flatMap(({ path, ...blob }) => {
      const name = parseBlobPath(path);
      return name === undefined ? [] : [{ name, ...blob }];
    }),
    next,
  };
}

/**
 * List Blobs, one page, with the blobs whose blocks nobody has committed. A container that is not
 * there has no blobs.
 */
export async function listPaths(
  container: ContainerClient,
  range: PathRange,
  limits: RetryLimits,
): Promise<PathPage> {
  try {
    return await retrying(limits, ({ timeoutMs }) =>
      attempt('list blobs', timeoutMs, (abortSignal) => onePage(container, range, abortSignal)),
    );
  } catch (error) {
    if (!(error instanceof BlobRefusal) || error.status !== 404) throw error;
    return { blobs: [], next: undefined };
  }
}

async function onePage(
  container: ContainerClient,
  { after, prefix }: PathRange,
  abortSignal: AbortSignal,
): Promise<PathPage> {
  const pages = container
    .listBlobsFlat({ includeUncommitedBlobs: true, abortSignal, ...(prefix && { prefix }) })
    .byPage({ maxPageSize, ...(after === undefined ? {} : { continuationToken: after }) });
  const { done, value } = await pages.next();
  if (done === true) return { blobs: [], next: undefined };
  const now = value.date?.getTime() ?? 0;
  return {
    blobs: value.segment.blobItems.map(({ name: path, properties }) => ({
      path,
      sizeBytes: properties.contentLength ?? 0,
      ageMs: Math.max(0, now - properties.lastModified.getTime()),
    })),
    next: value.continuationToken || undefined,
  };
}
