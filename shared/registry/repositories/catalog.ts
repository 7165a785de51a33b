import type { RepositoryName } from '../../domain/repository-name.ts';
import type { Row, RowProperties } from '../../ports/table-store.ts';
import type { Registry } from '../registry.ts';
import { attributesOfAll } from './repository-attributes.ts';
import {
  catalogPartition,
  keysUnder,
  repositoryOfPartition,
  repositoryPartition,
} from '../rows/row-keys.ts';
import { limits } from '../settings.ts';

/** When the repository was last emptied; false once it was shown again. */
const deleted = 'deleted';

/** Whether the catalogue's row says that the repository was emptied and not shown since. */
export function isMarkedDeleted(properties: RowProperties): boolean {
  return properties[deleted] instanceof Date;
}

/**
 * Makes sure the repository has its catalogue row, hidden until its first manifest: without the row
 * no sweep would ever visit the repository. Touches the row, so that no sweep removes it while this
 * instance trusts that it is there. One request when this instance has not seen it for 10 minutes.
 */
export async function ensureCatalogued(
  registry: Registry,
  repository: RepositoryName,
): Promise<void> {
  const partition = repositoryPartition(repository);
  if (registry.caches.catalogued.has(partition)) return;
  await touchCatalogued(registry, partition);
  registry.caches.catalogued.set(partition, false);
}

/** As {@link ensureCatalogued}, whatever this instance has seen. One request. */
export async function touchCatalogued(registry: Registry, partition: string): Promise<void> {
  await registry.tables.commit('catalog', catalogPartition, [
    { kind: 'merge-or-insert', rowKey: partition, properties: {} },
  ]);
}

/**
 * Shows the repository in the catalogue. One request when this instance has not done so for 10
 * minutes.
 */
export async function ensureVisible(registry: Registry, repository: RepositoryName): Promise<void> {
  const partition = repositoryPartition(repository);
  if (registry.caches.catalogued.get(partition) === true) return;
  await registry.tables.commit('catalog', catalogPartition, [
    {
      kind: 'merge-or-insert',
      rowKey: partition,
      properties: { visible: true, [deleted]: false },
    },
  ]);
  registry.caches.catalogued.set(partition, true);
}

/** The repository's row, hidden or not. Undefined when nobody ever began to push to it. */
export async function catalogueRow(
  registry: Registry,
  repository: RepositoryName,
): Promise<Row | undefined> {
  return await registry.tables.get('catalog', catalogPartition, repositoryPartition(repository));
}

/** Whether the repository has ever been pushed to; if it was deleted, whether it has been since. */
export async function isKnown(registry: Registry, repository: RepositoryName): Promise<boolean> {
  const partition = repositoryPartition(repository);
  if (registry.caches.catalogued.has(partition)) return true;
  const row = await registry.tables.get('catalog', catalogPartition, partition);
  return row !== undefined && (await isInUse(registry, row));
}

/**
 * Takes a repository that was just emptied out of the catalogue. Instances that showed it in the
 * last ten minutes will not show it again by themselves: so until one does, whoever lists looks
 * whether there is a manifest again.
 */
export async function markDeleted(registry: Registry, repository: RepositoryName): Promise<void> {
  const partition = repositoryPartition(repository);
  await registry.tables.commit('catalog', catalogPartition, [
    {
      kind: 'merge',
      rowKey: partition,
      etag: '*',
      properties: { [deleted]: registry.clock.now() },
    },
  ]);
  registry.caches.catalogued.delete(partition);
}

/**
 * Pages of the catalogue's rows, hidden ones included, from a repository's partition on and then
 * from the beginning up to it.
 */
export async function* catalogueRows(
  registry: Registry,
  start: string,
): AsyncGenerator<readonly Row[]> {
  for (const range of [
    { from: start, before: '~' },
    { from: '', before: start },
  ]) {
    let { from } = range;
    while (from < range.before) {
      const rows = await registry.tables.list('catalog', catalogPartition, {
        from,
        before: range.before,
        limit: limits.maxListPage,
      });
      yield rows;
      const lastRow = rows.at(-1);
      if (rows.length < limits.maxListPage || lastRow === undefined) break;
      from = after(lastRow.rowKey);
    }
  }
}

async function isInUse(registry: Registry, { rowKey, properties }: Row): Promise<boolean> {
  if (!isMarkedDeleted(properties)) return true;
  const manifests = await registry.tables.list('repo', rowKey, {
    ...keysUnder('m:'),
    select: ['state'],
  });
  return manifests.some((manifest) => manifest.properties['state'] === 'live');
}

/**
 * Repositories with a manifest, in the order of their names, after `last`, at most `limit`, of
 * those that `wanted` lets through and that may be listed.
 */
export async function listRepositories(
  registry: Registry,
  page: {
    readonly last: string;
    readonly limit: number;
    readonly wanted: (repository: RepositoryName) => boolean;
  },
): Promise<RepositoryName[]> {
  const attributesOf = await attributesOfAll(registry);
  const found: RepositoryName[] = [];
  let from = page.last === '' ? '' : after(repositoryPartition(page.last as RepositoryName));
  while (found.length < page.limit) {
    const rows = await registry.tables.list('catalog', catalogPartition, {
      from,
      before: '~',
      limit: 1000,
    });
    for (const row of rows) {
      const repository = repositoryOfPartition(row.rowKey);
      if (row.properties['visible'] !== true || !page.wanted(repository)) continue;
      if (!attributesOf(repository).listEnabled || !(await isInUse(registry, row))) continue;
      found.push(repository);
    }
    const lastRow = rows.at(-1);
    if (rows.length < 1000 || lastRow === undefined) break;
    from = after(lastRow.rowKey);
  }
  return found.slice(0, page.limit);
}

/** The smallest key that follows `key`: every character of a key is greater than `!`. */
function after(key: string): string {
  return `${key}!`;
}
