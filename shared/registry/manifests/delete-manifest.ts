import type { Digest } from '../../domain/digest.ts';
import type { Tag } from '../../domain/reference.ts';
import type { RepositoryName } from '../../domain/repository-name.ts';
import { matchesPattern } from '../../domain/repository-pattern.ts';
import { RegistryError } from '../../errors.ts';
import type { Operation } from '../../ports/table-store.ts';
import { attributesOf, refuseIfKept } from '../rows/attributes.ts';
import { cacheKey } from '../caches.ts';
import { lostRace, untilDecided } from '../contention.ts';
import { readManifestRow } from './manifest-row.ts';
import { inSeconds, type Registry } from '../registry.ts';
import { manifestKey, referrerKey, repositoryPartition, workKey } from '../rows/row-keys.ts';
import type { ManifestRow } from '../rows/row-types.ts';
import { allReferrers } from './all-referrers.ts';
import { asDeleted, rememberTags, retainSecondsIn } from './soft-delete.ts';
import { refuseIfImmutable } from '../tags/immutability.ts';
import { removableTags } from '../tags/removable-tags.ts';
import { removeTag, untaggedWork } from '../tags/tag-operations.ts';
import { forgetTags, readTag } from '../tags/tag-row.ts';

/**
 * Four operations a tag, one for the manifest, its work row and each of at most 17 referrer rows:
 * 100 at most.
 */
const tagsPerTransaction = 24;
const tagsWithFlip = 20;

/**
 * Deletes a manifest with all its tags (OCI distribution-spec v1.1, end-9); where the policy says
 * so with its referrers, too, and so that it can be restored. Its bytes and its hold on its
 * children are the sweep's. Throws MANIFEST_UNKNOWN, DENIED when the manifest or one of its tags is
 * locked against deletion or immutable, UNSUPPORTED 409 when more refers to it than one request
 * deletes.
 */
export async function deleteManifest(
  registry: Registry,
  repository: RepositoryName,
  digest: Digest,
): Promise<void> {
  const { deleteReferrers } = await registry.policy.current();
  if (matchesPattern(deleteReferrers, repository)) {
    await refuseUnlessDeletable(registry, repository, digest);
    await deleteReferrersOf(registry, repository, digest);
  }
  await purgeManifest(registry, repository, digest);
}

/** On what terms something is deleted. */
export interface DeleteTerms {
  /** Only while its row is the one of this ETag. */
  readonly ifMatch?: string | undefined;
  /** The manifest as whose referrer it goes. */
  readonly deletedWith?: Digest | undefined;
  /** At most one more operation in the transaction that ends it; when that fails, it stays. */
  readonly beside?: Operation | undefined;
}

/**
 * As {@link deleteManifest}, without its referrers; answers the tags that went with it. Throws 412
 * when its row has changed since `ifMatch`: each tag, index or lock that it gets changes it; or
 * when `beside` could not be done.
 */
export async function purgeManifest(
  registry: Registry,
  repository: RepositoryName,
  digest: Digest,
  { ifMatch, deletedWith, beside }: DeleteTerms = {},
): Promise<readonly Tag[]> {
  const partition = repositoryPartition(repository);
  const retainSeconds = await retainSecondsIn(registry, repository);
  registry.caches.manifests.delete(cacheKey(partition, manifestKey(digest)));
  const deletedTags: Tag[] = [];
  for (let ended = false; !ended;) {
    const step = await untilDecided(async () => {
      const row = await deletableRow(registry, partition, digest);
      refuseIfChanged(row, ifMatch);
      return await purgeStep(registry, repository, row, { retainSeconds, deletedWith, beside });
    });
    deletedTags.push(...step.deletedTags);
    ({ ended } = step);
  }
  return deletedTags;
}

async function deletableRow(
  registry: Registry,
  partition: string,
  digest: Digest,
): Promise<ManifestRow> {
  const row = await readManifestRow(registry, partition, digest);
  if (row?.state !== 'live') throw unknown({ digest });
  refuseIfKept(attributesOf(row.properties), { digest });
  return row;
}

/** Throws as a deletion would, as far as that can be known before. */
async function refuseUnlessDeletable(
  registry: Registry,
  repository: RepositoryName,
  digest: Digest,
): Promise<void> {
  await deletableRow(registry, repositoryPartition(repository), digest);
  await removableTags(registry, repository, digest);
}

/** How a manifest's life ends: `retainSeconds` is undefined where it cannot be restored. */
interface End {
  readonly retainSeconds: number | undefined;
  readonly deletedWith: Digest | undefined;
  readonly beside: Operation | undefined;
}

interface PurgeStep {
  /** Whether the manifest is gone; else it has fewer tags. */
  readonly ended: boolean;
  readonly deletedTags: readonly Tag[];
}

/**
 * The tags are listed after the manifest's ETag was read, and go in the transaction that ends its
 * life or in ones that assert it. A tag is deleted unconditionally, but with the reverse row whose
 * ETag says that it still points here: when it moved, the transaction fails.
 */
async function purgeStep(
  registry: Registry,
  repository: RepositoryName,
  row: ManifestRow,
  end: End,
): Promise<PurgeStep | typeof lostRace> {
  const partition = repositoryPartition(repository);
  const all = await removableTags(registry, repository, row.digest);
  const some = all.slice(0, tagsPerTransaction);
  const tags = some.map(({ tag }) => tag);
  const ended = tags.length <= tagsWithFlip;
  const untag = some.flatMap(({ tag, ...reverse }) =>
    removeTag(tag, row.digest, { etag: '*', ...reverse }),
  );
  const outcome = await registry.tables.commit('repo', partition, [
    ...(ended ? endOperations(registry, row, tags, end) : [untaggedRow(row, tags, end)]),
    ...untag,
    ...(ended && end.beside !== undefined ? [end.beside] : []),
  ]);
  if (!outcome.ok) {
    if (end.beside !== undefined) throw changedMeanwhile();
    return lostRace;
  }
  forgetTags(registry, partition, tags);
  return { ended, deletedTags: tags };
}

/** The manifest lives on with fewer tags; where it is to be restorable, it remembers them. */
function untaggedRow(row: ManifestRow, tags: readonly Tag[], end: End): Operation {
  const properties = end.retainSeconds === undefined ? {} : rememberTags(row, tags);
  return { kind: 'merge', rowKey: manifestKey(row.digest), etag: row.etag, properties };
}

/** What ends a manifest's life, and asks the sweep to take what is left of it in time. */
function endOperations(
  registry: Registry,
  row: ManifestRow,
  tags: readonly Tag[],
  { retainSeconds, deletedWith }: End,
): Operation[] {
  const { properties, work } =
    retainSeconds === undefined
      ? asPurging(registry, row)
      : asDeleted(registry, row, { tags, retainSeconds, deletedWith });
  return [
    { kind: 'replace', rowKey: manifestKey(row.digest), etag: row.etag, properties },
    ...referrerDeletes(row),
    { kind: 'upsert', rowKey: work, properties: {} },
  ];
}

function asPurging(registry: Registry, row: ManifestRow) {
  return {
    properties: { ...row.properties, state: 'purging', fallbackSubjects: '' },
    work: workKey(inSeconds(registry, registry.seconds.unfinishedWork), 'm', row.digest),
  };
}

/** Deletes what refers to a manifest; what is held stays, as does what somebody else deleted. */
async function deleteReferrersOf(
  registry: Registry,
  repository: RepositoryName,
  root: Digest,
): Promise<void> {
  const referrers = await allReferrers(registry, repositoryPartition(repository), root);
  for (const { digest, subject } of referrers.toReversed()) {
    try {
      await purgeManifest(registry, repository, digest, { deletedWith: subject });
    } catch (error) {
      if (error instanceof RegistryError && [403, 404, 405].includes(error.status)) continue;
      throw error;
    }
  }
}

/**
 * A manifest has a referrer row for the subject it names and for each that a fallback tag gave it.
 */
function referrerDeletes({ digest, subject, fallbackSubjects }: ManifestRow): Operation[] {
  const subjects = new Set(
    subject === undefined ? fallbackSubjects : [subject, ...fallbackSubjects],
  );
  return [...subjects].map((each) => ({
    kind: 'delete',
    rowKey: referrerKey(each, digest),
    etag: '*',
  }));
}

/**
 * Deletes a tag; the manifest stays (OCI distribution-spec v1.1, end-9). Throws MANIFEST_UNKNOWN,
 * DENIED when the tag is locked or immutable, and 412 when its row has changed since `ifMatch`.
 */
export async function deleteTag(
  registry: Registry,
  repository: RepositoryName,
  tag: Tag,
  { ifMatch }: Pick<DeleteTerms, 'ifMatch'> = {},
): Promise<void> {
  const partition = repositoryPartition(repository);
  await untilDecided(async () => {
    const row = await readTag(registry, partition, tag);
    if (row === undefined) throw unknown({ tag });
    refuseIfChanged(row, ifMatch);
    refuseIfKept(attributesOf(row.properties), { tag });
    await refuseIfImmutable(registry, repository, tag, row.properties);
    const outcome = await registry.tables.commit('repo', partition, [
      ...removeTag(tag, row.digest, { ...row, reverseEtag: '*' }),
      untaggedWork(registry, row.digest),
    ]);
    return outcome.ok ? undefined : lostRace;
  });
  forgetTags(registry, partition, [tag]);
}

function refuseIfChanged({ etag }: { readonly etag: string }, ifMatch: string | undefined): void {
  if (ifMatch === undefined || ifMatch === etag) return;
  throw changedMeanwhile();
}

function changedMeanwhile(): RegistryError {
  return new RegistryError('DENIED', { status: 412, message: 'it has changed meanwhile' });
}

function unknown(detail: { tag: Tag } | { digest: Digest }): RegistryError {
  return new RegistryError('MANIFEST_UNKNOWN', { detail });
}
