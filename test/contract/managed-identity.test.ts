import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { connectStorage, type Storage } from '../../shared/adapters/storage.ts';
import type { Config } from '../../shared/config.ts';
import { newPhysicalName } from '../../shared/domain/physical-name.ts';
import { startTestAzurite, type TestAzurite } from '../harness/azurite.ts';
import {
  makeTestCertificate,
  trustCertificate,
  type TestCertificate,
} from '../harness/certificate.ts';
import { startTestManagedIdentity, type TestManagedIdentity } from '../harness/managed-identity.ts';
import { blobStoreContract } from './blob-store-contract.ts';
import { tableStoreContract } from './table-store-contract.ts';

describe('storage with a managed identity, over HTTPS', () => {
  let certificate: TestCertificate;
  let distrust: () => void;
  let identity: TestManagedIdentity;
  let azurite: TestAzurite;
  let settings: Config['storage'];
  let storage: Storage;

  beforeAll(async () => {
    certificate = await makeTestCertificate();
    distrust = trustCertificate(certificate.certificate);
    identity = await startTestManagedIdentity();
    azurite = await startTestAzurite({ tls: { ...certificate, acceptsBearer: true } });
    const { blobUrl, tableUrl } = azurite;
    settings = { blobUrl, tableUrl, credential: { kind: 'identity', clientId: 'app-client-id' } };
    storage = connectStorage(settings);
  });
  afterAll(async () => {
    await azurite.stop();
    await identity.stop();
    distrust();
    await certificate.remove();
  });

  tableStoreContract(async () => storage.tables);
  blobStoreContract(async () => storage.blobs);

  it('asks for one token a store, as the user-assigned identity it was given', async () => {
    await storage.prepare();
    expect(new Set(identity.clientIds)).toEqual(new Set(['app-client-id']));
    expect(identity.tokenCount).toBeLessThanOrEqual(2);
  });

  it('signs read URLs with a user delegation key, which it asks for once', async () => {
    const name = newPhysicalName(new Date());
    const sign = async () =>
      new URL(await storage.blobs.signedReadUrl('content', name, { sasTtlSeconds: 60 }));
    const [first, ...others] = await Promise.all([sign(), sign(), sign()]);
    const query = first?.searchParams;
    expect(first?.protocol).toBe('https:');
    expect(query?.get('spr')).toBe('https');
    expect(query?.get('skoid')).toMatch(/^[0-9a-f-]{36}$/);
    expect(Date.parse(query?.get('ske') ?? '')).toBeGreaterThan(Date.now() + 3 * 3_600_000);
    for (const url of others) expect(url.searchParams.get('ske')).toBe(query?.get('ske'));
  });

  it('renews the delegation key before it ends, and waits for a new one when it has ended', async () => {
    const { blobs } = connectStorage(settings);
    const name = newPhysicalName(new Date());
    const keyEnd = async () => {
      const url = await blobs.signedReadUrl('content', name, { sasTtlSeconds: 1200 });
      return new URL(url).searchParams.get('ske');
    };
    const hours = (count: number) => vi.setSystemTime(Date.now() + count * 3_600_000);
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      const first = await keyEnd();
      hours(2);
      expect(await keyEnd()).toBe(first);
      hours(2);
      expect(await keyEnd()).toBe(first);
      await vi.waitFor(async () => expect(await keyEnd()).not.toBe(first));
      const second = await keyEnd();
      hours(7);
      expect(await keyEnd()).not.toBe(second);
    } finally {
      vi.useRealTimers();
    }
  });
});
