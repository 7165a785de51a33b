import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { Operation } from '../../ports/table-store.ts';
import type { Registry } from '../registry.ts';
import { limits } from '../settings.ts';
import { inTurns } from '../sweep/in-turns.ts';
import {
  type BackupPart,
  DamagedBackup,
  decodeRow,
  type SavedRow,
  sha256Of,
} from './backup-format.ts';
import { damaged } from './list-backups.ts';
import type { ExistingRows } from './restore-state.ts';

const decompress = promisify(gunzip);
const atOnce = 8;
/** Azure takes 4 MiB in a transaction, and what is said of each row beside it. */
const maxTransactionBytes = 2.5 * 1024 * 1024;

interface SizedRow {
  readonly row: SavedRow;
  readonly bytes: number;
}

/** The file as it was written. Throws UNSUPPORTED 409 when it is not there or its hash differs. */
export async function readPart(registry: Registry, part: BackupPart): Promise<Uint8Array> {
  const bytes = await registry.backups.read(part.path);
  if (bytes === undefined) {
    throw damaged(new DamagedBackup('a file of the backup is missing'), part.path);
  }
  if (sha256Of(bytes) !== part.sha256) {
    throw damaged(
      new DamagedBackup('a file of the backup is damaged: its hash differs'),
      part.path,
    );
  }
  return bytes;
}

/**
 * Writes the rows of a part that `wanted` lets through; answers how many. Idempotent. Throws
 * UNSUPPORTED 409 for a damaged file, StorageUnavailable.
 */
export async function restoreRows(
  registry: Registry,
  part: BackupPart,
  existing: ExistingRows,
  wanted: (row: SavedRow) => boolean,
): Promise<number> {
  const bytes = await decompress(await readPart(registry, part));
  const rows = bytes
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line): SizedRow => ({ row: withoutOrder(decodeRow(line)), bytes: line.length }))
    .filter(({ row }) => wanted(row));
  await inTurns(transactionsOf(rows), atOnce, (transaction) =>
    existing === 'replace' ? replace(registry, transaction) : add(registry, transaction),
  );
  return rows.length;
}

/** The properties that say that tags are in the order of time, whose rows are made anew. */
function withoutOrder(row: SavedRow): SavedRow {
  const { orderedAt: _, tagsInOrder: __, ...properties } = row.properties;
  return { ...row, properties };
}

/** Rows of one partition each, as many as a transaction takes. */
function transactionsOf(rows: readonly SizedRow[]): SavedRow[][] {
  const transactions: SavedRow[][] = [];
  let current: SavedRow[] = [];
  let size = 0;
  for (const { row, bytes } of rows) {
    const [first] = current;
    const fits =
      first?.table === row.table &&
      first.partitionKey === row.partitionKey &&
      current.length < limits.maxTransactionOperations &&
      size + bytes <= maxTransactionBytes;
    if (!fits) {
      transactions.push((current = []));
      size = 0;
    }
    current.push(row);
    size += bytes;
  }
  return transactions;
}

async function replace({ tables }: Registry, rows: readonly SavedRow[]): Promise<void> {
  const [first] = rows;
  if (first === undefined) return;
  await tables.commit(
    first.table,
    first.partitionKey,
    rows.map(({ rowKey, properties }): Operation => ({ kind: 'upsert', rowKey, properties })),
  );
}

/** Inserts what is not there: all at once where nothing is, else one by one. */
async function add({ tables }: Registry, rows: readonly SavedRow[]): Promise<void> {
  const [first] = rows;
  if (first === undefined) return;
  const { table, partitionKey } = first;
  const inserts = rows.map(({ rowKey, properties }): Operation => ({
    kind: 'insert',
    rowKey,
    properties,
  }));
  if ((await tables.commit(table, partitionKey, inserts)).ok || inserts.length === 1) return;
  const keys = rows.map(({ rowKey }) => rowKey).toSorted();
  const range = { from: keys[0] ?? '', before: `${keys.at(-1)}!`, select: [] };
  const there = new Set((await tables.list(table, partitionKey, range)).map((row) => row.rowKey));
  const missing = inserts.filter(({ rowKey }) => !there.has(rowKey));
  if (missing.length === 0 || (await tables.commit(table, partitionKey, missing)).ok) return;
  for (const insert of missing) await tables.commit(table, partitionKey, [insert]);
}
