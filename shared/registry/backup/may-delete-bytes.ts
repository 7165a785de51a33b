import type { Registry } from '../registry.ts';
import { backupsPartition } from '../rows/row-keys.ts';
import { lastBackup, startKey } from './backup-rows.ts';

/** Ages come of a `Date` in whole seconds. */
const marginMs = 2000;

/**
 * Whether bytes may be deleted that a row gave up when it was written: while the policy has the
 * section `backup`, only once a backup is complete that began after that, and so does not name
 * them. By storage's clock. Costs two requests a minute and instance, and none without the section.
 * Throws StorageUnavailable, PolicyUnreadable among them.
 */
export async function mayDeleteBytes(
  registry: Registry,
  row: { readonly ageMs: number },
): Promise<boolean> {
  if ((await registry.policy.current()).backup === undefined) return true;
  // What passes between the answers of storage and these two readings makes the row seem younger.
  const writtenAtMs = performance.now() - row.ageMs;
  const begunAtMs = await lastBackupBegunAtMs(registry);
  return begunAtMs !== undefined && writtenAtMs + marginMs < begunAtMs;
}

/** On the clock of `performance`, and rather too early. Undefined before the first backup. */
async function lastBackupBegunAtMs(registry: Registry): Promise<number | undefined> {
  const { lastBackupBegun } = registry.caches;
  const known = lastBackupBegun.get(lastBackupBegunKey);
  if (known !== undefined) return known;
  const id = await lastBackup(registry);
  if (id === undefined) return undefined;
  const askedAtMs = performance.now();
  const start = await registry.tables.get('catalog', backupsPartition, startKey(id));
  if (start === undefined) return undefined;
  const begunAtMs = askedAtMs - start.ageMs;
  lastBackupBegun.set(lastBackupBegunKey, begunAtMs);
  return begunAtMs;
}

const lastBackupBegunKey = 'last';
