import { expect } from 'vitest';
import type { PolicyDocument } from '../../shared/policy/policy-document.ts';
import { PolicyStore } from '../../shared/policy/policy-store.ts';
import { systemClock } from '../../shared/ports/clock.ts';
import { type BackupState, takeBackup } from '../../shared/registry/backup/take-backup.ts';
import type { Registry } from '../../shared/registry/registry.ts';
import { newInstance } from '../faults/in-process.ts';
import type { Stores } from '../faults/interpose.ts';
import { parsePolicy } from '../../shared/policy/policy-document.ts';
import { impatient } from '../sweep/sweeping.ts';

export const options = { maxMs: 60_000, keepDays: 14 };

/** The policy with backups on, as the tests store it. */
export function policyWithBackups(): PolicyDocument {
  const parsed = parsePolicy({ backup: {} });
  if ('problems' in parsed) throw new Error('not a policy');
  return parsed.policy;
}

export async function switchBackupsOn(stores: Stores): Promise<void> {
  await new PolicyStore(stores.tables, systemClock).write(policyWithBackups(), undefined);
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
