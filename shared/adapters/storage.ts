import type { Config } from '../config.ts';
import type { BackupStore } from '../ports/backup-store.ts';
import type { BlobStore } from '../ports/blob-store.ts';
import type { StagingStore } from '../ports/staging-store.ts';
import type { ScannableTableStore } from '../ports/table-store.ts';
import { azureBackupStore } from './azure-backups.ts';
import { azureBlobStore } from './azure-blobs.ts';
import { azureStagingStore, type StagingAccount } from './azure-staging.ts';
import { azureTableStore, ensureTables } from './azure-tables.ts';
import { type BlobService, connectBlobService } from './blob-service.ts';
import { ensureContainers } from './containers.ts';
import { storageRetryLimits } from './retry.ts';
import { connectTableService } from './table-service.ts';

export interface Storage {
  readonly tables: ScannableTableStore;
  readonly blobs: BlobStore;
  readonly staging: StagingStore;
  readonly backups: BackupStore;
  /**
   * Creates the tables and containers that are missing. Nobody needs to wait for it: the stores
   * create what they find missing.
   */
  prepare(): Promise<void>;
}

/**
 * The stores of a storage account, of two when staging has its own. Nothing is loaded or sent
 * before the first use, so that a process that does not touch storage starts fast.
 */
export function connectStorage(settings: Config['storage'], limits = storageRetryLimits): Storage {
  const tableService = connectTableService(settings);
  const blobService = connectBlobService(settings);
  const staging = stagingAccount(settings, blobService);
  return {
    tables: azureTableStore(tableService, limits),
    blobs: azureBlobStore(settings, blobService, limits),
    staging: azureStagingStore(settings, staging, blobService, limits),
    backups: azureBackupStore(blobService, limits),
    async prepare() {
      await Promise.all([
        ensureTables(tableService, limits),
        ensureContainers(blobService, staging.service, limits),
      ]);
    },
  };
}

/** Where clients put what they put into storage themselves. */
function stagingAccount(settings: Config['storage'], content: BlobService): StagingAccount {
  const { blobUrl, stagingBlobUrl = blobUrl } = settings;
  if (stagingBlobUrl === blobUrl) return { settings, service: content };
  const own = { ...settings, blobUrl: stagingBlobUrl };
  return { settings: own, service: connectBlobService(own) };
}
