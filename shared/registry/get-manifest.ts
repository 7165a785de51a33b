import type { Digest } from '../domain/digest.ts';
import type { Reference } from '../domain/reference.ts';
import type { RepositoryName } from '../domain/repository-name.ts';
import { RegistryError } from '../errors.ts';
import { cacheKey } from './caches.ts';
import { readManifestRow } from './manifest-row.ts';
import type { Registry } from './registry.ts';
import { manifestKey, repositoryPartition } from './row-keys.ts';
import type { ManifestRow, StoredManifest, TagRow } from './rows.ts';
import { seconds } from './settings.ts';
import { readTagForPull } from './tag-row.ts';

/** What HEAD tells of a manifest. */
export interface ManifestHead {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly sizeBytes: number;
}

/**
 * HEAD of a manifest (OCI distribution-spec v1.1, end-3). Throws MANIFEST_UNKNOWN. One request; none for
 * a digest this instance served in the last minute.
 */
export async function statManifest(
  registry: Registry,
  repository: RepositoryName,
  reference: Reference,
): Promise<ManifestHead> {
  const partition = repositoryPartition(repository);
  if (reference.kind === 'tag') {
    const tag = await readTagForPull(registry, partition, reference.tag);
    if (tag === undefined) throw manifestUnknown(reference);
    return tag;
  }
  const cached = cachedByDigest(registry, partition, reference.digest);
  if (cached !== undefined) return { ...cached, sizeBytes: cached.bytes.byteLength };
  const row = await readManifestRow(registry, partition, reference.digest);
  if (row?.state !== 'live') throw manifestUnknown(reference);
  return row;
}

/**
 * GET of a manifest, byte for byte as pushed, whatever the client accepts. Throws MANIFEST_UNKNOWN. By tag
 * the tag is always read, the manifest only when this instance does not have its bytes.
 */
export async function getManifest(
  registry: Registry,
  repository: RepositoryName,
  reference: Reference,
): Promise<StoredManifest> {
  const partition = repositoryPartition(repository);
  if (reference.kind === 'digest') {
    const cached = cachedByDigest(registry, partition, reference.digest);
    const manifest = cached ?? (await readManifest(registry, partition, reference.digest));
    if (manifest === undefined) throw manifestUnknown(reference);
    return manifest;
  }
  for (let seen: TagRow | undefined; ;) {
    const tag = await readTagForPull(registry, partition, reference.tag);
    if (tag === undefined || tag.etag === seen?.etag) throw manifestUnknown(reference);
    const cached = registry.caches.manifests.get(cacheKey(partition, manifestKey(tag.digest)));
    const manifest = cached?.manifest ?? (await readManifest(registry, partition, tag.digest));
    if (manifest !== undefined) return manifest;
    // It was deleted after the tag was read; if the tag was moved before that, it is elsewhere now.
    seen = tag;
  }
}

/** Keeps a manifest that storage just said is there. */
export function rememberManifest(
  registry: Registry,
  partition: string,
  manifest: StoredManifest,
): void {
  registry.caches.manifests.set(cacheKey(partition, manifestKey(manifest.digest)), {
    manifest,
    confirmedAtMs: performance.now(),
  });
}

/** A live manifest from storage, remembered. Undefined when there is none, or its deletion has begun. */
export async function readManifest(
  registry: Registry,
  partition: string,
  digest: Digest,
): Promise<StoredManifest | undefined> {
  const row = await readManifestRow(registry, partition, digest);
  if (row?.state !== 'live') return undefined;
  const bytes = row.inline ?? (await readStoredBytes(registry, row));
  if (bytes === undefined) return undefined;
  const manifest = { digest, mediaType: row.mediaType, bytes };
  rememberManifest(registry, partition, manifest);
  return manifest;
}

async function readStoredBytes(
  registry: Registry,
  row: ManifestRow,
): Promise<Uint8Array | undefined> {
  return row.blobName === undefined
    ? undefined
    : await registry.blobs.read('manifests', row.blobName);
}

function cachedByDigest(
  registry: Registry,
  partition: string,
  digest: Digest,
): StoredManifest | undefined {
  const cached = registry.caches.manifests.get(cacheKey(partition, manifestKey(digest)));
  if (cached === undefined) return undefined;
  const ageMs = performance.now() - cached.confirmedAtMs;
  return ageMs < seconds.manifestCacheByDigest * 1000 ? cached.manifest : undefined;
}

function manifestUnknown(reference: Reference): RegistryError {
  return new RegistryError('MANIFEST_UNKNOWN', {
    detail: reference.kind === 'tag' ? { tag: reference.tag } : { digest: reference.digest },
  });
}
