import { gunzipSync } from 'node:zlib';
import { expect } from 'vitest';
import { parsePolicy, type PolicyDocument } from '../../shared/policy/policy-document.ts';
import { PolicyStore } from '../../shared/policy/policy-store.ts';
import { systemClock } from '../../shared/ports/clock.ts';
import { type BackupManifest, encodeRow } from '../../shared/registry/backup/backup-format.ts';
import {
  firstPosition,
  type Position,
  readTables,
} from '../../shared/registry/backup/read-tables.ts';
import { type BackupState, takeBackup } from '../../shared/registry/backup/take-backup.ts';
import type { Registry } from '../../shared/registry/registry.ts';
import { newInstance } from '../faults/in-process.ts';
import type { Stores } from '../faults/interpose.ts';
import { impatient } from '../sweep/sweeping.ts';

export const options = { maxMs: 60_000, keepDays: 14 };

/** The policy with backups on, as the tests store it. */
export function policyWithBackups(): PolicyDocument {
  const parsed = parsePolicy({ backup: {} });
  if ('problems' in parsed) throw new Error('not a policy');
  return parsed.policy;
}

export async function switchBackupsOn(stores: Stores): Promise<void> {
  await new PolicyStore(stores.tables, systemClock).overwrite(policyWithBackups());
}

/** An instance that has nothing to wait for, and no memory yet. */
export function freshInstance(stores: Stores): Registry {
  return newInstance(stores, systemClock, { ...impatient, auditedAge: 0, auditPause: 0 });
}

/** Takes a backup to its end. */
export async function takeWholeBackup(registry: Registry): Promise<BackupState> {
  const state = await takeBackup(registry, options);
  expect(state.finished).toBe(true);
  return state;
}

/** All rows that a backup is to have, as lines in order; of the files of a backup when given. */
export async function savedRows(stores: Stores, manifest?: BackupManifest): Promise<string[]> {
  const registry = freshInstance(stores);
  const lines: string[] = [];
  for (const { path } of manifest?.parts ?? []) {
    const bytes = (await registry.backups.read(path)) ?? new Uint8Array();
    lines.push(...gunzipSync(bytes).toString('utf8').split('\n'));
  }
  for (let at: Position | undefined = manifest ? undefined : firstPosition; at !== undefined;) {
    const { rows, next } = await readTables(registry, at);
    lines.push(...rows.map((row) => encodeRow(row).trim()));
    at = next;
  }
  return lines.filter((line) => line !== '').toSorted();
}
