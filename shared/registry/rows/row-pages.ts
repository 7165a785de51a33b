import type { Row } from '../../ports/table-store.ts';
import type { Registry } from '../registry.ts';
import { limits } from '../settings.ts';
import { keysUnder } from './row-keys.ts';

/** The rows of one kind of a repository, a page of 1,000 at a time. One request a page. */
export async function* rowPages(
  registry: Registry,
  partition: string,
  kind: `${string}:`,
  select: readonly string[],
): AsyncGenerator<readonly Row[]> {
  const { from, before } = keysUnder(kind);
  for (let next: string | undefined = from; next !== undefined;) {
    const rows: Row[] = await registry.tables.list('repo', partition, {
      from: next,
      before,
      limit: limits.maxListPage,
      select,
    });
    yield rows;
    const last = rows.at(-1);
    next = rows.length < limits.maxListPage || last === undefined ? undefined : `${last.rowKey}!`;
  }
}
