import type { Digest } from '../../domain/digest.ts';
import type { Tag } from '../../domain/reference.ts';
import type { RepositoryName } from '../../domain/repository-name.ts';
import { RegistryError } from '../../errors.ts';
import type { Row, RowProperties } from '../../ports/table-store.ts';
import {
  type AttributeChange,
  attributeNames,
  type Attributes,
  attributesOf,
} from '../rows/attributes.ts';
import { lostRace, untilDecided } from '../contention.ts';
import { listedTagRows } from './list-tags.ts';
import type { Registry } from '../registry.ts';
import { manifestKey, repositoryPartition, tagKey, tagOfKey } from '../rows/row-keys.ts';
import { digest, time } from '../rows/row-values.ts';
import type { TagRow } from '../rows/row-types.ts';
import { limits } from '../settings.ts';
import { reverseProperties } from './tag-operations.ts';
import { reorder } from './tag-order.ts';
import { forgetTags, readTag } from './tag-row.ts';
import {
  type Order,
  type Ordered,
  type PageOf,
  pageInTime,
  tooManyToSort,
} from '../rows/time-order.ts';

/** What ACR's REST API tells of a tag. */
export interface TagDescription extends Ordered {
  readonly digest: Digest;
  readonly createdTime: Date;
  readonly attributes: Attributes;
}

const selected = ['digest', 'created', 'updated', ...attributeNames];

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

/**
 * One page of the tags that may be listed, of one digest if wanted. By name one request for 1,000
 * tags that are passed; by time all tags are read, and UNSUPPORTED 400 is thrown above 10,000.
 * Throws NAME_UNKNOWN.
 */
export async function listTagDescriptions(
  registry: Registry,
  repository: RepositoryName,
  page: {
    readonly order: Order;
    readonly last: string;
    readonly limit: number;
    readonly digest: Digest | undefined;
  },
): Promise<PageOf<TagDescription>> {
  const { order, last, limit } = page;
  const byName = order === 'none';
  const rows = await listedTagRows(registry, repository, {
    last: byName ? last : '',
    limit: (byName ? limit : limits.maxSorted) + 1,
    select: selected,
    wanted: (row) => page.digest === undefined || row.properties['digest'] === page.digest,
  });
  const tags = rows.map(descriptionOf);
  if (byName) {
    const items = tags.slice(0, limit);
    return { items, next: tags.length > limit ? items.at(-1)?.key : undefined };
  }
  if (tags.length > limits.maxSorted) throw tooManyToSort('tags', limits.maxSorted);
  return pageInTime(tags, { order, last, limit });
}

function descriptionOf(row: Pick<Row, 'rowKey' | 'properties'>): TagDescription {
  const full = { etag: '', ageMs: 0, ...row };
  return {
    key: row.rowKey.slice(2),
    digest: digest(full, 'digest'),
    createdTime: time(full, 'created'),
    lastUpdateTime: time(full, 'updated'),
    attributes: attributesOf(row.properties),
  };
}

function tagUnknown(tag: Tag): RegistryError {
  return new RegistryError('MANIFEST_UNKNOWN', { detail: { tag } });
}
