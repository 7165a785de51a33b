import type { RepositoryName } from '../../domain/repository-name.ts';
import type { Row } from '../../ports/table-store.ts';
import type { Registry } from '../registry.ts';
import { repositoryOfPartition, repositoryPartition } from '../rows/row-keys.ts';
import { number, time } from '../rows/row-values.ts';
import { countsPartition, pullsOf } from './pull-rows.ts';

/** What a repository held when it was last counted. */
export interface RepositoryUsage {
  readonly repository: RepositoryName;
  /** Of its manifests, and of the blobs that no other repository holds. */
  readonly uniqueBytes: number;
  /** Of the blobs that others hold, too. */
  readonly sharedBytes: number;
  readonly manifests: number;
  readonly tags: number;
  readonly lastPush: Date | undefined;
  /** As far as pulls are sampled. */
  readonly lastPull: Date | undefined;
  readonly countedAt: Date;
}

/** Of one repository, its last pull as it is known now. Undefined before it was counted. */
export async function readUsage(
  registry: Registry,
  repository: RepositoryName,
): Promise<RepositoryUsage | undefined> {
  const partition = repositoryPartition(repository);
  const [row, pulls] = await Promise.all([
    registry.tables.get('usage', countsPartition, partition),
    pullsOf(registry, partition),
  ]);
  if (row === undefined) return undefined;
  const usage = usageOf(row);
  const known = [...pulls.values()].reduce<Date | undefined>(later, usage.lastPull);
  return { ...usage, lastPull: known };
}

/** Those of all repositories, after `last`, at most `limit`. One request for 1,000. */
export async function listUsage(
  registry: Registry,
  page: { readonly last: string; readonly limit: number },
): Promise<RepositoryUsage[]> {
  const rows = await registry.tables.list('usage', countsPartition, {
    from: page.last === '' ? '0' : `${repositoryPartition(page.last as RepositoryName)}!`,
    before: '~',
    limit: page.limit,
  });
  return rows.map(usageOf);
}

function usageOf(row: Row): RepositoryUsage {
  const { lastPush, lastPull } = row.properties;
  return {
    repository: repositoryOfPartition(row.rowKey),
    uniqueBytes: number(row, 'uniqueBytes'),
    sharedBytes: number(row, 'sharedBytes'),
    manifests: number(row, 'manifests'),
    tags: number(row, 'tags'),
    lastPush: lastPush instanceof Date ? lastPush : undefined,
    lastPull: lastPull instanceof Date ? lastPull : undefined,
    countedAt: time(row, 'countedAt'),
  };
}

const later = (a: Date | undefined, b: Date) => (a === undefined || b > a ? b : a);
