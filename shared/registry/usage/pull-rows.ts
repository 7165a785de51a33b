import type { Registry } from '../registry.ts';
import { pullsPartition } from '../rows/row-keys.ts';
import { limits } from '../settings.ts';

/** Of table `usage`: what repositories hold, a row for each. */
export const countsPartition = 'r';
/** Of table `usage`: how far the count is, and since when pulls are sampled. */
export const statePartition = 's';
export const pullsSinceKey = 'pulls';

/** When a repository's manifests were last pulled, by digest. One request for 1,000. */
export async function pullsOf(
  registry: Registry,
  partition: string,
): Promise<ReadonlyMap<string, Date>> {
  const pulls = new Map<string, Date>();
  for (let from: string | undefined = '0'; from !== undefined;) {
    const rows = await registry.tables.list('usage', pullsPartition(partition), {
      from,
      before: '~',
      limit: limits.maxListPage,
    });
    for (const { rowKey, properties } of rows) {
      const at = properties['pulled'];
      if (at instanceof Date) pulls.set(rowKey, at);
    }
    const last = rows.at(-1);
    from = rows.length < limits.maxListPage || last === undefined ? undefined : `${last.rowKey}!`;
  }
  return pulls;
}

/** Since when pulls are sampled; undefined before the first count. One request. */
export async function pullsSince(registry: Registry): Promise<Date | undefined> {
  const row = await registry.tables.get('usage', statePartition, pullsSinceKey);
  const since = row?.properties['since'];
  return since instanceof Date ? since : undefined;
}

/** From now on it is known that pulls are sampled; what was said before stands. One request. */
export async function notePullsSince(registry: Registry): Promise<void> {
  const properties = { since: registry.clock.now() };
  await registry.tables.commit('usage', statePartition, [
    { kind: 'insert', rowKey: pullsSinceKey, properties },
  ]);
}
