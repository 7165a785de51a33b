import type { Digest } from '../../domain/digest.ts';
import type { RepositoryName } from '../../domain/repository-name.ts';
import { RegistryError } from '../../errors.ts';
import { recallBlobLink } from './blob-link.ts';
import { cacheKey } from '../caches.ts';
import { lostRace, untilDecided } from '../contention.ts';
import { readManifestRow } from '../manifests/manifest-row.ts';
import { blobUnknown } from './pull-blob.ts';
import type { Registry } from '../registry.ts';
import { beginRelease, readHolding } from './release-blob.ts';
import { blobLinkKey, keysUnder, repositoryPartition } from '../rows/row-keys.ts';

/**
 * Takes a blob away from a repository (docs/storage.md, "Release", steps 1 to 3; the sweep does the
 * rest). Throws BLOB_UNKNOWN, UNSUPPORTED naming a manifest that refers to it, UNAVAILABLE when the
 * rows keep changing.
 */
export async function deleteBlob(
  registry: Registry,
  repository: RepositoryName,
  digest: Digest,
): Promise<void> {
  await untilDecided(() => release(registry, repository, digest));
}

async function release(
  registry: Registry,
  repository: RepositoryName,
  digest: Digest,
): Promise<'released' | typeof lostRace> {
  const partition = repositoryPartition(repository);
  const recalled = await recallBlobLink(registry, repository, digest);
  if (recalled === undefined) throw blobUnknown(digest);
  const { name } = recalled;
  registry.caches.blobLinks.delete(cacheKey(partition, blobLinkKey(digest)));

  const holding = { partition, digest, name };
  const rows = await readHolding(registry, holding, true);
  if (rows.link === undefined) return await missingOrMoved(registry, partition, digest);
  await refuseWhileReferenced(registry, partition, digest);
  return (await beginRelease(registry, holding, rows)) === lostRace ? lostRace : 'released';
}

/** The link this instance remembered, or just saw, is not there. */
async function missingOrMoved(
  registry: Registry,
  partition: string,
  digest: Digest,
): Promise<typeof lostRace> {
  const link = await registry.tables.get('repo', partition, blobLinkKey(digest));
  if (link === undefined) throw blobUnknown(digest);
  return lostRace;
}

/**
 * A manifest that is being purged does not count: to come back it must touch its children, and so
 * change the ETag under which the link is deleted.
 */
async function refuseWhileReferenced(
  registry: Registry,
  partition: string,
  digest: Digest,
): Promise<void> {
  const prefix = `p:${digest}:` as const;
  const parents = await registry.tables.list('repo', partition, {
    ...keysUnder(prefix),
    select: [],
  });
  for (const { rowKey } of parents) {
    const manifest = rowKey.slice(prefix.length) as Digest;
    const row = await readManifestRow(registry, partition, manifest);
    if (row === undefined || row.state === 'purging') continue;
    throw new RegistryError('UNSUPPORTED', {
      message: 'a manifest refers to the blob',
      detail: { digest, manifest },
      headers: { Allow: 'GET, HEAD' },
    });
  }
}
