import type { Digest } from '../../domain/digest.ts';
import { type Child, type Manifest, parseManifest } from '../../domain/manifest.ts';
import { matchesPattern } from '../../domain/repository-pattern.ts';
import type { Operation } from '../../ports/table-store.ts';
import { storedManifest } from '../manifests/get-manifest.ts';
import { readManifestRow } from '../manifests/manifest-row.ts';
import type { Registry } from '../registry.ts';
import {
  blobLinkKey,
  manifestKey,
  parentOfKey,
  referrerKey,
  repositoryOfPartition,
  workKey,
} from '../rows/row-keys.ts';
import type { ManifestRow } from '../rows/row-types.ts';

const childrenPerTransaction = 49;

/**
 * Makes a restored manifest whole (docs/storage.md, J1 and J2): what its push asserted and wrote is
 * asserted and written again; of a deleted one that can be restored, too. One that lacks its bytes
 * or a blob begins its deletion; answers whether it stayed. Idempotent.
 */
export async function mendManifest(
  registry: Registry,
  partition: string,
  digest: Digest,
): Promise<boolean> {
  const row = await readManifestRow(registry, partition, digest);
  if (row?.state !== 'live' && row?.state !== 'deleted') return true;
  const manifest = await parsed(registry, row);
  if (manifest !== undefined && (await hold(registry, partition, row, manifest))) return true;
  await beginPurge(registry, partition, row);
  return false;
}

async function parsed(registry: Registry, row: ManifestRow): Promise<Manifest | undefined> {
  const stored = await storedManifest(registry, row);
  if (stored === undefined) return undefined;
  return parseManifest(stored.bytes, stored.mediaType);
}

/** False when a blob that it needs is not there. */
async function hold(
  registry: Registry,
  partition: string,
  { digest, state }: ManifestRow,
  manifest: Manifest,
): Promise<boolean> {
  const { children, subject } = manifest;
  const mayMiss = matchesPattern(registry.allowMissingBlobs, repositoryOfPartition(partition));
  for (let at = 0; at < children.length; at += childrenPerTransaction) {
    const some = children.slice(at, at + childrenPerTransaction);
    if (await assertAll(registry, partition, digest, some)) continue;
    const keys = some.map(keyOf);
    const found = await Promise.all(
      keys.map((key) => registry.tables.list('repo', partition, onlyKey(key))),
    );
    const isThere = (index: number) => (found[index]?.length ?? 0) > 0;
    const isLost = some.some(
      ({ kind, optional }, index) => kind === 'blob' && !optional && !mayMiss && !isThere(index),
    );
    if (isLost) return false;
    const there = some.filter((_, index) => isThere(index));
    if (there.length > 0) await assertAll(registry, partition, digest, there);
    await registry.tables.commit(
      'repo',
      partition,
      some.map((child) => reference(child, digest)),
    );
  }
  if (subject === undefined || state !== 'live') return true;
  // Written with the manifest and read after it: without it, the manifest was deleted meanwhile.
  const referrer = onlyKey(referrerKey(subject, digest));
  return (await registry.tables.list('repo', partition, referrer)).length > 0;
}

async function assertAll(
  { tables }: Registry,
  partition: string,
  digest: Digest,
  children: readonly Child[],
): Promise<boolean> {
  const outcome = await tables.commit('repo', partition, [
    { kind: 'merge', rowKey: manifestKey(digest), etag: '*', properties: {} },
    ...children.flatMap((child): Operation[] => [
      { kind: 'merge', rowKey: keyOf(child), etag: '*', properties: {} },
      reference(child, digest),
    ]),
  ]);
  return outcome.ok;
}

const keyOf = ({ kind, digest }: Child) =>
  kind === 'manifest' ? manifestKey(digest) : blobLinkKey(digest);

const reference = (child: Child, parent: Digest): Operation => ({
  kind: 'upsert',
  rowKey: parentOfKey(child.digest, parent),
  properties: {},
});

const onlyKey = (key: string) => ({ from: key, before: `${key}!`, limit: 1, select: [] });

async function beginPurge(
  { tables, clock }: Registry,
  partition: string,
  { digest, etag, properties, subject }: ManifestRow,
): Promise<void> {
  await tables.commit('repo', partition, [
    {
      kind: 'replace',
      rowKey: manifestKey(digest),
      etag,
      properties: { ...properties, state: 'purging', fallbackSubjects: '' },
    },
    { kind: 'upsert', rowKey: workKey(clock.now(), 'm', digest), properties: {} },
  ]);
  if (subject === undefined) return;
  await tables.commit('repo', partition, [
    { kind: 'delete', rowKey: referrerKey(subject, digest), etag: '*' },
  ]);
}
