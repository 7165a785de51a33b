import type { Digest } from '../../domain/digest.ts';
import { type IndexReference, type Platform, referencesOfIndex } from '../../domain/platform.ts';
import type { Tag } from '../../domain/reference.ts';
import type { RepositoryName } from '../../domain/repository-name.ts';
import { RegistryError } from '../../errors.ts';
import type { Row } from '../../ports/table-store.ts';
import { attributeNames, type Attributes, attributesOf } from '../rows/attributes.ts';
import { isKnown } from '../repositories/catalog.ts';
import { storedManifest } from './get-manifest.ts';
import { platformsOf } from './image-platform.ts';
import { readManifestRow } from './manifest-row.ts';
import type { Registry } from '../registry.ts';
import {
  type Quarantine,
  quarantineDetails,
  quarantineOf,
  quarantineState,
} from '../rows/quarantine.ts';
import { keysUnder, manifestKey, repositoryPartition } from '../rows/row-keys.ts';
import { number, optionalText, text, time } from '../rows/row-values.ts';
import type { ManifestRow } from '../rows/row-types.ts';
import { limits } from '../settings.ts';
import { tagsOfManifests } from '../tags/tags-of-manifests.ts';
import {
  type Order,
  type Ordered,
  type PageOf,
  pageInTime,
  tooManyToSort,
} from '../rows/time-order.ts';

/**
 * What ACR's REST API tells of a manifest. Manifests never change: the last update is the first
 * push.
 */
export interface ManifestDescription extends Ordered {
  readonly createdTime: Date;
  readonly mediaType: string;
  /** The sum of the blobs it names, each once; of an index 0. */
  readonly imageSizeBytes: number;
  readonly configMediaType: string | undefined;
  readonly platform: Platform | undefined;
  readonly tags: readonly Tag[];
  readonly attributes: Attributes;
  readonly quarantine: Quarantine | undefined;
}

/** What it tells of one asked for alone. */
export interface ManifestDetails extends ManifestDescription {
  readonly references: readonly IndexReference[];
}

const selected = [
  'state',
  'mediaType',
  'created',
  'imageSize',
  'config',
  'configMediaType',
  'architecture',
  'os',
  quarantineState,
  quarantineDetails,
  ...attributeNames,
];

/**
 * Throws MANIFEST_UNKNOWN. Two requests, more when the config was never read or the manifest is
 * large.
 */
export async function describeManifest(
  registry: Registry,
  repository: RepositoryName,
  digest: Digest,
): Promise<ManifestDetails> {
  const row = await readManifestRow(registry, repositoryPartition(repository), digest);
  if (row?.state !== 'live') throw manifestUnknown(digest);
  return await detailsOf(registry, repository, row);
}

/**
 * One page of the manifests that may be listed. By digest one request for 1,000 manifests that are
 * passed and one for 1,000 tags; by time all manifests are read, and UNSUPPORTED 400 is thrown
 * above 10,000. Throws NAME_UNKNOWN.
 */
export async function listManifestDescriptions(
  registry: Registry,
  repository: RepositoryName,
  page: { readonly order: Order; readonly last: string; readonly limit: number },
): Promise<PageOf<ManifestDescription>> {
  const partition = repositoryPartition(repository);
  const { order, last, limit } = page;
  const byDigest = order === 'none';
  const rows = await listedRows(registry, partition, {
    last: byDigest ? last : '',
    limit: (byDigest ? limit : limits.maxSorted) + 1,
  });
  if (rows.length === 0 && !(await isKnown(registry, repository))) {
    throw new RegistryError('NAME_UNKNOWN', { detail: { name: repository } });
  }
  if (byDigest) {
    const items = await describeAll(registry, repository, rows.slice(0, limit), 'contiguous');
    return { items, next: rows.length > limit ? items.at(-1)?.key : undefined };
  }
  if (rows.length > limits.maxSorted) throw tooManyToSort('manifests', limits.maxSorted);
  const inTime = pageInTime(rows.map(placed), { order, last, limit });
  const items = inTime.items.map(({ row }) => row);
  return { ...inTime, items: await describeAll(registry, repository, items, 'scattered') };
}

async function listedRows(
  registry: Registry,
  partition: string,
  page: { readonly last: string; readonly limit: number },
): Promise<Row[]> {
  const range = keysUnder('m:');
  const found: Row[] = [];
  let from = page.last === '' ? range.from : `m:${page.last}!`;
  for (;;) {
    const rows = await registry.tables.list('repo', partition, {
      from,
      before: range.before,
      limit: page.limit,
      select: selected,
    });
    found.push(...rows.filter(isListed));
    const lastRow = rows.at(-1);
    if (found.length >= page.limit || rows.length < page.limit || lastRow === undefined) {
      return found.slice(0, page.limit);
    }
    from = `${lastRow.rowKey}!`;
  }
}

function isListed({ properties }: Row): boolean {
  return properties['state'] === 'live' && attributesOf(properties).listEnabled;
}

function placed(row: Row): Ordered & { readonly row: Row } {
  return { key: row.rowKey.slice(2), lastUpdateTime: time(row, 'created'), row };
}

async function describeAll(
  registry: Registry,
  repository: RepositoryName,
  rows: readonly Row[],
  spread: 'contiguous' | 'scattered',
): Promise<ManifestDescription[]> {
  const digests = rows.map(({ rowKey }) => rowKey.slice(2) as Digest);
  const [platforms, tags] = await Promise.all([
    platformsOf(registry, repository, rows),
    tagsOfManifests(registry, repositoryPartition(repository), digests, spread),
  ]);
  return rows.map((row, index) => ({
    key: row.rowKey.slice(2),
    createdTime: time(row, 'created'),
    lastUpdateTime: time(row, 'created'),
    mediaType: text(row, 'mediaType'),
    imageSizeBytes: number(row, 'imageSize'),
    configMediaType: optionalText(row, 'configMediaType'),
    platform: platforms[index],
    tags: tags(row.rowKey.slice(2)),
    attributes: attributesOf(row.properties),
    quarantine: quarantineOf(row.properties),
  }));
}

async function detailsOf(
  registry: Registry,
  repository: RepositoryName,
  manifest: ManifestRow,
): Promise<ManifestDetails> {
  const row = { ...manifest, rowKey: manifestKey(manifest.digest), ageMs: 0 };
  const [[description], stored] = await Promise.all([
    describeAll(registry, repository, [row], 'contiguous'),
    storedManifest(registry, manifest),
  ]);
  if (description === undefined || stored === undefined) throw manifestUnknown(manifest.digest);
  return { ...description, references: referencesOfIndex(stored.bytes) };
}

function manifestUnknown(digest: Digest): RegistryError {
  return new RegistryError('MANIFEST_UNKNOWN', { detail: { digest } });
}
