import { RegistryError } from '../../errors.ts';
import type { Registry } from '../registry.ts';
import {
  type BackupManifest,
  DamagedBackup,
  decodeManifest,
  isBackupId,
  manifestPathOf,
} from './backup-format.ts';
import { type BackupRun, readRun } from './backup-rows.ts';

/** Complete backups, oldest first, and the one that is being taken. */
export interface Backups {
  readonly complete: readonly string[];
  readonly run: BackupRun | undefined;
}

/** Throws StorageUnavailable. */
export async function listBackups(registry: Registry): Promise<Backups> {
  const complete: string[] = [];
  let after: string | undefined;
  do {
    const page = await registry.backups.list('', after);
    for (const path of page.paths) {
      const id = path.split('/')[0] ?? '';
      if (isBackupId(id) && path === manifestPathOf(id)) complete.push(id);
    }
    after = page.next;
  } while (after !== undefined);
  return { complete, run: await readRun(registry) };
}

/**
 * What a complete backup consists of. Throws NAME_UNKNOWN when there is none of this id, and
 * UNSUPPORTED 409 when its manifest is damaged.
 */
export async function readBackupManifest(registry: Registry, id: string): Promise<BackupManifest> {
  const bytes = isBackupId(id) ? await registry.backups.read(manifestPathOf(id)) : undefined;
  if (bytes === undefined) {
    throw new RegistryError('NAME_UNKNOWN', {
      message: 'there is no complete backup of this id',
      detail: { backup: id },
    });
  }
  try {
    return decodeManifest(bytes);
  } catch (error) {
    if (error instanceof DamagedBackup) throw damaged(error, manifestPathOf(id));
    throw error;
  }
}

/** The refusal of a backup that is not what was written. */
export function damaged(cause: Error, file: string): RegistryError {
  return new RegistryError('UNSUPPORTED', {
    status: 409,
    message: cause.message,
    detail: { file },
    cause,
  });
}
