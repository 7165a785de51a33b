import type { Digest } from '../../domain/digest.ts';
import type { RepositoryName } from '../../domain/repository-name.ts';
import { RegistryError } from '../../errors.ts';
import type { Operation, RowProperties } from '../../ports/table-store.ts';
import { type AttributeChange, manifestUnreadable } from '../rows/attributes.ts';
import { cacheKey } from '../caches.ts';
import { lostRace, untilDecided } from '../contention.ts';
import { readManifestRow } from './manifest-row.ts';
import type { Registry } from '../registry.ts';
import { manifestWithheld, type QuarantineState } from '../rows/quarantine.ts';
import {
  manifestKey,
  referrerKey,
  repositoryPartition,
  tagKey,
  tagOfKey,
} from '../rows/row-keys.ts';
import type { ManifestRow } from '../rows/row-types.ts';
import { tagsOfManifests } from '../tags/tags-of-manifests.ts';
import { forgetTags } from '../tags/tag-row.ts';

/** Two operations a tag, one for the manifest and each of at most 17 referrer rows: 100 at most. */
const tagsPerTransaction = 41;

/** What can be switched, and what was found out about it by who examines what is pushed. */
export interface ManifestChange extends AttributeChange {
  readonly quarantineState?: QuarantineState;
  readonly quarantineDetails?: string;
}

/**
 * Switches attributes of a manifest, leaving everything else of it as it is. Whether it may be read
 * its tags' rows say, too, so that a pull by tag need not ask it, and whether it is in quarantine
 * also the rows of it as a referrer: the first 41 tags change with it in one transaction, more
 * before it; of a release after it. Throws MANIFEST_UNKNOWN.
 */
export async function changeManifestAttributes(
  registry: Registry,
  repository: RepositoryName,
  digest: Digest,
  change: ManifestChange,
): Promise<void> {
  const partition = repositoryPartition(repository);
  await untilDecided(async () => {
    const row = await readManifestRow(registry, partition, digest);
    if (row?.state !== 'live') throw new RegistryError('MANIFEST_UNKNOWN', { detail: { digest } });
    return await attempt(registry, partition, row, change);
  });
  registry.caches.manifests.delete(cacheKey(partition, manifestKey(digest)));
}

/** A tag that comes or goes meanwhile changes the manifest's row or its own reverse row. */
async function attempt(
  registry: Registry,
  partition: string,
  row: ManifestRow,
  change: ManifestChange,
): Promise<undefined | typeof lostRace> {
  const { digest, etag: etagRead } = row;
  const told = toldByTags(change);
  const tags =
    Object.keys(told).length === 0
      ? []
      : (await tagsOfManifests(registry, partition, [digest], 'contiguous'))(digest);
  let etag = etagRead;
  for (let at = 0; at === 0 || at < tags.length; at += tagsPerTransaction) {
    // What is released shows its tags after it; what is kept back hides them before it.
    const isOwn =
      change.quarantineState === 'Passed' ? at === 0 : at + tagsPerTransaction >= tags.length;
    const outcome = await registry.tables.commit('repo', partition, [
      merge(manifestKey(digest), etag, isOwn ? { ...change } : {}),
      ...tags
        .slice(at, at + tagsPerTransaction)
        .flatMap((tag) => [merge(tagOfKey(digest, tag), '*', {}), merge(tagKey(tag), '*', told)]),
      ...(isOwn ? referrerMerges(row, change) : []),
    ]);
    if (!outcome.ok) return lostRace;
    etag = outcome.etags[0] ?? '';
  }
  forgetTags(registry, partition, tags);
  return undefined;
}

/** What the rows of tags say of their manifest. */
function toldByTags({ readEnabled, quarantineState }: ManifestChange): RowProperties {
  return {
    ...(readEnabled === undefined ? {} : { [manifestUnreadable]: !readEnabled }),
    ...(quarantineState === undefined ? {} : withheldBy(quarantineState)),
  };
}

function referrerMerges(row: ManifestRow, { quarantineState }: ManifestChange): Operation[] {
  if (quarantineState === undefined) return [];
  const { digest, subject, fallbackSubjects } = row;
  const subjects = new Set([...(subject === undefined ? [] : [subject]), ...fallbackSubjects]);
  return [...subjects].map((each) =>
    merge(referrerKey(each, digest), '*', withheldBy(quarantineState)),
  );
}

function withheldBy(state: QuarantineState): RowProperties {
  return { [manifestWithheld]: state !== 'Passed' };
}

function merge(rowKey: string, etag: string, properties: RowProperties): Operation {
  return { kind: 'merge', rowKey, etag, properties };
}
