import type { RepositoryName } from '../../shared/domain/repository-name.ts';
import type { Registry } from '../../shared/registry/registry.ts';
import { listTagDescriptions } from '../../shared/registry/tags/describe-tag.ts';

/** All pages of a list, so many tags on each. */
export async function listed(
  registry: Registry,
  repository: RepositoryName,
  order: 'timedesc' | 'timeasc',
  limit: number,
): Promise<{ readonly names: string[]; readonly pages: number }> {
  const names: string[] = [];
  let pages = 0;
  for (let last: string | undefined = ''; last !== undefined; pages++) {
    const page = await listTagDescriptions(registry, repository, {
      order,
      last,
      limit,
      digest: undefined,
    });
    names.push(...page.items.map(({ key }) => key));
    last = page.next;
  }
  return { names, pages };
}
