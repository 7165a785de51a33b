import { isObject, parseJsonObject } from '../../domain/json.ts';
import type { Registry } from '../registry.ts';
import { backupsPartition, catalogPartition, reportsPartition } from '../rows/row-keys.ts';
import type { BackedUpTable, SavedRow } from './backup-format.ts';

/** Where a backup is: what was read last. */
export interface Position {
  readonly stage: number;
  readonly partitionKey: string;
  /** Of a repository: which of the ranges is read. */
  readonly range: number;
  readonly rowKey: string;
}

/** The tables in the order they are read: `repo` names what is in `data`, and not the reverse. */
const stages: readonly BackedUpTable[] = ['settings', 'repo', 'data', 'digests', 'catalog'];

/**
 * The ranges of a repository's rows in the order they are read. What refers is read before what it
 * refers to: tags, manifests, references, then what they refer to, then unfinished work
 * (docs/storage.md, "Backup").
 */
const ranges: readonly { readonly from: string; readonly before: string }[] = [
  { from: 't:', before: 'u' },
  { from: 'm:', before: 'n' },
  { from: 'n', before: 't:' },
  { from: '', before: 'm:' },
  { from: 'u', before: '~' },
];

/** A page of rows with a manifest's bytes in each is some 20 MB, of others 1 MB. */
const maxRows = 250;

/** Where every backup begins. */
export const firstPosition: Position = { stage: 0, partitionKey: '', range: 0, rowKey: '' };

/** The rows after a position, and where to go on; undefined when all was read. */
export interface TablePage {
  readonly rows: readonly SavedRow[];
  readonly next: Position | undefined;
}

/** Reads on for one or two requests. Throws StorageUnavailable. */
export async function readTables(registry: Registry, at: Position): Promise<TablePage> {
  const table = stages[at.stage];
  if (table === undefined) return { rows: [], next: undefined };
  const page = await (table === 'repo'
    ? readRepository(registry, at)
    : readPage(registry, table, at));
  const next = page.next ?? { ...firstPosition, stage: at.stage + 1 };
  return { rows: page.rows.filter(isSaved), next: next.stage < stages.length ? next : undefined };
}

/** Not what the registry says of its own work. */
function isSaved({ table, partitionKey }: SavedRow): boolean {
  return table !== 'catalog' || ![backupsPartition, reportsPartition].includes(partitionKey);
}

/** A partition that a scan ends in is read to its end by itself. */
async function readPage(
  { tables }: Registry,
  table: BackedUpTable,
  at: Position,
): Promise<TablePage> {
  const { partitionKey, rowKey } = at;
  if (rowKey !== '') {
    const range = { from: `${rowKey}!`, before: '~', limit: maxRows };
    const rows = await tables.list(table, partitionKey, range);
    const last = rows.length < maxRows ? '' : (rows.at(-1)?.rowKey ?? '');
    const saved = rows.map((row): SavedRow => ({ ...row, table, partitionKey }));
    return { rows: saved, next: { ...at, rowKey: last } };
  }
  const rows = await tables.scan(table, { after: partitionKey, upTo: '~', limit: maxRows });
  const last = rows.at(-1);
  const next =
    rows.length < maxRows || last === undefined
      ? undefined
      : { ...at, partitionKey: last.partitionKey, rowKey: last.rowKey };
  return { rows: rows.map((row): SavedRow => ({ ...row, table })), next };
}

async function readRepository({ tables }: Registry, at: Position): Promise<TablePage> {
  const range = ranges[at.range];
  if (at.partitionKey === '' || range === undefined) {
    const [repository] = await tables.list('catalog', catalogPartition, {
      from: at.partitionKey === '' ? '' : `${at.partitionKey}!`,
      before: '~',
      limit: 1,
      select: [],
    });
    if (repository === undefined) return { rows: [], next: undefined };
    return { rows: [], next: { ...at, partitionKey: repository.rowKey, range: 0, rowKey: '' } };
  }
  const { partitionKey, rowKey } = at;
  const from = rowKey === '' ? range.from : `${rowKey}!`;
  const rows = await tables.list('repo', partitionKey, { ...range, from, limit: maxRows });
  const last = rows.length < maxRows ? undefined : rows.at(-1)?.rowKey;
  return {
    rows: rows.map((row): SavedRow => ({ ...row, table: 'repo', partitionKey })),
    next: last === undefined ? { ...at, range: at.range + 1, rowKey: '' } : { ...at, rowKey: last },
  };
}

/** A position as it was kept; the first, for what is none. */
export function parsePosition(text: string): Position {
  const json = parseJsonObject(Buffer.from(text));
  if (!isObject(json)) return firstPosition;
  return {
    stage: Number(json['stage']),
    partitionKey: String(json['partitionKey']),
    range: Number(json['range']),
    rowKey: String(json['rowKey']),
  };
}
