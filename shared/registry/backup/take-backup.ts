import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Registry } from '../registry.ts';
import { backupsPartition, keysUnder } from '../rows/row-keys.ts';
import { number, text } from '../rows/row-values.ts';
import { isOlder } from '../sweep/work.ts';
import {
  type BackupPart,
  encodeManifest,
  encodeRow,
  manifestPathOf,
  sha256Of,
  startOf,
} from './backup-format.ts';
import {
  type BackupRun,
  lastBackup,
  lastKey,
  partKey,
  readRun,
  runKey,
  runProperties,
  startKey,
} from './backup-rows.ts';
import { readBackupManifest } from './list-backups.ts';
import { firstPosition, type Position, readTables } from './read-tables.ts';
import { removeOldBackups } from './remove-backups.ts';

const compress = promisify(gzip);

/** Of JSON: a part is a request and memory of so much, and a tenth of it stored. */
const partBytes = 4 * 1024 * 1024;
const daySeconds = 24 * 3600;
/** One that nobody went on with for so long is begun anew: backups may have been off meanwhile. */
const abandonedSeconds = 30 * 60;

export interface BackupOptions {
  /** No part is begun later than this; the next call goes on. */
  readonly maxMs: number;
  /** Complete backups that are older go when one is completed. */
  readonly keepDays: number;
}

/** Where a backup is. Serialises to JSON as it is. */
export interface BackupState {
  readonly id: string;
  readonly finished: boolean;
  readonly rows: number;
  readonly parts: number;
}

/**
 * Goes on with the backup that is being taken, or begins one (docs/storage.md, "Backup"). Any
 * number may do so at once: a part that another wrote first is dropped. Nothing counts before the
 * manifest is written, last of all. `wanted` is a backup that the caller saw begun: when it is
 * complete, no other is begun. Throws StorageUnavailable.
 */
export async function takeBackup(
  registry: Registry,
  options: BackupOptions,
  wanted?: string,
): Promise<BackupState> {
  const begunAtMs = performance.now();
  const found = await readRun(registry);
  if (found === undefined && wanted !== undefined && (await lastBackup(registry)) === wanted) {
    const { rows, parts } = await readBackupManifest(registry, wanted);
    return { id: wanted, finished: true, rows, parts: parts.length };
  }
  const isAbandoned = found !== undefined && isOlder(found, abandonedSeconds);
  let run = found === undefined || isAbandoned ? await begin(registry, found) : found;
  for (let stepped = false; !run.isRead; stepped = true) {
    if (stepped && performance.now() - begunAtMs >= options.maxMs) return stateOf(run, false);
    const next = await writePart(registry, run);
    if (next === undefined) return stateOf(run, false);
    run = next;
  }
  const finished = await complete(registry, run);
  if (finished) await removeOldBackups(registry, options.keepDays);
  return stateOf(run, finished);
}

/**
 * As {@link takeBackup}, when one is being taken or the last began a day ago; undefined when none
 * is due. Three requests then.
 */
export async function takeBackupWhenDue(
  registry: Registry,
  options: BackupOptions,
): Promise<BackupState | undefined> {
  if ((await readRun(registry)) === undefined) {
    const last = await lastBackup(registry);
    const start = last && (await registry.tables.get('catalog', backupsPartition, startKey(last)));
    if (start && !isOlder(start, daySeconds)) return undefined;
  }
  return await takeBackup(registry, options);
}

function stateOf({ id, rows, parts }: BackupRun, finished: boolean): BackupState {
  return { id, finished, rows, parts };
}

/** Whoever comes second goes on with what the first has begun. */
async function begin(registry: Registry, abandoned: BackupRun | undefined): Promise<BackupRun> {
  const now = registry.clock.now().toISOString();
  const id = `${now.slice(0, 19).replace(/[-:]/g, '')}Z-${randomBytes(4).toString('hex')}`;
  const fresh = { id, position: firstPosition, isRead: false, parts: 0, rows: 0 };
  const properties = runProperties(fresh);
  const outcome = await registry.tables.commit('catalog', backupsPartition, [
    abandoned === undefined
      ? { kind: 'insert', rowKey: runKey, properties }
      : { kind: 'replace', rowKey: runKey, etag: abandoned.etag, properties },
    { kind: 'insert', rowKey: startKey(id), properties: {} },
  ]);
  if (outcome.ok) return { ...fresh, etag: outcome.etags[0] ?? '', ageMs: 0 };
  return (await readRun(registry)) ?? (await begin(registry, undefined));
}

/** Undefined when somebody else went on with the run meanwhile. */
async function writePart(registry: Registry, run: BackupRun): Promise<BackupRun | undefined> {
  const { lines, rows, next } = await collect(registry, run.position);
  const bytes = await compress(lines.join(''));
  const sequence = run.parts;
  const path = `${run.id}/${String(sequence).padStart(8, '0')}-${randomBytes(4).toString('hex')}.ndjson.gz`;
  if (rows > 0) await registry.backups.write(path, bytes);
  const after = {
    id: run.id,
    position: next ?? run.position,
    isRead: next === undefined,
    parts: sequence + (rows > 0 ? 1 : 0),
    rows: run.rows + rows,
  };
  const outcome = await registry.tables.commit('catalog', backupsPartition, [
    { kind: 'replace', rowKey: runKey, etag: run.etag, properties: runProperties(after) },
    ...(rows === 0
      ? []
      : [
          {
            kind: 'upsert',
            rowKey: partKey(run.id, sequence),
            properties: { path, sha256: sha256Of(bytes), rows },
          } as const,
        ]),
  ]);
  return outcome.ok ? { ...after, etag: outcome.etags[0] ?? '', ageMs: 0 } : undefined;
}

/** As many rows as a part holds, or all that are left. */
async function collect(registry: Registry, from: Position) {
  const lines: string[] = [];
  let bytes = 0;
  let next: Position | undefined = from;
  while (next !== undefined && bytes < partBytes) {
    const page = await readTables(registry, next);
    for (const row of page.rows) {
      const line = encodeRow(row);
      lines.push(line);
      bytes += line.length;
    }
    next = page.next;
  }
  return { lines, rows: lines.length, next };
}

/** False when somebody else completes it, or began another. */
async function complete(registry: Registry, run: BackupRun): Promise<boolean> {
  const { tables, backups } = registry;
  const rows = await tables.list('catalog', backupsPartition, keysUnder(`part:${run.id}:`));
  const parts = rows.map((row): BackupPart => ({
    path: text(row, 'path'),
    sha256: text(row, 'sha256'),
    rows: number(row, 'rows'),
  }));
  const manifest = {
    id: run.id,
    startedAt: startOf(run.id).toISOString(),
    completedAt: registry.clock.now().toISOString(),
    rows: run.rows,
    parts,
  };
  await backups.write(manifestPathOf(run.id), encodeManifest(manifest));
  const outcome = await tables.commit('catalog', backupsPartition, [
    { kind: 'delete', rowKey: runKey, etag: run.etag },
    { kind: 'upsert', rowKey: lastKey, properties: { id: run.id } },
  ]);
  return outcome.ok || (await lastBackup(registry)) === run.id;
}
