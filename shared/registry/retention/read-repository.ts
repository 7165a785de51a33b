import { type Digest, parseDigest } from '../../domain/digest.ts';
import type { Tag } from '../../domain/reference.ts';
import type { Row } from '../../ports/table-store.ts';
import { pullsOf } from '../usage/pull-rows.ts';
import type { Registry } from '../registry.ts';
import { attributeNames, attributesOf, isKept } from '../rows/attributes.ts';
import { keysUnder, parseWorkKey, timeOfWork } from '../rows/row-keys.ts';
import { rowPages } from '../rows/row-pages.ts';
import { digest, optionalText, time } from '../rows/row-values.ts';
import { inTurns } from '../sweep/in-turns.ts';
import type { RetainedManifest, RetainedRepository, RetainedTag } from './plan.ts';

/** Of a manifest's row: the time by which the sweep found it without a tag, after it lost one. */
export const untaggedAt = 'untagged';

const states = ['pending', 'live', 'deleted', 'purging'] as const;
const parentsAtOnce = 16;

/**
 * Reads what retention decides by. The manifests come first: whoever gives one of them a tag, a
 * place in an index or a lock later, changes its ETag, under which it would be deleted. Tags come
 * before the work rows that tell of tags that were lost. One request for 1,000 manifests, tags,
 * work rows and sampled pulls each, and one for each manifest that has no tag.
 */
export async function readRetained(
  registry: Registry,
  partition: string,
  isImmutable: (tag: Tag) => boolean,
): Promise<RetainedRepository> {
  const manifests: Omit<RetainedManifest, 'parents'>[] = [];
  const select = ['state', 'created', untaggedAt, 'subject', 'fallbackSubjects', ...attributeNames];
  for await (const rows of rowPages(registry, partition, 'm:', select)) {
    manifests.push(...rows.map((row) => manifestOf(registry, row)));
  }
  const pulls = await pullsOf(registry, partition);
  const tags: RetainedTag[] = [];
  const selectOfTags = ['digest', 'updated', ...attributeNames];
  for await (const rows of rowPages(registry, partition, 't:', selectOfTags)) {
    tags.push(...rows.map((row) => tagOf(row, pulls, isImmutable)));
  }
  const lost = await lostTags(registry, partition);
  const tagged = new Set(tags.map((tag) => tag.digest));
  const found: RetainedManifest[] = [];
  await inTurns(manifests, parentsAtOnce, async (manifest) => {
    found.push({
      ...manifest,
      untaggedSinceMs: Math.max(manifest.untaggedSinceMs, lost.get(manifest.digest) ?? 0),
      parents: tagged.has(manifest.digest)
        ? []
        : await parentsOf(registry, partition, manifest.digest),
    });
  });
  return { manifests: found, tags };
}

/** The row's own time counts, too: each push of it or of an index that names it writes the row. */
function manifestOf(registry: Registry, row: Row): Omit<RetainedManifest, 'parents'> {
  const untagged = row.properties[untaggedAt];
  const writtenMs = registry.clock.now().getTime() - row.ageMs;
  return {
    digest: row.rowKey.slice(2) as Digest,
    etag: row.etag,
    state: states.find((state) => state === row.properties['state']) ?? 'pending',
    isKept: isKept(attributesOf(row.properties)),
    subjects: [
      ...new Set(
        [optionalText(row, 'subject'), optionalText(row, 'fallbackSubjects')]
          .flatMap((text) => text?.split(',') ?? [])
          .flatMap((text) => parseDigest(text) ?? []),
      ),
    ],
    untaggedSinceMs: Math.max(
      time(row, 'created').getTime(),
      untagged instanceof Date ? untagged.getTime() : 0,
      writtenMs,
    ),
  };
}

function tagOf(
  row: Row,
  pulls: ReadonlyMap<string, Date>,
  isImmutable: (tag: Tag) => boolean,
): RetainedTag {
  const tag = row.rowKey.slice(2) as Tag;
  return {
    tag,
    digest: digest(row, 'digest'),
    etag: row.etag,
    isKept: isKept(attributesOf(row.properties)) || isImmutable(tag),
    updatedMs: time(row, 'updated').getTime(),
    pulledMs: pulls.get(digest(row, 'digest'))?.getTime(),
  };
}

/** Manifests of which the sweep has not yet looked whether they lost their last tag, and when. */
async function lostTags(
  registry: Registry,
  partition: string,
): Promise<ReadonlyMap<string, number>> {
  const lost = new Map<string, number>();
  for await (const rows of rowPages(registry, partition, 'z:', [])) {
    for (const { rowKey } of rows) {
      const work = parseWorkKey(rowKey);
      if (work?.kind !== 'm') continue;
      lost.set(work.key, Math.max(lost.get(work.key) ?? 0, timeOfWork(rowKey).getTime()));
    }
  }
  return lost;
}

async function parentsOf(
  registry: Registry,
  partition: string,
  child: Digest,
): Promise<readonly Digest[]> {
  const prefix = `p:${child}:` as const;
  const rows = await registry.tables.list('repo', partition, { ...keysUnder(prefix), select: [] });
  return rows.map(({ rowKey }) => rowKey.slice(prefix.length) as Digest);
}
