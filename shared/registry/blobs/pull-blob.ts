import type { Digest } from '../../domain/digest.ts';
import type { RepositoryName } from '../../domain/repository-name.ts';
import { RegistryError } from '../../errors.ts';
import { readBlobLink, recallBlobLink, touchBlobLink } from './blob-link.ts';
import type { Registry } from '../registry.ts';
import type { BlobLink } from '../rows/row-types.ts';

/**
 * HEAD of a blob: its size, and the promise that it stays for 12 hours even if nothing refers to
 * it. Throws BLOB_UNKNOWN. One request, one more once in 12 hours.
 */
export async function statBlob(
  registry: Registry,
  repository: RepositoryName,
  digest: Digest,
): Promise<BlobLink> {
  const link = await readBlobLink(registry, repository, digest);
  if (link === undefined) throw blobUnknown(digest);
  if (link.ageMs > registry.seconds.touchAfter * 1000) {
    if (!(await touchBlobLink(registry, repository, digest))) throw blobUnknown(digest);
  }
  return link;
}

/**
 * Where the bytes of a GET lie. Throws BLOB_UNKNOWN. At most one request, none for ten minutes
 * after.
 */
export async function locateBlob(
  registry: Registry,
  repository: RepositoryName,
  digest: Digest,
): Promise<BlobLink> {
  const link = await recallBlobLink(registry, repository, digest);
  if (link === undefined) throw blobUnknown(digest);
  return link;
}

export function blobUnknown(digest: Digest): RegistryError {
  return new RegistryError('BLOB_UNKNOWN', { detail: { digest } });
}
