import type { Digest } from '../../domain/digest.ts';
import type { Manifest } from '../../domain/manifest.ts';
import { newPhysicalName, type PhysicalName } from '../../domain/physical-name.ts';
import type { Operation, RowProperties } from '../../ports/table-store.ts';
import { childOperations, type Presence } from './manifest-children.ts';
import { referrerOperation } from './referrer-rows.ts';
import { inSeconds, type Registry } from '../registry.ts';
import { quarantineState } from '../rows/quarantine.ts';
import { manifestKey, workKey } from '../rows/row-keys.ts';
import type { ManifestRow, ManifestState } from '../rows/row-types.ts';
import { limits } from '../settings.ts';

/** A manifest that is to become live, and what becomes true in the same transaction. */
export interface ManifestWrite {
  readonly partition: string;
  readonly digest: Digest;
  readonly manifest: Manifest;
  readonly bytes: Uint8Array;
  /** Whether it is to wait until somebody releases it. */
  readonly quarantined: boolean;
  /** The row as it was read; never a live one. */
  readonly current: ManifestRow | undefined;
  readonly presence: Presence;
  /** The tags that appear with the manifest. */
  readonly tail: readonly Operation[];
}

/** A transaction that was done, or the operation it failed at. */
export type WriteOutcome =
  | { readonly ok: true; readonly etags: readonly string[] }
  | {
      readonly ok: false;
      readonly operation: Operation | undefined;
      readonly reason: 'exists' | 'missing' | 'changed';
    };

/**
 * Makes a manifest live: in one transaction when it fits, else in several that are fenced by the
 * manifest's own row, which stays `pending` until the last (docs/storage.md, "Manifest PUT", 2 and
 * 3). Each child is touched in the transaction that records the reference to it.
 */
export async function writeManifest(
  registry: Registry,
  write: ManifestWrite,
): Promise<WriteOutcome> {
  const children = write.manifest.children.map((child) =>
    childOperations(child, write.digest, write.presence),
  );
  const head = orphanedBytes(registry, write);
  const tail = [...ownReferrer(write), ...write.tail];
  const size = 1 + head.length + children.flat().length + tail.length;
  const inline = write.bytes.byteLength <= limits.maxInlineManifestBytes;
  if (!inline || size > limits.maxTransactionOperations) {
    return await writeInSteps(registry, write, { head, children, tail });
  }
  return await commit(registry, write.partition, [
    claim(registry, write, 'live', { bytes: write.bytes }),
    ...head,
    ...children.flat(),
    ...tail,
  ]);
}

/**
 * What a manifest's row takes along: when it is claimed, child by child, and when it becomes live.
 */
interface Companions {
  readonly head: readonly Operation[];
  readonly children: readonly Operation[][];
  readonly tail: readonly Operation[];
}

async function writeInSteps(
  registry: Registry,
  write: ManifestWrite,
  companions: Companions,
): Promise<WriteOutcome> {
  const { partition, digest, bytes } = write;
  const rowKey = manifestKey(digest);
  const inline = bytes.byteLength <= limits.maxInlineManifestBytes;
  const blobName = inline ? undefined : newPhysicalName(registry.clock.now());
  const place: RowProperties = blobName === undefined ? { bytes } : { blob: blobName };
  const work = workRows(registry, digest, blobName);
  const head = [...work, ...companions.head];
  const tail = [...work.map(done), ...companions.tail];
  const { first, between, last } = split(companions.children, head, tail);

  const claimed = await commit(registry, partition, [
    claim(registry, write, 'pending', place),
    ...head,
    ...first.flat(),
  ]);
  if (!claimed.ok) return claimed;
  let etag = claimed.etags[0] ?? '';
  for (const step of between) {
    const added = await commit(registry, partition, [
      { kind: 'merge', rowKey, etag, properties: {} },
      ...step.flat(),
    ]);
    if (!added.ok) return added;
    etag = added.etags[0] ?? '';
  }
  if (blobName !== undefined) {
    await registry.blobs.putBlob('manifests', blobName, bytes, { digest });
  }
  return await commit(registry, partition, [
    { kind: 'replace', rowKey, etag, properties: properties(registry, write, 'live', place) },
    ...last.flat(),
    ...tail,
  ]);
}

/**
 * What the sweep must look at should this write break off: the row, and bytes that nothing else
 * names.
 */
function workRows(
  registry: Registry,
  digest: Digest,
  blobName: PhysicalName | undefined,
): Operation[] {
  const due = inSeconds(registry, registry.seconds.unfinishedWork);
  const row: Operation = { kind: 'upsert', rowKey: workKey(due, 'm', digest), properties: {} };
  return blobName === undefined ? [row] : [row, bytesWork(registry, digest, blobName)];
}

function done({ rowKey }: Operation): Operation {
  return { kind: 'delete', rowKey, etag: '*' };
}

/** Two operations a child, and one a transaction for the manifest's row; 100 in all. */
function split(
  children: readonly Operation[][],
  head: readonly Operation[],
  tail: readonly Operation[],
) {
  const childrenBeside = (operations: number) =>
    Math.floor((limits.maxTransactionOperations - 1 - operations) / 2);
  const perStep = childrenBeside(0);
  const perFirst = childrenBeside(head.length);
  const perLast = childrenBeside(tail.length);
  const first = children.slice(0, perFirst);
  const between: Operation[][][] = [];
  let rest = children.slice(perFirst);
  while (rest.length > perLast) {
    between.push(rest.slice(0, perStep));
    rest = rest.slice(perStep);
  }
  return { first, between, last: rest };
}

function claim(
  registry: Registry,
  write: ManifestWrite,
  state: ManifestState,
  place: RowProperties,
): Operation {
  const rowKey = manifestKey(write.digest);
  const written = properties(registry, write, state, place);
  return write.current === undefined
    ? { kind: 'insert', rowKey, properties: written }
    : { kind: 'replace', rowKey, etag: write.current.etag, properties: written };
}

function properties(
  registry: Registry,
  { manifest, bytes, quarantined }: ManifestWrite,
  state: ManifestState,
  place: RowProperties,
): RowProperties {
  return {
    state,
    mediaType: manifest.mediaType,
    size: bytes.byteLength,
    created: registry.clock.now(),
    ...descriptionOf(manifest),
    ...(manifest.subject === undefined ? {} : { subject: manifest.subject }),
    ...(quarantined ? { [quarantineState]: 'Quarantined' } : {}),
    ...place,
  };
}

/** What lists of manifests tell, so that they need not read the manifests themselves. */
function descriptionOf({ children, config }: Manifest): RowProperties {
  const blobs = children.filter(({ kind }) => kind === 'blob');
  const sum = blobs.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
  return {
    imageSize: Math.min(sum, Number.MAX_SAFE_INTEGER),
    ...(config === undefined ? {} : { config: config.digest, configMediaType: config.mediaType }),
  };
}

function ownReferrer({ manifest, digest, bytes, quarantined }: ManifestWrite): Operation[] {
  if (manifest.subject === undefined) return [];
  const descriptor = { ...manifest, sizeBytes: bytes.byteLength };
  return [referrerOperation(manifest.subject, digest, descriptor, quarantined)];
}

/**
 * Asks the sweep to look whether the manifest's row still names these bytes, and to delete them if
 * not.
 */
export function bytesWork(registry: Registry, digest: Digest, name: PhysicalName): Operation {
  const due = inSeconds(registry, registry.seconds.unfinishedWork);
  return { kind: 'upsert', rowKey: workKey(due, 'f', `${digest}:${name}`), properties: {} };
}

/**
 * Bytes of the deleted manifest that this one takes the row of: its purge will not find their name
 * again.
 */
function orphanedBytes(registry: Registry, { current, digest }: ManifestWrite): Operation[] {
  if (current?.blobName === undefined || current.state === 'pending') return [];
  return [bytesWork(registry, digest, current.blobName)];
}

/** One transaction in a repository's partition; a failed one names the operation it failed at. */
export async function commit(
  registry: Registry,
  partition: string,
  operations: readonly Operation[],
): Promise<WriteOutcome> {
  const outcome = await registry.tables.commit('repo', partition, operations);
  if (outcome.ok) return outcome;
  return { ok: false, operation: operations[outcome.index], reason: outcome.reason };
}
