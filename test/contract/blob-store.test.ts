import { afterAll, beforeAll, describe } from 'vitest';
import { connectStorage } from '../../shared/adapters/storage.ts';
import { startTestAzurite, type TestAzurite } from '../harness/azurite.ts';
import { blobStoreContract } from './blob-store-contract.ts';
import { keySettings } from './key-settings.ts';

describe('Blob Storage with the account key', () => {
  let azurite: TestAzurite;
  beforeAll(async () => {
    azurite = await startTestAzurite();
  });
  afterAll(() => azurite.stop());

  blobStoreContract(async () => connectStorage(keySettings(azurite)).blobs);
});
