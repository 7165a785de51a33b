import type { BlobServiceClient } from '@azure/storage-blob';
import type { Config } from '../config.ts';
import { managedIdentity } from './credentials.ts';
import { lazy } from './lazy.ts';

/** The blob endpoint of one storage account. */
export interface BlobService {
  readonly endpoint: string;
  /**
   * The SDK's client, loaded on first use. It does not retry: a retried write would hide its own
   * success.
   */
  client(): Promise<BlobServiceClient>;
}

export function connectBlobService(settings: Config['storage']): BlobService {
  const { blobUrl, credential } = settings;
  return {
    endpoint: blobUrl,
    client: lazy(async () => {
      const { BlobServiceClient, StorageSharedKeyCredential } = await import('@azure/storage-blob');
      return new BlobServiceClient(
        blobUrl,
        credential.kind === 'key'
          ? new StorageSharedKeyCredential(credential.accountName, credential.accountKey)
          : managedIdentity(credential.clientId),
        { retryOptions: { maxTries: 1 } },
      );
    }),
  };
}
