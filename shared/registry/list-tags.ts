import type { RepositoryName } from '../domain/repository-name.ts';
import { RegistryError } from '../errors.ts';
import { isKnown } from './catalog.ts';
import type { Registry } from './registry.ts';
import { keysUnder, repositoryPartition } from './row-keys.ts';

export interface TagsPage {
  readonly tags: readonly string[];
  /** Whether there are more after the last. */
  readonly more: boolean;
}

/**
 * Tags after `last` in ASCII order, which is the order of their row keys (OCI distribution-spec main,
 * end-8). Throws NAME_UNKNOWN when nothing was ever pushed to the repository. One request for 1,000 tags.
 */
export async function listTags(
  registry: Registry,
  repository: RepositoryName,
  page: { readonly last: string; readonly limit: number },
): Promise<TagsPage> {
  const range = keysUnder('t:');
  const rows = await registry.tables.list('repo', repositoryPartition(repository), {
    from: page.last === '' ? range.from : `t:${page.last}!`,
    before: range.before,
    limit: page.limit + 1,
    select: [],
  });
  if (rows.length === 0 && !(await isKnown(registry, repository))) {
    throw new RegistryError('NAME_UNKNOWN', { detail: { name: repository } });
  }
  const tags = rows.map(({ rowKey }) => rowKey.slice(2));
  return { tags: tags.slice(0, page.limit), more: tags.length > page.limit };
}
