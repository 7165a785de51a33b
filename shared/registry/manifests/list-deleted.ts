import type { Digest } from '../../domain/digest.ts';
import type { RepositoryName } from '../../domain/repository-name.ts';
import type { Row } from '../../ports/table-store.ts';
import type { Registry } from '../registry.ts';
import { catalogueRows } from '../repositories/catalog.ts';
import { keysUnder, repositoryOfPartition, repositoryPartition } from '../rows/row-keys.ts';
import { number, text } from '../rows/row-values.ts';
import { type Deletion, deletionOf, deletionProperties } from './soft-delete.ts';

/** A manifest that can be restored. */
export interface DeletedManifest extends Deletion {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly sizeBytes: number;
  /** Of its blobs together. */
  readonly imageSizeBytes: number;
}

const readsAtOnce = 16;

/**
 * The manifests of a repository that can be restored, in the order of their digests, after `last`.
 * One request for 1,000 manifests of the repository, deleted or not.
 */
export async function listDeletedManifests(
  registry: Registry,
  repository: RepositoryName,
  page: { readonly last: string; readonly limit: number },
): Promise<readonly DeletedManifest[]> {
  const rows = await deletedRows(registry, repositoryPartition(repository), page.last);
  return rows.slice(0, page.limit).map((row) => ({
    digest: row.rowKey.slice(2) as Digest,
    mediaType: text(row, 'mediaType'),
    sizeBytes: number(row, 'size'),
    imageSizeBytes: number(row, 'imageSize'),
    ...deletionOf(row),
  }));
}

/** The rows of a repository's deleted manifests, without their bytes. */
export async function deletedRows(
  registry: Registry,
  partition: string,
  last = '',
): Promise<readonly Row[]> {
  const { from, before } = keysUnder('m:');
  const rows = await registry.tables.list('repo', partition, {
    from: last === '' ? from : `m:${last}!`,
    before,
    select: ['state', 'mediaType', 'size', 'imageSize', ...deletionProperties],
  });
  return rows.filter(({ properties }) => properties['state'] === 'deleted');
}

/** A repository in which something can be restored. */
export interface DeletedRepository {
  readonly repository: RepositoryName;
  /** When the last of it was deleted. */
  readonly deletedTime: Date;
  readonly manifests: number;
}

/**
 * The repositories in which something can be restored, in the order of their names, after `last`.
 * At least one request for each repository that there is.
 */
export async function listDeletedRepositories(
  registry: Registry,
  page: { readonly last: string; readonly limit: number },
): Promise<readonly DeletedRepository[]> {
  const found: DeletedRepository[] = [];
  for await (const rows of catalogueRows(registry, '')) {
    const partitions = rows
      .map(({ rowKey }) => rowKey)
      .filter((key) => key > repositoryPartition(page.last as RepositoryName));
    for (let at = 0; at < partitions.length && found.length < page.limit; at += readsAtOnce) {
      const some = partitions.slice(at, at + readsAtOnce);
      const looked = await Promise.all(some.map((each) => deletedIn(registry, each)));
      found.push(...looked.flatMap((each) => each ?? []));
    }
    if (found.length >= page.limit) break;
  }
  return found.slice(0, page.limit);
}

async function deletedIn(
  registry: Registry,
  partition: string,
): Promise<DeletedRepository | undefined> {
  const rows = await deletedRows(registry, partition);
  const times = rows.map((row) => deletionOf(row).deletedTime.getTime());
  return rows.length === 0
    ? undefined
    : {
        repository: repositoryOfPartition(partition),
        deletedTime: new Date(Math.max(...times)),
        manifests: rows.length,
      };
}
