import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { counted, type StorageRequests } from '../../infra/cost/storage-requests.ts';
import { startTestAzurite, type TestAzurite } from '../harness/azurite.ts';
import { type FaultProxy, startFaultProxy } from '../harness/fault-proxy.ts';
import { startTestLighter, type TestLighter } from '../harness/lighter.ts';
import { Client, digestOf, image, types } from '../http/client.ts';

const repository = 'cost/app';
let azurite: TestAzurite;
let proxy: FaultProxy;
let lighter: TestLighter;
let stranger: TestLighter;
let client: Client;
const layer = randomBytes(100_000);

beforeAll(async () => {
  azurite = await startTestAzurite();
  proxy = await startFaultProxy(azurite);
  const storage = { ...azurite, blobUrl: proxy.blobUrl, tableUrl: proxy.tableUrl };
  [lighter, stranger] = await Promise.all([
    startTestLighter({ azurite: storage }),
    startTestLighter({ azurite: storage }),
  ]);
  client = new Client(lighter.url);
  await client.pushImage(repository, 'before');
  await new Client(stranger.url).pushImage('cost/other', 'before');
});
afterAll(async () => {
  await Promise.all([lighter.stop(), stranger.stop()]);
  await proxy.stop();
  await azurite.stop();
});

function requestsSoFar(): StorageRequests {
  const blobs = proxy.requests.filter(({ service }) => service === 'blob');
  const reads = blobs.filter(({ kind }) => kind === 'getBlob' || kind === 'getBlobProperties');
  return {
    table: proxy.requests.length - blobs.length,
    blobWrite: blobs.length - reads.length,
    blobRead: reads.length,
  };
}

async function pushImage(): Promise<{ config: string; layer: string }> {
  const config = await client.blob(
    repository,
    JSON.stringify({ id: randomBytes(8) }),
    types.config,
  );
  const pushed = await client.blob(repository, layer);
  await client.putManifest(repository, 'latest', image({ config, layers: [pushed] }));
  return { config: config.digest, layer: pushed.digest };
}

async function pull(from: TestLighter, config: string): Promise<void> {
  const puller = new Client(from.url);
  for (const method of ['HEAD', 'GET']) {
    await puller.send(method, `/v2/${repository}/manifests/latest`, {});
  }
  await puller.send('GET', `/v2/${repository}/blobs/${config}`, {});
}

test('the cost model counts what reaches storage', async () => {
  // The locks of repositories are read once a minute: let it not be now.
  for (const each of [lighter, stranger]) {
    await new Client(each.url).send('HEAD', `/v2/${repository}/blobs/${digestOf('nobody')}`, {});
  }
  proxy.clear();
  const { config, layer: layerDigest } = await pushImage();
  expect(requestsSoFar()).toEqual(counted.push);

  proxy.clear();
  await client.blob(repository, randomBytes(100_000));
  expect(requestsSoFar()).toEqual(counted.layerPushed);

  proxy.clear();
  await pull(stranger, config);
  expect(requestsSoFar()).toEqual(counted.pullCold);

  proxy.clear();
  await new Client(stranger.url).send('GET', `/v2/${repository}/blobs/${layerDigest}`, {});
  expect(requestsSoFar()).toEqual(counted.layerCold);

  proxy.clear();
  await pull(stranger, config);
  expect(requestsSoFar()).toEqual(counted.pullWarm);
});
