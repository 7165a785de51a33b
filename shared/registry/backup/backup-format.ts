import { createHash } from 'node:crypto';
import { isObject, parseJsonObject } from '../../domain/json.ts';
import type { RowProperties, RowValue, TableName } from '../../ports/table-store.ts';

/**
 * What is exported. Not `keys`: who can read a copy of it could sign tokens as the registry, for as
 * long as the copy is kept, and without it nothing is lost but sign-ins and the passwords of
 * repository tokens, which are made anew.
 */
export const backedUpTables = [
  'repo',
  'data',
  'digests',
  'catalog',
  'settings',
] as const satisfies readonly TableName[];
export type BackedUpTable = (typeof backedUpTables)[number];

/** A row of a backup: its place and what was in it. */
export interface SavedRow {
  readonly table: BackedUpTable;
  readonly partitionKey: string;
  readonly rowKey: string;
  readonly properties: RowProperties;
}

/** A file of rows: gzip of one JSON array a line. */
export interface BackupPart {
  readonly path: string;
  /** Of the file as it is stored, in hex. */
  readonly sha256: string;
  readonly rows: number;
}

/** What a complete backup consists of. Written last. */
export interface BackupManifest {
  readonly id: string;
  readonly startedAt: string;
  readonly completedAt: string;
  readonly rows: number;
  readonly parts: readonly BackupPart[];
}

/** A file of a backup that is not what was written. */
export class DamagedBackup extends Error {
  override readonly name = 'DamagedBackup';
}

export const manifestPathOf = (id: string) => `${id}/manifest.json`;
const idPattern = /^\d{8}T\d{6}Z-[0-9a-f]{8}$/;

/** Whether it could be the id of a backup: the time of its beginning, and something random. */
export function isBackupId(text: string): boolean {
  return idPattern.test(text);
}

/** When the backup began, to the second, by the clock of who began it. */
export function startOf(id: string): Date {
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)/.exec(id) ?? [];
  return new Date(`${y}-${mo}-${d}T${h}:${mi}:${s}Z`);
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** One line, with its end. Bytes and times are marked as such; numbers are integers. */
export function encodeRow({ table, partitionKey, rowKey, properties }: SavedRow): string {
  const values = Object.entries(properties).map(([name, value]) => [name, encodeValue(value)]);
  return `${JSON.stringify([table, partitionKey, rowKey, Object.fromEntries(values)])}\n`;
}

function encodeValue(value: RowValue): unknown {
  if (value instanceof Date) return { time: value.toISOString() };
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString('base64') };
  return value;
}

/** The inverse of {@link encodeRow}. Throws {@link DamagedBackup}. */
export function decodeRow(line: string): SavedRow {
  const json: unknown = JSON.parse(line);
  const [name, partitionKey, rowKey, values] = Array.isArray(json) ? (json as unknown[]) : [];
  const table = backedUpTables.find((each) => each === name);
  if (
    table === undefined ||
    typeof partitionKey !== 'string' ||
    typeof rowKey !== 'string' ||
    !isObject(values)
  ) {
    throw new DamagedBackup('a line of a backup is no row');
  }
  const properties = Object.fromEntries(
    Object.entries(values).map(([property, value]) => [property, decodeValue(value)]),
  );
  return { table, partitionKey, rowKey, properties };
}

function decodeValue(value: unknown): RowValue {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
    return value;
  }
  if (isObject(value)) {
    const { time, bytes } = value;
    if (typeof time === 'string') return new Date(time);
    if (typeof bytes === 'string') return new Uint8Array(Buffer.from(bytes, 'base64'));
  }
  throw new DamagedBackup('a row of a backup has a value that rows do not have');
}

/** The manifest as it is stored: with a hash of itself. */
export function encodeManifest(manifest: BackupManifest): Uint8Array {
  const text = JSON.stringify(manifest);
  return Buffer.from(JSON.stringify({ sha256: sha256Of(Buffer.from(text)), manifest }));
}

/** The inverse of {@link encodeManifest}. Throws {@link DamagedBackup}. */
export function decodeManifest(bytes: Uint8Array): BackupManifest {
  const { sha256, manifest } = parseJsonObject(bytes) ?? {};
  if (!isObject(manifest) || sha256Of(Buffer.from(JSON.stringify(manifest))) !== sha256) {
    throw new DamagedBackup('the manifest of the backup is damaged: its hash differs');
  }
  const { id, startedAt, completedAt, rows, parts } = manifest;
  return {
    id: String(id),
    startedAt: String(startedAt),
    completedAt: String(completedAt),
    rows: Number(rows),
    parts: (Array.isArray(parts) ? parts : []).filter(isObject).map((part) => ({
      path: String(part['path']),
      sha256: String(part['sha256']),
      rows: Number(part['rows']),
    })),
  };
}
