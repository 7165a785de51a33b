import type { Digest } from '../../domain/digest.ts';
import { parseTag, type Tag } from '../../domain/reference.ts';
import type { RepositoryName } from '../../domain/repository-name.ts';
import { RegistryError } from '../../errors.ts';
import type { Row, RowProperties } from '../../ports/table-store.ts';
import { type AttributeChange, type Attributes, attributesOf } from '../rows/attributes.ts';
import { lostRace, untilDecided } from '../contention.ts';
import { isInOrder } from './bring-in-order.ts';
import { listedTagRows, namesAfter } from './list-tags.ts';
import type { Registry } from '../registry.ts';
import {
  keysUnder,
  manifestKey,
  newestFirstKey,
  oldestFirstKey,
  repositoryPartition,
  tagKey,
  tagOfKey,
} from '../rows/row-keys.ts';
import { digest, time } from '../rows/row-values.ts';
import type { TagRow } from '../rows/row-types.ts';
import { limits } from '../settings.ts';
import { reverseProperties } from './tag-operations.ts';
import { orderedProperties, orderTime, reorder } from './tag-order.ts';
import { forgetTags, readTag } from './tag-row.ts';
import {
  cursorAt,
  noSuchLast,
  type Order,
  type Ordered,
  type PageOf,
  pageInTime,
  parseCursor,
  tooManyToSort,
} from '../rows/time-order.ts';

/** What ACR's REST API tells of a tag. */
export interface TagDescription extends Ordered {
  readonly digest: Digest;
  readonly createdTime: Date;
  readonly attributes: Attributes;
}

/** Throws MANIFEST_UNKNOWN. One request. */
export async function describeTag(
  registry: Registry,
  repository: RepositoryName,
  tag: Tag,
): Promise<TagDescription> {
  const row = await readTag(registry, repositoryPartition(repository), tag);
  if (row === undefined) throw tagUnknown(tag);
  return descriptionOf({ ...row, rowKey: tagKey(tag) });
}

/**
 * Switches attributes of a tag, leaving everything else of it as it is. Who deletes its manifest
 * meanwhile must look again: the manifest's row changes with the tag's. Throws MANIFEST_UNKNOWN.
 */
export async function changeTagAttributes(
  registry: Registry,
  repository: RepositoryName,
  tag: Tag,
  change: AttributeChange,
): Promise<TagDescription> {
  const partition = repositoryPartition(repository);
  const changed = await untilDecided(async (): Promise<TagRow | typeof lostRace> => {
    const row = await readTag(registry, partition, tag);
    if (row === undefined) throw tagUnknown(tag);
    const properties: RowProperties = { ...row.properties, ...change };
    const outcome = await registry.tables.commit('repo', partition, [
      { kind: 'merge', rowKey: tagKey(tag), etag: row.etag, properties: change },
      { kind: 'merge', rowKey: manifestKey(row.digest), etag: '*', properties: {} },
      {
        kind: 'upsert',
        rowKey: tagOfKey(row.digest, tag),
        properties: reverseProperties(properties),
      },
      ...reorder(tag, row.properties, properties),
    ]);
    return outcome.ok ? { ...row, properties } : lostRace;
  });
  forgetTags(registry, partition, [tag]);
  return descriptionOf({ ...changed, rowKey: tagKey(tag) });
}

/** A page of tags that is asked for. */
interface TagsPage {
  readonly order: Order;
  readonly last: string;
  readonly limit: number;
  readonly digest: Digest | undefined;
}

/**
 * One page of the tags that may be listed, of one digest if wanted: one request for 1,000 tags that
 * are passed. By time in a repository that is not yet in order (see {@link isInOrder}) all tags are
 * read, and UNSUPPORTED 400 is thrown above 10,000. Throws NAME_UNKNOWN.
 */
export async function listTagDescriptions(
  registry: Registry,
  repository: RepositoryName,
  page: TagsPage,
): Promise<PageOf<TagDescription>> {
  const { order, last, limit } = page;
  if (order === 'none') {
    const tags = await describedRows(registry, repository, page, {
      ...namesAfter(last),
      limit: limit + 1,
    });
    return firstOf(tags, limit, ({ key }) => key);
  }
  if (await isInOrder(registry, repository)) {
    const tags = await describedRows(registry, repository, page, {
      ...(await timesAfter(registry, repositoryPartition(repository), order, last)),
      limit: limit + 1,
    });
    return firstOf(tags, limit, cursorAt);
  }
  const tags = await describedRows(registry, repository, page, {
    ...namesAfter(''),
    limit: limits.maxSorted + 1,
  });
  if (tags.length > limits.maxSorted) throw tooManyToSort('tags', limits.maxSorted);
  return pageInTime(tags, { order, last, limit });
}

async function describedRows(
  registry: Registry,
  repository: RepositoryName,
  { digest: wanted }: TagsPage,
  range: { readonly from: string; readonly before: string; readonly limit: number },
): Promise<TagDescription[]> {
  const rows = await listedTagRows(registry, repository, {
    ...range,
    select: orderedProperties,
    wanted: (row) => wanted === undefined || row.properties['digest'] === wanted,
  });
  return rows.map(descriptionOf);
}

/** Of one item more than a page has, the page. */
function firstOf(
  tags: readonly TagDescription[],
  limit: number,
  lastOf: (tag: TagDescription) => string,
): PageOf<TagDescription> {
  const items = tags.slice(0, limit);
  const end = items.at(-1);
  return { items, next: tags.length > limit && end !== undefined ? lastOf(end) : undefined };
}

/** The rows after what an earlier page gave as its `next`, or after a tag that is there. */
async function timesAfter(
  registry: Registry,
  partition: string,
  order: 'timedesc' | 'timeasc',
  last: string,
): Promise<{ readonly from: string; readonly before: string }> {
  const { from, before } = keysUnder(order === 'timedesc' ? 'o:' : 'a:');
  if (last === '') return { from, before };
  const place = parseCursor(last) ?? (await placeOfTag(registry, partition, last));
  if (place === undefined) throw noSuchLast(last);
  const key = order === 'timedesc' ? newestFirstKey : oldestFirstKey;
  return { from: `${key(place.lastUpdateTime, place.key as Tag)}!`, before };
}

async function placeOfTag(
  registry: Registry,
  partition: string,
  last: string,
): Promise<Ordered | undefined> {
  const tag = parseTag(last);
  const row = tag && (await readTag(registry, partition, tag));
  const lastUpdateTime = row && orderTime(row.properties);
  return lastUpdateTime && { key: last, lastUpdateTime };
}

function descriptionOf(row: Pick<Row, 'rowKey' | 'properties'>): TagDescription {
  const full = { etag: '', ageMs: 0, ...row };
  return {
    key: row.rowKey.slice(row.rowKey.lastIndexOf(':') + 1),
    digest: digest(full, 'digest'),
    createdTime: time(full, 'created'),
    lastUpdateTime: time(full, 'updated'),
    attributes: attributesOf(row.properties),
  };
}

function tagUnknown(tag: Tag): RegistryError {
  return new RegistryError('MANIFEST_UNKNOWN', { detail: { tag } });
}
