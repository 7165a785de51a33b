import type { Digest } from '../../domain/digest.ts';
import type { Tag } from '../../domain/reference.ts';
import type { RepositoryName } from '../../domain/repository-name.ts';
import { RegistryError } from '../../errors.ts';
import type { Operation } from '../../ports/table-store.ts';
import { attributesOf, disallowed, refuseIfKept } from '../rows/attributes.ts';
import { cacheKey } from '../caches.ts';
import { lostRace, untilDecided } from '../contention.ts';
import { readManifestRow } from './manifest-row.ts';
import { inSeconds, type Registry } from '../registry.ts';
import {
  keysUnder,
  manifestKey,
  referrerKey,
  repositoryPartition,
  tagKey,
  tagOfKey,
  workKey,
} from '../rows/row-keys.ts';
import type { ManifestRow } from '../rows/row-types.ts';
import { untaggedWork } from '../tags/tag-operations.ts';
import { forgetTags, readTag } from '../tags/tag-row.ts';

/**
 * Two operations a tag, one for the manifest, its work row and each of at most 17 referrer rows:
 * 100 at most.
 */
const tagsPerTransaction = 45;
const tagsWithFlip = 30;

/**
 * Deletes a manifest with all its tags (OCI distribution-spec v1.1, end-9). Its bytes and its hold
 * on its children are the sweep's. Throws MANIFEST_UNKNOWN, and DENIED when the manifest or one of
 * its tags is locked against deletion.
 */
export async function deleteManifest(
  registry: Registry,
  repository: RepositoryName,
  digest: Digest,
): Promise<void> {
  await purgeManifest(registry, repository, digest);
}

/** As {@link deleteManifest}; answers the tags that went with it. */
export async function purgeManifest(
  registry: Registry,
  repository: RepositoryName,
  digest: Digest,
): Promise<readonly Tag[]> {
  const partition = repositoryPartition(repository);
  registry.caches.manifests.delete(cacheKey(partition, manifestKey(digest)));
  const deletedTags: Tag[] = [];
  for (let purging = false; !purging;) {
    const step = await untilDecided(async () => {
      const row = await readManifestRow(registry, partition, digest);
      if (row?.state !== 'live') throw unknown({ digest });
      refuseIfKept(attributesOf(row.properties), { digest });
      return await purgeStep(registry, partition, row);
    });
    deletedTags.push(...step.deletedTags);
    purging = step.purging;
  }
  return deletedTags;
}

interface PurgeStep {
  /** Whether the manifest is gone; else it has fewer tags. */
  readonly purging: boolean;
  readonly deletedTags: readonly Tag[];
}

/**
 * The tags are listed after the manifest's ETag was read, and go in the transaction that ends its
 * life or in ones that assert it. A tag is deleted unconditionally, but with the reverse row whose
 * existence says that it still points here: when it moved, the transaction fails. That row also
 * says whether the tag is locked; to lock it changes the manifest's ETag.
 */
async function purgeStep(
  registry: Registry,
  partition: string,
  row: ManifestRow,
): Promise<PurgeStep | typeof lostRace> {
  const prefix = `g:${row.digest}:` as const;
  const reverse = await registry.tables.list('repo', partition, {
    ...keysUnder(prefix),
    select: ['locked'],
  });
  const tagOf = (rowKey: string) => rowKey.slice(prefix.length) as Tag;
  const locked = reverse.find(({ properties }) => properties['locked'] === true);
  if (locked !== undefined) {
    throw disallowed('deleteEnabled', { digest: row.digest, tag: tagOf(locked.rowKey) });
  }
  const tags = reverse.slice(0, tagsPerTransaction).map(({ rowKey }) => tagOf(rowKey));
  const untag = tags.flatMap((tag): Operation[] => [
    { kind: 'delete', rowKey: tagKey(tag), etag: '*' },
    { kind: 'delete', rowKey: tagOfKey(row.digest, tag), etag: '*' },
  ]);
  const rowKey = manifestKey(row.digest);
  const flips = tags.length <= tagsWithFlip;
  const outcome = await registry.tables.commit(
    'repo',
    partition,
    flips
      ? [
          {
            kind: 'replace',
            rowKey,
            etag: row.etag,
            properties: { ...row.properties, state: 'purging', fallbackSubjects: '' },
          },
          ...untag,
          ...referrerDeletes(row),
          {
            kind: 'upsert',
            rowKey: workKey(inSeconds(registry, registry.seconds.unfinishedWork), 'm', row.digest),
            properties: {},
          },
        ]
      : [{ kind: 'merge', rowKey, etag: row.etag, properties: {} }, ...untag],
  );
  if (!outcome.ok) return lostRace;
  forgetTags(registry, partition, tags);
  return { purging: flips, deletedTags: tags };
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
 * and DENIED when the tag is locked.
 */
export async function deleteTag(
  registry: Registry,
  repository: RepositoryName,
  tag: Tag,
): Promise<void> {
  const partition = repositoryPartition(repository);
  await untilDecided(async () => {
    const row = await readTag(registry, partition, tag);
    if (row === undefined) throw unknown({ tag });
    refuseIfKept(attributesOf(row.properties), { tag });
    const outcome = await registry.tables.commit('repo', partition, [
      { kind: 'delete', rowKey: tagKey(tag), etag: row.etag },
      { kind: 'delete', rowKey: tagOfKey(row.digest, tag), etag: '*' },
      untaggedWork(registry, row.digest),
    ]);
    return outcome.ok ? undefined : lostRace;
  });
  forgetTags(registry, partition, [tag]);
}

function unknown(detail: { tag: Tag } | { digest: Digest }): RegistryError {
  return new RegistryError('MANIFEST_UNKNOWN', { detail });
}
