import type { Digest } from '../../domain/digest.ts';
import type { Manifest } from '../../domain/manifest.ts';
import type { Tag } from '../../domain/reference.ts';
import type { RepositoryName } from '../../domain/repository-name.ts';
import { matchesPattern } from '../../domain/repository-pattern.ts';
import { RegistryError } from '../../errors.ts';
import type { Operation } from '../../ports/table-store.ts';
import { assertLives, signedSubject } from './sign-manifest.ts';
import { ensureVisible } from '../repositories/catalog.ts';
import { lostRace, untilDecided } from '../contention.ts';
import { rememberManifest } from './get-manifest.ts';
import { type Presence, probeChildren, refuseIfMissing } from './manifest-children.ts';
import { readManifestRow } from './manifest-row.ts';
import { targetOf } from './tag-target.ts';
import { commit, writeManifest, type WriteOutcome } from './manifest-write.ts';
import { fallbackSubject, ingestFallback } from './ingest-fallback.ts';
import { type Addition, refuseBeyondQuota } from '../quotas/quota.ts';
import type { Registry } from '../registry.ts';
import { isWithheld } from '../rows/quarantine.ts';
import { manifestKey, repositoryPartition } from '../rows/row-keys.ts';
import type { ManifestRow, TagRow } from '../rows/row-types.ts';
import { immutabilityOfRows } from '../tags/immutability.ts';
import {
  checkCondition,
  leftBehind,
  pointTag,
  type TagCondition,
  type TagTarget,
} from '../tags/tag-operations.ts';
import { finishDirectUploads } from '../uploads/direct-finish.ts';
import type { Pusher } from '../uploads/direct-session.ts';
import { forgetTags, readTag } from '../tags/tag-row.ts';

export interface ManifestPut {
  readonly digest: Digest;
  readonly manifest: Manifest;
  readonly bytes: Uint8Array;
  readonly tags: readonly Tag[];
  readonly condition: TagCondition;
  /** Whose direct uploads may be the layers that are missing; undefined for nobody's. */
  readonly pusher?: Pusher | undefined;
}

/**
 * Each is up to eight operations, a work row for what it leaves behind included: so many fit beside
 * a manifest.
 */
const tagsPerTransaction = 11;

/**
 * PUT of a manifest (OCI distribution-spec v1.1, end-7): the manifest is live and every tag points
 * to it, atomically for the first eleven tags. Throws MANIFEST_BLOB_UNKNOWN with all that is
 * missing, MANIFEST_INVALID when the digest is known under another media type, 412 when a tag is
 * not as demanded, DENIED when it is locked or the quota is spent. With the right to `sign` alone
 * it must be a signature, put by digest, and its subject lives in this repository when it becomes
 * live; DENIED otherwise.
 */
export async function putManifest(
  registry: Registry,
  repository: RepositoryName,
  put: ManifestPut,
  right: 'push' | 'sign',
): Promise<void> {
  const assertedSubject = right === 'push' ? undefined : signedSubject(put);
  const partition = repositoryPartition(repository);
  const confirmedAtMs = performance.now();
  await checkAllTags(registry, partition, put);
  let servable = true;
  for (let at = 0; at === 0 || at < put.tags.length; at += tagsPerTransaction) {
    const tags = put.tags.slice(at, at + tagsPerTransaction);
    servable = await putWithTags(registry, repository, { ...put, tags, assertedSubject });
    forgetTags(registry, partition, tags);
  }
  for (const subject of put.tags.map(fallbackSubject)) {
    if (subject === undefined || put.manifest.kind !== 'index') continue;
    await ingestFallback(registry, partition, subject, put.manifest);
  }
  await ensureVisible(registry, repository);
  // Other signatures make other bytes of the same digest, and the first that were stored stand.
  if (put.manifest.kind === 'schema1' || !servable) return;
  rememberManifest(
    registry,
    partition,
    {
      digest: put.digest,
      mediaType: put.manifest.mediaType,
      bytes: put.bytes,
    },
    confirmedAtMs,
  );
}

/**
 * Where the tags take several transactions, a demand that one does not meet must stop the first
 * already.
 */
async function checkAllTags(
  registry: Registry,
  partition: string,
  { tags, condition }: ManifestPut,
): Promise<void> {
  if (tags.length <= tagsPerTransaction || condition.kind === 'none') return;
  const rows = await Promise.all(tags.map((tag) => readTag(registry, partition, tag)));
  tags.forEach((tag, index) => checkCondition(condition, tag, rows[index]));
}

/** One transaction's part of a PUT. */
interface SomeTagsPut extends ManifestPut {
  /** A manifest that must live when this one becomes live. */
  readonly assertedSubject: Digest | undefined;
}

/** Answers whether the manifest may be served to whoever may pull. */
async function putWithTags(
  registry: Registry,
  repository: RepositoryName,
  put: SomeTagsPut,
): Promise<boolean> {
  const partition = repositoryPartition(repository);
  let presence: Presence = new Map();
  let rows: TargetRows | undefined;
  return await untilDecided(async () => {
    if (rows === undefined) {
      rows = await readTargetRows(registry, partition, put);
      await refuseBeyondQuota(registry, repository, additionOf(put, rows));
    }
    const target = await targetOfPut(registry, repository, put, rows);
    const outcome = await attemptPut(registry, repository, put, { ...rows, presence, target });
    if (outcome.ok) return !target.unreadable && !target.withheld;
    // When a child was not there, what was read of the manifest and its tags may well still hold.
    if (failedAtChild(outcome, put)) presence = await probe(registry, repository, put);
    else rows = undefined;
    return lostRace;
  });
}

/** What is there before the manifest and its tags are written. */
interface TargetRows {
  readonly current: ManifestRow | undefined;
  readonly tags: readonly (TagRow | undefined)[];
  /** What asserts that the subject lives. */
  readonly subject: readonly Operation[];
}

async function readTargetRows(
  registry: Registry,
  partition: string,
  put: SomeTagsPut,
): Promise<TargetRows> {
  const [current, subject, ...tags] = await Promise.all([
    readManifestRow(registry, partition, put.digest),
    put.assertedSubject === undefined ? [] : assertLives(registry, partition, put.assertedSubject),
    ...put.tags.map((tag) => readTag(registry, partition, tag)),
  ]);
  return { current, subject, tags };
}

function additionOf({ bytes }: ManifestPut, { current, tags }: TargetRows): Addition {
  const isNew = current?.state !== 'live';
  return {
    ...(isNew && { manifests: 1, bytes: bytes.byteLength }),
    tags: tags.filter((tag) => tag === undefined).length,
  };
}

/**
 * What the tags will point to. A manifest that is live stays as it is, released or not; one that is
 * not waits where a rule of the policy says so, and where it waited when it was deleted.
 */
async function targetOfPut(
  registry: Registry,
  repository: RepositoryName,
  { digest, manifest, bytes }: ManifestPut,
  { current }: TargetRows,
): Promise<TagTarget> {
  if (current?.state === 'live') return targetOf(current);
  const { quarantine } = await registry.policy.inForce();
  const withheld = matchesPattern(quarantine, repository) || isWithheld(current?.properties ?? {});
  const { mediaType } = manifest;
  return { digest, mediaType, sizeBytes: bytes.byteLength, unreadable: false, withheld };
}

/** What a transaction is made of. */
interface Attempt extends TargetRows {
  readonly presence: Presence;
  readonly target: TagTarget;
}

async function attemptPut(
  registry: Registry,
  repository: RepositoryName,
  put: ManifestPut,
  { current, tags, subject, presence, target }: Attempt,
): Promise<WriteOutcome> {
  const { digest, manifest, bytes } = put;
  const partition = repositoryPartition(repository);
  put.tags.forEach((tag, index) => checkCondition(put.condition, tag, tags[index]));
  const isHeld = await immutabilityOfRows(registry, repository, put.tags, tags);
  const pointed = put.tags.flatMap((tag, index) =>
    pointTag(registry, tag, tags[index], target, isHeld),
  );
  const tail = [...pointed, ...leftBehind(registry, tags, target), ...subject];

  if (current?.state !== 'live') {
    const quarantined = target.withheld;
    const write = { partition, digest, manifest, bytes, quarantined, current, presence, tail };
    return await writeManifest(registry, write);
  }
  if (current.mediaType !== manifest.mediaType) {
    throw new RegistryError('MANIFEST_INVALID', {
      message: `the manifest is known as ${current.mediaType}`,
      detail: { digest },
    });
  }
  const isFresh = current.ageMs < registry.seconds.touchAfter * 1000;
  if (tail.length === 0 && isFresh) return { ok: true, etags: [] };
  return await assertLive(registry, partition, current, tail);
}

/** The children of a live manifest are safe; all there is to assert is that it still lives. */
async function assertLive(
  registry: Registry,
  partition: string,
  current: ManifestRow,
  tail: readonly Operation[],
): Promise<WriteOutcome> {
  return await commit(registry, partition, [
    { kind: 'merge', rowKey: manifestKey(current.digest), etag: current.etag, properties: {} },
    ...tail,
  ]);
}

function failedAtChild(
  outcome: Extract<WriteOutcome, { ok: false }>,
  { digest }: ManifestPut,
): boolean {
  const { operation, reason } = outcome;
  const touches = operation?.kind === 'merge' && operation.etag === '*';
  return reason === 'missing' && touches && operation.rowKey !== manifestKey(digest);
}

async function probe(
  registry: Registry,
  repository: RepositoryName,
  { manifest, pusher }: ManifestPut,
): Promise<Presence> {
  const lenient = matchesPattern(registry.allowMissingBlobs, repository);
  const children = manifest.children.map((child) => ({
    ...child,
    optional: child.optional || lenient,
  }));
  const partition = repositoryPartition(repository);
  let presence = await probeChildren(registry, partition, children);
  const absent = children.filter(({ digest }) => presence.get(digest) !== true);
  const blobs = absent.filter(({ kind }) => kind === 'blob');
  if (pusher !== undefined && blobs.length > 0) {
    const bytesWanted = blobs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    await refuseBeyondQuota(registry, repository, { bytes: bytesWanted });
    await finishDirectUploads(registry, repository, pusher, blobs);
    // Whoever else pushes them may have finished them meanwhile, and left nothing to look at.
    const found = await probeChildren(registry, partition, blobs);
    presence = new Map([...presence, ...found]);
  }
  refuseIfMissing(children, presence);
  return presence;
}
