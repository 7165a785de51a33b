import type { BackupStore } from '../ports/backup-store.ts';
import type { BlobStore } from '../ports/blob-store.ts';
import type { PolicyStore } from '../policy/policy-store.ts';
import type { Clock } from '../ports/clock.ts';
import type { StagingStore } from '../ports/staging-store.ts';
import type { ScannableTableStore } from '../ports/table-store.ts';
import type { Caches } from './caches.ts';
import type { Seconds } from './settings.ts';

/** What every use case works with. */
export interface Registry {
  readonly tables: ScannableTableStore;
  readonly blobs: BlobStore;
  readonly staging: StagingStore;
  readonly backups: BackupStore;
  readonly clock: Clock;
  /** What is kept, for how long, and how much of it: settings that are data. */
  readonly policy: Pick<PolicyStore, 'current' | 'inForce' | 'read'>;
  /**
   * This instance's memory of storage. Never decides anything that storage does not check again.
   */
  readonly caches: Caches;
  /** What is promised to clients, and how long the sweep waits. */
  readonly seconds: Seconds;
  /** Repository patterns in which a manifest may name blobs that are not there. */
  readonly allowMissingBlobs: readonly string[];
}

/** The time `seconds` from now, for the due of a work row. */
export function inSeconds(registry: Registry, seconds: number): Date {
  return new Date(registry.clock.now().getTime() + seconds * 1000);
}
