import type { Row } from '../../ports/table-store.ts';
import { isMarkedDeleted } from '../repositories/catalog.ts';
import { catalogPartition } from '../rows/row-keys.ts';
import { isOlder, type Sweep } from './work.ts';

/**
 * Forgets a repository in which nothing is left, when nobody began to push to it for a day: who
 * begins touches its catalogue row, and trusts it for ten minutes. Only those are looked at that
 * never had a manifest or lost the last one. Answers whether it went.
 */
export async function removeIfEmpty(
  { registry, dryRun }: Sweep,
  { rowKey, etag, ageMs, properties }: Row,
): Promise<boolean> {
  const { tables, seconds, caches } = registry;
  const mayBeEmpty = properties['visible'] !== true || isMarkedDeleted(properties);
  if (!mayBeEmpty || !isOlder({ ageMs }, seconds.emptyRepository)) return false;
  const rows = await tables.list('repo', rowKey, { from: '', before: '~', limit: 1, select: [] });
  if (rows.length > 0) return false;
  if (dryRun) return true;
  const outcome = await tables.commit('catalog', catalogPartition, [
    { kind: 'delete', rowKey, etag },
  ]);
  caches.catalogued.delete(rowKey);
  return outcome.ok;
}
