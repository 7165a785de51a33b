import type { RepositoryName } from '../../domain/repository-name.ts';
import { RegistryError } from '../../errors.ts';
import type { Row } from '../../ports/table-store.ts';
import { attributesOf } from '../rows/attributes.ts';
import { isKnown } from '../repositories/catalog.ts';
import type { Registry } from '../registry.ts';
import { manifestWithheld } from '../rows/quarantine.ts';
import { keysUnder, repositoryPartition } from '../rows/row-keys.ts';

export interface TagsPage {
  readonly tags: readonly string[];
  /** Whether there are more after the last. */
  readonly more: boolean;
}

/**
 * Tags after `last` in ASCII order, which is the order of their row keys (OCI distribution-spec
 * main, end-8), without those that may not be listed. Throws NAME_UNKNOWN when nothing was ever
 * pushed to the repository. One request for 1,000 tags.
 */
export async function listTags(
  registry: Registry,
  repository: RepositoryName,
  page: {
    readonly last: string;
    readonly limit: number;
    /** Shows the tags of what is in quarantine, too. */
    readonly seesQuarantined?: boolean;
  },
): Promise<TagsPage> {
  const rows = await listedTagRows(registry, repository, {
    ...namesAfter(page.last),
    limit: page.limit + 1,
    select: ['listEnabled', manifestWithheld],
    wanted: ({ properties }) =>
      page.seesQuarantined === true || properties[manifestWithheld] !== true,
  });
  const tags = rows.map(({ rowKey }) => rowKey.slice(2));
  return { tags: tags.slice(0, page.limit), more: tags.length > page.limit };
}

/** The rows of tags after one, in the order of their names. */
export function namesAfter(last: string): { readonly from: string; readonly before: string } {
  const { from, before } = keysUnder('t:');
  return { from: last === '' ? from : `t:${last}!`, before };
}

/**
 * At most `limit` rows of a range that may be listed and are wanted, in the order of their keys:
 * tags' own rows, or those that put tags in the order of time. `select` must hold `listEnabled`.
 * Throws NAME_UNKNOWN as {@link listTags}.
 */
export async function listedTagRows(
  registry: Registry,
  repository: RepositoryName,
  page: {
    readonly from: string;
    readonly before: string;
    readonly limit: number;
    readonly select: readonly string[];
    readonly wanted: (row: Row) => boolean;
  },
): Promise<Row[]> {
  const found: Row[] = [];
  let { from } = page;
  for (let seen = 0; ;) {
    const rows = await registry.tables.list('repo', repositoryPartition(repository), {
      from,
      before: page.before,
      limit: page.limit,
      select: page.select,
    });
    seen += rows.length;
    found.push(
      ...rows.filter((row) => attributesOf(row.properties).listEnabled && page.wanted(row)),
    );
    const lastRow = rows.at(-1);
    if (found.length >= page.limit || rows.length < page.limit || lastRow === undefined) {
      if (seen === 0 && !(await isKnown(registry, repository))) {
        throw new RegistryError('NAME_UNKNOWN', { detail: { name: repository } });
      }
      return found.slice(0, page.limit);
    }
    from = `${lastRow.rowKey}!`;
  }
}
