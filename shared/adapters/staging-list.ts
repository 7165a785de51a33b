import type { ContainerClient } from '@azure/storage-blob';
import { parseStagingPath, type StagingName } from '../domain/staging-name.ts';
import type { EnoughStaged, StagedByOwner } from '../ports/staging-store.ts';
import { listPaths } from './blob-list.ts';
import type { RetryLimits } from './retry.ts';

/** What lies under a prefix of `staging`, page by page until it is enough. */
export async function stagedUnder(
  container: ContainerClient,
  prefix: string,
  enough: EnoughStaged,
  limits: RetryLimits,
): Promise<StagedByOwner> {
  let sizeBytes = 0;
  const uncommitted: StagingName[] = [];
  let after: string | undefined;
  do {
    const page = await listPaths(container, { after, prefix }, limits);
    sizeBytes += page.blobs.reduce((sum, blob) => sum + blob.sizeBytes, 0);
    // A committed one without bytes is counted as uncommitted too, and looked at: there is one only
    // where a signature allows more than the one block.
    for (const { path, sizeBytes: size } of page.blobs) {
      const name = size === 0 ? parseStagingPath(path) : undefined;
      if (name !== undefined) uncommitted.push(name);
    }
    after = page.next;
  } while (
    after !== undefined &&
    sizeBytes < enough.sizeBytes &&
    uncommitted.length < enough.uncommitted
  );
  return { sizeBytes, uncommitted };
}
