import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestAzurite, type TestAzurite } from '../harness/azurite.ts';
import { startTestLighter, testAdminPassword, type TestLighter } from '../harness/lighter.ts';
import { basic, Client, digestOf, header } from '../http/client.ts';
import { containerd, DirectClient, imageOf } from './direct-client.ts';

let azurite: TestAzurite;
const started: TestLighter[] = [];

beforeAll(async () => {
  azurite = await startTestAzurite();
});
afterAll(async () => {
  await Promise.all(started.map((lighter) => lighter.stop()));
  await azurite.stop();
});

/** Where a client that can push directly is sent to by a registry of these settings. */
async function locationOf(settings: Record<string, string | undefined>) {
  const lighter = await startTestLighter({ azurite, settings });
  started.push(lighter);
  const client = new Client(lighter.url, basic('admin', testAdminPassword));
  const answer = await client.send('POST', '/v2/reach/app/blobs/uploads/', {
    headers: containerd,
    body: '',
  });
  expect(answer.status).toBe(202);
  return { location: header(answer, 'Location'), lighter, client };
}

it('locally a client writes to storage at the registry’s own address', async () => {
  const { location, lighter } = await locationOf({});
  expect(location.startsWith(`${lighter.url}/${azurite.accountName}/staging/`)).toBe(true);
});

it('locally at the public address, when there is one', async () => {
  const { location } = await locationOf({ LIGHTER_PUBLIC_URL: 'https://registry.example:5443' });
  expect(location).toMatch(/^https:\/\/registry\.example:5443\/testaccount\/staging\//);
});

it('LIGHTER_DIRECT_PUSH=0 takes all bytes through the registry', async () => {
  const { location, client } = await locationOf({ LIGHTER_DIRECT_PUSH: '0' });
  expect(location).toMatch(/^\/v2\/reach\/app\/blobs\/uploads\/[0-9a-f]{32}$/);
  const empty = await new DirectClient(client, 'reach/app').head(digestOf(''));
  expect(empty.status).toBe(404);
});

it('storage on a loopback address is for clients on this machine only', async () => {
  const elsewhere = await locationOf({
    LIGHTER_LOCAL: undefined,
    LIGHTER_PUBLIC_URL: 'https://registry.example',
  });
  expect(elsewhere.location).toMatch(/^\/v2\/reach/);
  const here = await locationOf({
    LIGHTER_LOCAL: undefined,
    LIGHTER_PUBLIC_URL: 'http://127.0.0.1:8080',
  });
  expect(here.location.startsWith(`${azurite.blobUrl}/staging/`)).toBe(true);
  const push = new DirectClient(here.client, 'reach/app');
  const [config, layer] = [randomBytes(100), randomBytes(1000)];
  await push.put(config);
  await push.put(layer);
  expect((await push.putManifest('v1', imageOf(config, [layer]))).status).toBe(201);
});
