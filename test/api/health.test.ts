import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectStorage } from '../../shared/adapters/storage.ts';
import { compose } from '../../shared/compose.ts';
import { readConfig } from '../../shared/config.ts';
import { healthReport } from '../../shared/http/management/health-report.ts';
import { missingAccess } from '../../shared/http/storage-access.ts';
import { StorageUnavailable } from '../../shared/ports/table-store.ts';
import { type EntraRegistry, owner, startEntraRegistry } from '../acr/entra-registry.ts';
import { tablesOf } from '../auth/registry-tables.ts';
import { keySettings } from '../contract/key-settings.ts';
import { startTestAzurite, type TestAzurite } from '../harness/azurite.ts';
import { type FaultProxy, startFaultProxy } from '../harness/fault-proxy.ts';
import { startTestLighter, type TestLighter, testAdminPassword } from '../harness/lighter.ts';
import { basic, Client, expectProblem } from '../http/client.ts';
import { jsonOf } from './api-client.ts';

interface Health {
  readonly ok: boolean;
  readonly version: string;
  readonly checks: readonly { name: string; ok: boolean; message: string; milliseconds: number }[];
}

async function health(client: Client): Promise<Health> {
  const answer = await client.send('GET', '/api/v1/health');
  expect(answer.status, answer.body.toString()).toBe(200);
  return jsonOf(answer);
}

const failing = ({ checks }: Health) => checks.filter(({ ok }) => !ok).map(({ name }) => name);
const messageOf = ({ checks }: Health, name: string) =>
  checks.find((check) => check.name === name)?.message;
const ofStorage = ['tables-read', 'tables-write', 'blobs-read', 'blobs-write'];

describe('health, from inside', () => {
  let azurite: TestAzurite;
  let proxy: FaultProxy;
  let lighter: TestLighter;
  let client: Client;

  beforeAll(async () => {
    azurite = await startTestAzurite();
    proxy = await startFaultProxy(azurite);
    lighter = await startTestLighter({ azurite: { ...azurite, ...proxy } });
    client = new Client(lighter.url);
  });
  afterAll(async () => {
    await lighter.stop();
    await proxy.stop();
    await azurite.stop();
  });

  test('finds everything well, and tells no secret', async () => {
    const answer = await client.send('GET', '/api/v1/health');
    const report = jsonOf<Health>(answer);
    expect(failing(report)).toEqual([]);
    expect(report.ok).toBe(true);
    expect(report.checks.map(({ name }) => name)).toEqual([
      ...ofStorage,
      'signed-urls',
      'staging',
      'clock',
      'signing-keys',
      'policy',
      'entra',
      'arm',
    ]);
    expect(messageOf(report, 'entra')).toBe('off: LIGHTER_TENANT_ID is not set');
    const text = answer.body.toString();
    expect(text).not.toContain(testAdminPassword);
    expect(text).not.toContain(azurite.accountKey);
  });

  test('says the version of package.json', async () => {
    const file = new URL('../../package.json', import.meta.url);
    const { version }: { version: string } = JSON.parse(await readFile(file, 'utf8'));
    expect((await health(client)).version).toBe(version);
  });

  test('leaves nothing behind in storage but one row', async () => {
    const kept = async () => {
      const rows = await tablesOf(azurite).list('settings', 'health', { from: '', before: '~' });
      return rows.map(({ rowKey }) => rowKey);
    };
    await health(client);
    await health(client);
    expect(await kept()).toEqual(['probe']);
    const { blobs } = connectStorage(keySettings(azurite));
    expect((await blobs.list('staging', undefined)).blobs).toEqual([]);
  });

  test('says what fails when storage does, and answers all the same', async () => {
    proxy.inject({ fault: { kind: 'status', status: 503 }, times: Infinity });
    const report = await health(client);
    proxy.clear();
    expect(report.ok).toBe(false);
    expect(failing(report)).toEqual(expect.arrayContaining([...ofStorage, 'policy']));
    expect(messageOf(report, 'blobs-read')).toMatch(/503/);
    expect(failing(await health(client))).toEqual([]);
  });

  test('says that access is denied, and to whom', async () => {
    proxy.inject({
      on: ({ service }) => service === 'table',
      fault: { kind: 'status', status: 403 },
      times: Infinity,
    });
    const report = await health(client);
    proxy.clear();
    expect(messageOf(report, 'tables-read')).toBe(
      `${proxy.tableUrl} refuses the account key (403)`,
    );
    expect(failing(report)).not.toContain('blobs-write');
  });

  test('looks at staging where it is: in an account of its own, too', async () => {
    const config = readConfig({
      LIGHTER_LOCAL: '1',
      LIGHTER_STORAGE_BLOB_URL: azurite.blobUrl,
      LIGHTER_STORAGE_TABLE_URL: azurite.tableUrl,
      LIGHTER_STORAGE_ACCOUNT_KEY: azurite.accountKey,
    });
    const staged = { ...config.storage, stagingBlobUrl: proxy.blobUrl };
    const app = compose({ ...config, storage: staged });
    proxy.inject({ fault: { kind: 'status', status: 403 }, times: Infinity });
    const report = await healthReport(app);
    proxy.clear();
    expect(failing(report)).toEqual(['staging']);
    expect(messageOf(report, 'staging')).toBe(`${proxy.blobUrl} refuses the account key (403)`);
    const off = await healthReport({ ...app, config: { ...app.config, directPush: false } });
    expect(messageOf(off, 'staging')).toBe('off: LIGHTER_DIRECT_PUSH is 0');
  });

  test('says what of the policy cannot be read', async () => {
    const document = new Uint8Array(Buffer.from('{"ofTheFuture":[]}'));
    const tables = tablesOf(azurite);
    const upsert = { kind: 'upsert', rowKey: 'document', properties: { document } } as const;
    await tables.commit('settings', 'policy', [upsert]);
    const report = await health(client);
    const gone = { kind: 'delete', rowKey: 'document', etag: '*' } as const;
    await tables.commit('settings', 'policy', [gone]);
    expect(failing(report)).toEqual(['policy']);
    expect(messageOf(report, 'policy')).toContain('/ofTheFuture');
  });

  test('/healthz tells anyone a word about each component, and the log a sentence once', async () => {
    const healthz = () => fetch(`${lighter.url}/healthz`);
    const logged = () => lighter.output().split('refuses the account key (403)').length - 1;
    const before = logged();
    proxy.inject({
      on: ({ service }) => service === 'blob',
      fault: { kind: 'status', status: 403 },
      times: Infinity,
    });
    const first = await healthz();
    const body: { errors: { message: string }[] } = JSON.parse(await first.text());
    await healthz();
    await healthz();
    proxy.clear();
    expect(first.status).toBe(503);
    expect(body.errors[0]?.message).toBe('blobs: denied');
    await expect.poll(logged).toBe(before + 1);
    expect((await healthz()).status).toBe(200);
  });
});

describe('health of a registry with Entra', () => {
  let registry: EntraRegistry;
  let client: Client;

  beforeAll(async () => {
    registry = await startEntraRegistry();
    const token = await registry.tokenOf(owner);
    const nullGuid = '00000000-0000-0000-0000-000000000000';
    client = new Client(registry.lighter.url, basic(nullGuid, token));
  });
  afterAll(() => registry.stop());

  test('asks Entra and Azure Resource Manager', async () => {
    const report = await health(client);
    expect(failing(report)).toEqual([]);
    expect(messageOf(report, 'arm')).toBe('role assignments can be read');
    expect(messageOf(report, 'entra')).toMatch(/^answers for the tenant/);
  });

  test('says which role the app lacks to read role assignments', async () => {
    registry.arm.always = { status: 403 };
    const report = await health(client);
    registry.arm.always = undefined;
    expect(failing(report)).toEqual(['arm']);
    expect(messageOf(report, 'arm')).toMatch(/lacks the role Reader on \/subscriptions\//);
  });
});

describe('who may not ask', () => {
  test('learns nothing', async () => {
    const azurite = await startTestAzurite();
    const lighter = await startTestLighter({ azurite });
    const answer = await new Client(lighter.url, '').send('GET', '/api/v1/health');
    await lighter.stop();
    await azurite.stop();
    expectProblem(answer, 401, 'UNAUTHORIZED');
  });
});

describe('what is missing when storage denies access', () => {
  const urls = { blobUrl: 'https://a.blob.core.example', tableUrl: 'https://a.table.core.example' };
  const denied = (code: string) => new StorageUnavailable('no', { denied: code });

  test.each([
    [
      'tables',
      undefined,
      'AuthorizationPermissionMismatch',
      'the managed identity of the app lacks the role Storage Table Data Contributor on the storage account of https://a.table.core.example (AuthorizationPermissionMismatch)',
    ],
    [
      'blobs',
      'me',
      'AuthorizationFailure',
      'the managed identity with the client id me lacks the role Storage Blob Data Contributor on the storage account of https://a.blob.core.example, or the network rules of the account keep the app out (AuthorizationFailure)',
    ],
  ] as const)('%s, by the client id %s: %s', (component, clientId, code, sentence) => {
    const storage = { ...urls, credential: { kind: 'identity', clientId } } as const;
    expect(missingAccess(component, storage, denied(code))).toBe(sentence);
  });

  test('is nothing when storage only fails', () => {
    const credential = { kind: 'identity', clientId: undefined } as const;
    const down = new StorageUnavailable('down');
    expect(missingAccess('blobs', { ...urls, credential }, down)).toBeUndefined();
  });
});
