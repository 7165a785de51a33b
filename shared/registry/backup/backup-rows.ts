import type { Row } from '../../ports/table-store.ts';
import type { Registry } from '../registry.ts';
import { backupsPartition } from '../rows/row-keys.ts';
import { number, text } from '../rows/row-values.ts';
import { parsePosition, type Position } from './read-tables.ts';

/** The row of the backup that is being taken. */
export const runKey = 'run';
/** The row that names the last complete backup. */
export const lastKey = 'last';
/** The row that says when a backup began: written then and never again. */
export const startKey = (id: string) => `start:${id}`;
/** A part that was written: the sequence is what a backup's parts are in order by. */
export const partKey = (id: string, sequence: number) =>
  `part:${id}:${String(sequence).padStart(8, '0')}`;

/** A backup that is being taken. */
export interface BackupRun {
  readonly id: string;
  readonly position: Position;
  /** All tables were read. */
  readonly isRead: boolean;
  readonly parts: number;
  readonly rows: number;
  readonly etag: string;
  readonly ageMs: number;
}

/** The backup that is being taken. Undefined when none is. One request. */
export async function readRun(registry: Registry): Promise<BackupRun | undefined> {
  const row = await registry.tables.get('catalog', backupsPartition, runKey);
  return row && parseRun(row);
}

function parseRun(row: Row): BackupRun {
  return {
    id: text(row, 'id'),
    position: parsePosition(text(row, 'position')),
    isRead: row.properties['isRead'] === true,
    parts: number(row, 'parts'),
    rows: number(row, 'rows'),
    etag: row.etag,
    ageMs: row.ageMs,
  };
}

/** What the row of a run holds. */
export function runProperties(run: Omit<BackupRun, 'etag' | 'ageMs'>) {
  const { id, position, isRead, parts, rows } = run;
  return { id, position: JSON.stringify(position), isRead, parts, rows };
}

/** The id of the last complete backup. Undefined before the first. One request. */
export async function lastBackup(registry: Registry): Promise<string | undefined> {
  const row = await registry.tables.get('catalog', backupsPartition, lastKey);
  return row && text(row, 'id');
}
