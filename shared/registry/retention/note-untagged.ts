import type { Registry } from '../registry.ts';
import { keysUnder, manifestKey, timeOfWork } from '../rows/row-keys.ts';
import type { ManifestRow } from '../rows/row-types.ts';
import { done, type Outcome, waits, type Work } from '../sweep/work.ts';
import { untaggedAt } from './read-repository.ts';

/**
 * A live manifest that lost a tag, or the index that named it, remembers when that was, by the time
 * its work row was due: never earlier than it was, and an hour later at most. Two requests, one
 * when it has a tag.
 */
export async function noteIfUntagged(
  registry: Registry,
  { partition, rowKey }: Work,
  row: ManifestRow,
): Promise<Outcome> {
  const at = timeOfWork(rowKey);
  const known = row.properties[untaggedAt];
  if (known instanceof Date && known >= at) return done;
  const tags = await registry.tables.list('repo', partition, {
    ...keysUnder(`g:${row.digest}:`),
    limit: 1,
    select: [],
  });
  if (tags.length > 0) return done;
  const properties = { [untaggedAt]: at };
  const outcome = await registry.tables.commit('repo', partition, [
    { kind: 'merge', rowKey: manifestKey(row.digest), etag: row.etag, properties },
  ]);
  return outcome.ok ? done : waits;
}
