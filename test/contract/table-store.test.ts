import { afterAll, beforeAll, describe } from 'vitest';
import { connectStorage } from '../../shared/adapters/storage.ts';
import { startTestAzurite, type TestAzurite } from '../harness/azurite.ts';
import { keySettings } from './key-settings.ts';
import { tableStoreContract } from './table-store-contract.ts';

describe('Table Storage with the account key', () => {
  let azurite: TestAzurite;
  beforeAll(async () => {
    azurite = await startTestAzurite();
  });
  afterAll(() => azurite.stop());

  tableStoreContract(async () => connectStorage(keySettings(azurite)).tables);
});
