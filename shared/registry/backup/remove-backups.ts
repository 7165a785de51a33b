import type { Operation } from '../../ports/table-store.ts';
import type { Registry } from '../registry.ts';
import { backupsPartition } from '../rows/row-keys.ts';
import { limits } from '../settings.ts';
import { inTurns } from '../sweep/in-turns.ts';
import { isBackupId, manifestPathOf, startOf } from './backup-format.ts';
import { lastBackup, lastKey, readRun, runKey, startKey } from './backup-rows.ts';

const atOnce = 4;
const dayMs = 24 * 3600_000;

/**
 * Deletes backups that began more than so many days ago, but for the last complete one and the one
 * that is being taken, and the rows of all that are over. Of each the manifest goes first, so that
 * what is left of one that broke off is no backup. Idempotent. Throws StorageUnavailable.
 */
export async function removeOldBackups(registry: Registry, keepDays: number): Promise<void> {
  const [run, last] = await Promise.all([readRun(registry), lastBackup(registry)]);
  const kept = [run?.id, last];
  const oldest = registry.clock.now().getTime() - keepDays * dayMs;
  let after: string | undefined;
  do {
    const page = await registry.backups.list('', after);
    const old = page.paths.filter((path) => {
      const id = path.split('/')[0] ?? '';
      return isBackupId(id) && !kept.includes(id) && startOf(id).getTime() < oldest;
    });
    const ids = new Set(old.map((path) => path.split('/')[0] ?? ''));
    for (const id of ids) await registry.backups.delete(manifestPathOf(id));
    await inTurns(old, atOnce, (path) => registry.backups.delete(path));
    after = page.next;
  } while (after !== undefined);
  await removeRows(registry, run?.id, last);
}

async function removeRows(
  { tables }: Registry,
  run: string | undefined,
  last: string | undefined,
): Promise<void> {
  const rows = await tables.list('catalog', backupsPartition, {
    from: '',
    before: '~',
    select: [],
  });
  const isOver = (rowKey: string) =>
    ![runKey, lastKey, startKey(last ?? '')].includes(rowKey) &&
    (rowKey.startsWith('start:') || rowKey.startsWith('part:')) &&
    rowKey.split(':')[1] !== run;
  const over = rows.filter(({ rowKey }) => isOver(rowKey));
  for (let at = 0; at < over.length; at += limits.maxTransactionOperations) {
    const deletes = over
      .slice(at, at + limits.maxTransactionOperations)
      .map(({ rowKey, etag }): Operation => ({ kind: 'delete', rowKey, etag }));
    await tables.commit('catalog', backupsPartition, deletes);
  }
}
