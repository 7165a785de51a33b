import { type Digest, parseDigest } from '../../domain/digest.ts';
import type { PhysicalName } from '../../domain/physical-name.ts';
import type { RepositoryName } from '../../domain/repository-name.ts';
import type { ListedBlob } from '../../ports/blob-store.ts';
import type { Operation } from '../../ports/table-store.ts';
import { linkOperations } from '../blobs/blob-link.ts';
import type { Registry } from '../registry.ts';
import { ensureVisible } from '../repositories/catalog.ts';
import {
  blobLinkKey,
  givenUpKey,
  holderKey,
  liveKey,
  repositoryPartition,
} from '../rows/row-keys.ts';
import { text } from '../rows/row-values.ts';
import { inTurns } from '../sweep/in-turns.ts';
import { isOlder } from '../sweep/work.ts';

export interface RebuildOptions {
  /** `next` of the last call. */
  readonly after: string | undefined;
  /** No page is begun later than this. */
  readonly maxMs: number;
  /** Is given the right to every blob, when given. */
  readonly repository: RepositoryName | undefined;
}

/** What a rebuild found. Serialises to JSON as it is. */
export interface RebuildReport {
  readonly finished: boolean;
  /** Where the next call goes on; not there when finished. */
  readonly next?: string;
  readonly blobs: number;
  /** Whose rows were missing and were written. */
  readonly rebuilt: number;
  /** To which the repository that was given has the right now. */
  readonly linked: number;
  /** Given up, without a digest of their own, or written within the hour. */
  readonly passedOver: number;
}

const atOnce = 16;

/**
 * Writes the rows that say bytes are there, and the index of digests, from container `content`
 * alone: digest and size are the blob's own, set once they were proven, by nobody else. A name with
 * any row is left alone. Rights are gone with the rows of repositories: the repository that is
 * given gets all of them, to mount from, for a day or for as long as it is locked. Idempotent.
 * Throws StorageUnavailable.
 */
export async function rebuildIndex(
  registry: Registry,
  options: RebuildOptions,
): Promise<RebuildReport> {
  const begunAtMs = performance.now();
  const counts = { blobs: 0, rebuilt: 0, linked: 0, passedOver: 0 };
  let { after } = options;
  if (options.repository !== undefined) await ensureVisible(registry, options.repository);
  do {
    const page = await registry.blobs.list('content', after);
    await inTurns(page.blobs, atOnce, async (blob) => {
      const { name } = blob;
      const digest = await provenDigest(registry, blob);
      counts.blobs += 1;
      if (digest === undefined) counts.passedOver += 1;
      else if (await record(registry, blob, digest)) counts.rebuilt += 1;
      const { repository } = options;
      if (digest === undefined || repository === undefined) return;
      if (await link(registry, repository, { name, sizeBytes: blob.sizeBytes, digest }))
        counts.linked += 1;
    });
    after = page.next;
  } while (after !== undefined && performance.now() - begunAtMs < options.maxMs);
  const report = { finished: after === undefined, ...counts };
  return after === undefined ? report : { ...report, next: after };
}

/** Undefined for what is not to be served: it may be half done, or be on its way out. */
async function provenDigest(
  { tables, blobs, seconds }: Registry,
  blob: ListedBlob,
): Promise<Digest | undefined> {
  // A request that stores a blob and has not come to write its rows is over by then.
  if (!isOlder(blob, seconds.unfinishedWork)) return undefined;
  const stored = await blobs.properties('content', blob.name);
  const digest = parseDigest(stored?.metadata['digest'] ?? '');
  if (digest === undefined) return undefined;
  return (await tables.get('data', blob.name, givenUpKey)) === undefined ? digest : undefined;
}

/** Answers whether the rows were missing. */
async function record(
  { tables }: Registry,
  { name, sizeBytes: size }: ListedBlob,
  digest: Digest,
): Promise<boolean> {
  const outcome = await tables.commit('data', name, [
    { kind: 'insert', rowKey: liveKey, properties: { digest, size } },
  ]);
  await tables.commit('digests', digest, [{ kind: 'upsert', rowKey: name, properties: { size } }]);
  return outcome.ok;
}

interface Linked {
  readonly name: PhysicalName;
  readonly sizeBytes: number;
  readonly digest: Digest;
}

/** Holder, then right, as any that acquires; of two names of a digest the first has it. */
async function link(
  registry: Registry,
  repository: RepositoryName,
  { name, sizeBytes, digest }: Linked,
): Promise<boolean> {
  const { tables } = registry;
  const partition = repositoryPartition(repository);
  const there = await tables.get('repo', partition, blobLinkKey(digest));
  if (there !== undefined && text(there, 'name') !== name) return false;
  const held: Operation[] = [
    { kind: 'merge', rowKey: liveKey, etag: '*', properties: {} },
    { kind: 'merge-or-insert', rowKey: holderKey(partition), properties: {} },
  ];
  if (!(await tables.commit('data', name, held)).ok) return false;
  const linked = linkOperations(registry, digest, { name, sizeBytes });
  const outcome = await tables.commit('repo', partition, linked);
  return outcome.ok || there !== undefined;
}
