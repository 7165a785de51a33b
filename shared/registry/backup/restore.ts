import type { Digest } from '../../domain/digest.ts';
import { RegistryError } from '../../errors.ts';
import type { Row } from '../../ports/table-store.ts';
import type { Registry } from '../registry.ts';
import { repositoryOfPartition, catalogPartition } from '../rows/row-keys.ts';
import { inTurns } from '../sweep/in-turns.ts';
import { type BackupManifest, type SavedRow } from './backup-format.ts';
import { readBackupManifest } from './list-backups.ts';
import { mendBlob } from './mend-blobs.ts';
import { mendManifest } from './mend-manifests.ts';
import { mendTag, prepareTags } from './mend-tags.ts';
import { readPart, restoreRows } from './restore-rows.ts';
import {
  dropRestore,
  type ExistingRows,
  keepRestore,
  noCounts,
  noteLost,
  readRestore,
  type Restore,
  type RestoreCounts,
  restoredElsewhere,
  restoreStages,
  type StoredRestore,
} from './restore-state.ts';

export interface RestoreOptions {
  /** The id of a complete backup. */
  readonly backup: string;
  readonly existing: ExistingRows;
  /** No step is begun later than this; the next call goes on. */
  readonly maxMs: number;
}

/** Where a restore is. Serialises to JSON as it is. */
export interface RestoreReport extends RestoreCounts {
  readonly backup: string;
  readonly finished: boolean;
  readonly stage: Restore['stage'];
}

const atOnce = 16;
const rowsAtOnce = 200;

/**
 * Restores tables from a backup, or goes on with that (docs/storage.md, "Restore"): verifies all
 * files, writes the rows but for the sweep's work, makes whole what a page boundary of the backup
 * cut, then writes the work. The sweep and the audit stand still meanwhile. Idempotent, resumable;
 * two at once do the same twice. Throws NAME_UNKNOWN for no such backup; UNSUPPORTED 409 for a
 * damaged one, for tables that are not empty, and while another backup is being restored.
 */
export async function restoreBackup(
  registry: Registry,
  options: RestoreOptions,
): Promise<RestoreReport> {
  const begunAtMs = performance.now();
  const manifest = await readBackupManifest(registry, options.backup);
  let stored = await begin(registry, options);
  for (let stepped = false; stored.restore.stage !== 'over'; stepped = true) {
    if (stepped && performance.now() - begunAtMs >= options.maxMs) break;
    const { restore, etag } = stored;
    const next = await step(registry, manifest, restore).catch(async (error: unknown) => {
      if (restore.stage === 'verify' && error instanceof RegistryError) {
        await dropRestore(registry, etag);
      }
      throw error;
    });
    const kept: StoredRestore | undefined = await keepRestore(registry, next, etag);
    if (kept === undefined) throw restoredElsewhere();
    stored = kept;
  }
  const { backup, stage, counts } = stored.restore;
  return { backup, finished: stage === 'over', stage, ...counts };
}

async function begin(registry: Registry, options: RestoreOptions): Promise<StoredRestore> {
  const stored = await readRestore(registry);
  const { backup, existing } = options;
  if (stored !== undefined && stored.restore.stage !== 'over') {
    if (stored.restore.backup === backup) return stored;
    throw new RegistryError('UNSUPPORTED', {
      status: 409,
      message: 'another backup is being restored: go on with that one first',
      detail: { backup: stored.restore.backup },
    });
  }
  if (existing === 'refuse' && !(await isEmpty(registry))) {
    // The answer that it is over may have been lost.
    if (stored?.restore.backup === backup) return stored;
    throw notEmpty();
  }
  const fresh: Restore = {
    backup,
    existing,
    stage: restoreStages[0],
    part: 0,
    partitionKey: '',
    rowKey: '',
    counts: noCounts,
  };
  const kept = await keepRestore(registry, fresh, stored?.etag);
  if (kept === undefined) throw restoredElsewhere();
  return kept;
}

async function isEmpty({ tables }: Registry): Promise<boolean> {
  const all = { from: '', before: '~', limit: 1, select: [] };
  const found = await Promise.all([
    tables.list('catalog', catalogPartition, all),
    tables.scan('repo', { after: '', upTo: '~', limit: 1 }),
    tables.scan('data', { after: '', upTo: '~', limit: 1 }),
  ]);
  return found.every((rows) => rows.length === 0);
}

function notEmpty(): RegistryError {
  return new RegistryError('UNSUPPORTED', {
    status: 409,
    message:
      'the tables are not empty: say whether the rows that are there are to be kept or replaced',
    detail: { existing: ['keep', 'replace'] },
  });
}

/** One part, or some rows of a repository. */
async function step(
  registry: Registry,
  manifest: BackupManifest,
  restore: Restore,
): Promise<Restore> {
  const { stage, existing, counts } = restore;
  const part = manifest.parts[restore.part];
  switch (stage) {
    case 'verify':
      if (part !== undefined) await readPart(registry, part);
      return nextPart(restore, part !== undefined, 0);
    case 'rows': {
      const rows = part
        ? await restoreRows(registry, part, existing, (row) => !isWork(row) && !isTagOrder(row))
        : 0;
      return nextPart(restore, part !== undefined, rows);
    }
    case 'work': {
      const rows = part ? await restoreRows(registry, part, existing, isWork) : 0;
      return nextPart(restore, part !== undefined, rows);
    }
    case 'blobs':
      return await mendSome(registry, restore, ['b:', 'b;'], 'lostBlobs', mendBlob);
    case 'manifests':
      return await mendSome(registry, restore, ['m:', 'm;'], 'lostManifests', mendManifestOf);
    case 'tags':
      return await mendSome(registry, restore, ['t:', 't;'], 'droppedTags', mendTag);
    case 'over':
      return { ...restore, counts };
  }
}

/** The sweep's work comes last, and what the registry says of backups not at all. */
function isWork({ table, rowKey }: SavedRow): boolean {
  return table === 'repo' && rowKey.startsWith('z:');
}

/** The sweep puts the tags in the order of time anew. */
function isTagOrder({ table, rowKey }: SavedRow): boolean {
  return table === 'repo' && (rowKey.startsWith('o:') || rowKey.startsWith('a:'));
}

function nextPart(restore: Restore, hadPart: boolean, rows: number): Restore {
  if (!hadPart) return nextStage(restore);
  const counts = { ...restore.counts, rows: restore.counts.rows + rows };
  return { ...restore, part: restore.part + 1, counts };
}

function nextStage(restore: Restore): Restore {
  const stages: readonly Restore['stage'][] = restoreStages;
  const stage = stages[stages.indexOf(restore.stage) + 1] ?? 'over';
  return { ...restore, stage, part: 0, partitionKey: '', rowKey: '' };
}

const mendManifestOf = (registry: Registry, partition: string, { rowKey }: Row) =>
  mendManifest(registry, partition, rowKey.slice(2) as Digest);

/** Looks at some rows of a kind, repository after repository. */
async function mendSome(
  registry: Registry,
  restore: Restore,
  [from, before]: readonly [string, string],
  kind: 'lostBlobs' | 'lostManifests' | 'droppedTags',
  mend: (registry: Registry, partition: string, row: Row) => Promise<boolean>,
): Promise<Restore> {
  const { partitionKey, rowKey } = restore;
  if (rowKey === '') {
    const [repository] = await registry.tables.list('catalog', catalogPartition, {
      from: partitionKey === '' ? '' : `${partitionKey}!`,
      before: '~',
      limit: 1,
      select: [],
    });
    if (repository === undefined) return nextStage(restore);
    if (restore.stage === 'tags') await prepareTags(registry, repository.rowKey);
    return { ...restore, partitionKey: repository.rowKey, rowKey: from };
  }
  const rows = await registry.tables.list('repo', partitionKey, {
    from: rowKey,
    before,
    limit: rowsAtOnce,
    ...(restore.stage !== 'tags' && { select: ['name', 'size'] }),
  });
  let { counts } = restore;
  await inTurns(rows, atOnce, async (row) => {
    if (await mend(registry, partitionKey, row)) return;
    const mark = kind === 'droppedTags' ? ':' : '@';
    const example = `${repositoryOfPartition(partitionKey)}${mark}${row.rowKey.slice(2)}`;
    counts = noteLost(counts, kind, example);
  });
  const last = rows.length < rowsAtOnce ? undefined : rows.at(-1)?.rowKey;
  return { ...restore, counts, rowKey: last === undefined ? '' : `${last}!` };
}
