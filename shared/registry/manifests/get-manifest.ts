import type { Digest } from '../../domain/digest.ts';
import type { Reference } from '../../domain/reference.ts';
import type { RepositoryName } from '../../domain/repository-name.ts';
import { RegistryError } from '../../errors.ts';
import { attributesOf, disallowed, manifestUnreadable, refuseUnless } from '../rows/attributes.ts';
import { cacheKey } from '../caches.ts';
import { readManifestRow } from './manifest-row.ts';
import type { Registry } from '../registry.ts';
import { inQuarantine, isWithheld, manifestWithheld } from '../rows/quarantine.ts';
import { manifestKey, repositoryPartition } from '../rows/row-keys.ts';
import type { ManifestRow, StoredManifest, TagRow } from '../rows/row-types.ts';
import { CorruptRow } from '../rows/row-values.ts';
import { readTagForPull } from '../tags/tag-row.ts';

/** What HEAD tells of a manifest. */
export interface ManifestHead {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly sizeBytes: number;
}

/**
 * HEAD of a manifest (OCI distribution-spec v1.1, end-3). Throws MANIFEST_UNKNOWN, and DENIED when
 * it or the tag is locked against reading, or it is in quarantine and asked for by its digest by
 * who does not see that; by a tag it is unknown to them. One request; none for a digest this
 * instance served in the last minute.
 */
export async function statManifest(
  registry: Registry,
  repository: RepositoryName,
  reference: Reference,
  seesQuarantined = false,
): Promise<ManifestHead> {
  const partition = repositoryPartition(repository);
  if (reference.kind === 'tag') {
    const tag = await readTagForPull(registry, partition, reference.tag);
    if (tag === undefined) throw manifestUnknown(reference);
    refuseUnlessReadable(tag);
    if (tag.properties[manifestWithheld] === true && !seesQuarantined) {
      throw manifestUnknown(reference);
    }
    return tag;
  }
  const cached = recentlyConfirmed(
    registry,
    partition,
    reference.digest,
    registry.seconds.manifestCacheByDigest,
  );
  if (cached !== undefined) return { ...cached, sizeBytes: cached.bytes.byteLength };
  const row = await readManifestRow(registry, partition, reference.digest);
  if (row?.state !== 'live') throw manifestUnknown(reference);
  refuseUnless('readEnabled', attributesOf(row.properties), { digest: row.digest });
  if (isWithheld(row.properties) && !seesQuarantined) throw inQuarantine(row.digest);
  return row;
}

/**
 * GET of a manifest, byte for byte as pushed, whatever the client accepts. Throws as
 * {@link statManifest}. By tag the tag is always read, the manifest only when this instance does
 * not have its bytes.
 */
export async function getManifest(
  registry: Registry,
  repository: RepositoryName,
  reference: Reference,
  seesQuarantined = false,
): Promise<StoredManifest> {
  const partition = repositoryPartition(repository);
  if (reference.kind === 'digest') {
    const manifest = await pullByDigest(registry, partition, reference.digest, {
      maxAgeSeconds: registry.seconds.manifestCacheByDigest,
      seesQuarantined,
    });
    if (manifest === undefined) throw manifestUnknown(reference);
    if (manifest === withheld) throw inQuarantine(reference.digest);
    return manifest;
  }
  for (let seen: TagRow | undefined; ;) {
    const tag = await readTagForPull(registry, partition, reference.tag);
    if (tag === undefined || tag.etag === seen?.etag) throw manifestUnknown(reference);
    refuseUnlessReadable(tag);
    const sees = seesQuarantined || tag.properties[manifestWithheld] !== true;
    const manifest = sees
      ? await pullByDigest(registry, partition, tag.digest, {
          maxAgeSeconds: Infinity,
          seesQuarantined,
        })
      : withheld;
    if (manifest === withheld) throw manifestUnknown(reference);
    if (manifest !== undefined) return manifest;
    // It was deleted after the tag was read; if the tag was moved before that, it is elsewhere now.
    seen = tag;
  }
}

/**
 * Keeps a manifest that storage said is there, at that time of the process's clock at the earliest.
 */
export function rememberManifest(
  registry: Registry,
  partition: string,
  manifest: StoredManifest,
  confirmedAtMs: number,
): void {
  const key = cacheKey(partition, manifestKey(manifest.digest));
  registry.caches.manifests.set(key, { manifest, confirmedAtMs });
}

/** A manifest that is there, but not for who asks. */
const withheld = Symbol('withheld');

/** What is in quarantine is never remembered: what is, is for whoever may pull. */
async function pullByDigest(
  registry: Registry,
  partition: string,
  digest: Digest,
  { maxAgeSeconds, seesQuarantined }: { maxAgeSeconds: number; seesQuarantined: boolean },
): Promise<StoredManifest | typeof withheld | undefined> {
  const cached = recentlyConfirmed(registry, partition, digest, maxAgeSeconds);
  if (cached !== undefined) return cached;
  const confirmedAtMs = performance.now();
  const row = await readManifestRow(registry, partition, digest);
  if (row?.state !== 'live') return undefined;
  refuseUnless('readEnabled', attributesOf(row.properties), { digest });
  const isHidden = isWithheld(row.properties);
  if (isHidden && !seesQuarantined) return withheld;
  const manifest = await storedManifest(registry, row);
  if (manifest === undefined) await refuseIfUnchanged(registry, partition, row);
  else if (!isHidden) rememberManifest(registry, partition, manifest, confirmedAtMs);
  return manifest;
}

/**
 * A live manifest from storage, for the registry itself: locks do not count. Undefined when there
 * is none, or its deletion has begun.
 */
export async function readManifest(
  registry: Registry,
  partition: string,
  digest: Digest,
): Promise<StoredManifest | undefined> {
  const row = await readManifestRow(registry, partition, digest);
  return row?.state === 'live' ? await storedManifest(registry, row) : undefined;
}

/**
 * The manifest a row tells of, with its bytes. Undefined when they were deleted after the row was
 * read.
 */
export async function storedManifest(
  registry: Registry,
  row: ManifestRow,
): Promise<StoredManifest | undefined> {
  const bytes = row.inline ?? (await readStoredBytes(registry, row));
  return bytes === undefined ? undefined : { digest: row.digest, mediaType: row.mediaType, bytes };
}

/**
 * Bytes go after their row said so; a row that still says they are there is damage, not absence.
 */
async function refuseIfUnchanged(
  registry: Registry,
  partition: string,
  { digest, etag }: ManifestRow,
): Promise<void> {
  const now = await readManifestRow(registry, partition, digest);
  if (now?.etag === etag) throw new CorruptRow(`the bytes of manifest ${digest} are gone`);
}

async function readStoredBytes(
  registry: Registry,
  row: ManifestRow,
): Promise<Uint8Array | undefined> {
  return row.blobName === undefined
    ? undefined
    : await registry.blobs.read('manifests', row.blobName);
}

/**
 * The tag's row also says whether what it points to may be read, and is never older than the
 * request.
 */
function refuseUnlessReadable({ tag, digest, properties }: TagRow): void {
  refuseUnless('readEnabled', attributesOf(properties), { tag });
  if (properties[manifestUnreadable] === true) throw disallowed('readEnabled', { digest });
}

function recentlyConfirmed(
  registry: Registry,
  partition: string,
  digest: Digest,
  maxAgeSeconds: number,
): StoredManifest | undefined {
  const cached = registry.caches.manifests.get(cacheKey(partition, manifestKey(digest)));
  if (cached === undefined) return undefined;
  const ageMs = performance.now() - cached.confirmedAtMs;
  return ageMs < maxAgeSeconds * 1000 ? cached.manifest : undefined;
}

function manifestUnknown(reference: Reference): RegistryError {
  return new RegistryError('MANIFEST_UNKNOWN', {
    detail: reference.kind === 'tag' ? { tag: reference.tag } : { digest: reference.digest },
  });
}
