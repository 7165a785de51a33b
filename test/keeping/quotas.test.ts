import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sendJson } from '../api/api-client.ts';
import { startTestAzurite, type TestAzurite } from '../harness/azurite.ts';
import { type FaultProxy, startFaultProxy } from '../harness/fault-proxy.ts';
import { startTestLighter, type TestLighter } from '../harness/lighter.ts';
import { type Answer, Client, digestOf, header, image, inPieces, json } from '../http/client.ts';

let azurite: TestAzurite;
let proxy: FaultProxy;
let instances: TestLighter[];
let client: Client;
let other: Client;

const policy = {
  quotas: [
    { repositories: ['bytes/exempt'], maxBytes: 1_000_000_000 },
    { repositories: ['bytes/*'], maxBytes: 100_000 },
    { repositories: ['manifests/*'], maxManifests: 2 },
    { repositories: ['tags/*'], maxTags: 3 },
  ],
  retention: [
    { name: 'all', repositories: ['*'], tags: [{ notPulledForDays: 9 }], untaggedAfterDays: 9 },
  ],
  deleteReferrers: ['*'],
};

beforeAll(async () => {
  azurite = await startTestAzurite();
  proxy = await startFaultProxy(azurite);
  const storage = { ...azurite, blobUrl: proxy.blobUrl, tableUrl: proxy.tableUrl };
  const first = await startTestLighter({ azurite: storage });
  client = new Client(first.url);
  const written = await sendJson(client, 'PUT', 'policy', policy, { 'If-Match': '*' });
  expect(written.status, written.body.toString()).toBe(200);
  const second = await startTestLighter({ azurite: storage });
  instances = [first, second];
  other = new Client(second.url);
});
afterAll(async () => {
  await Promise.all(instances.map((instance) => instance.stop()));
  await proxy.stop();
  await azurite.stop();
});

function expectRefused(answer: Answer, detail: object): void {
  expect(answer.status, answer.body.toString()).toBe(403);
  expect(JSON.parse(answer.body.toString())).toMatchObject({
    errors: [{ code: 'DENIED', detail }],
  });
}

const postBlob = (to: Client, repository: string, body: Uint8Array) =>
  to.send('POST', `/v2/${repository}/blobs/uploads/?digest=${digestOf(body)}`, { body });

const storedBytes = () =>
  proxy.requests.filter(({ kind }) => kind.includes('block') || kind.includes('blob')).length;

describe('maxBytes', () => {
  test('a layer that does not fit is refused before a byte of it is stored', async () => {
    const repository = 'bytes/known';
    await client.pushBlob(repository, randomBytes(60_000));
    proxy.clear();
    expectRefused(await postBlob(client, repository, randomBytes(50_000)), {
      quota: 'maxBytes',
      limit: 100_000,
      used: 60_000,
      wanted: 50_000,
    });
    expect(storedBytes(), proxy.requests.map(({ kind }) => kind).join()).toBe(0);
    await client.pushBlob(repository, randomBytes(40_000));
  });

  test('one whose size is not said is refused when it ends', async () => {
    const repository = 'bytes/chunked';
    await client.pushBlob(repository, randomBytes(60_000));
    const bytes = randomBytes(50_000);
    const location = await client.startUpload(repository);
    const appended = await client.send('PATCH', location, { body: inPieces(bytes, 10_000) });
    expect(appended.status).toBe(202);
    const end = `${header(appended, 'Location')}?digest=${digestOf(bytes)}`;
    expectRefused(await client.send('PUT', end), { used: 60_000, wanted: 50_000 });
    expect((await client.send('HEAD', `/v2/${repository}/blobs/${digestOf(bytes)}`)).status).toBe(
      404,
    );
  });

  test('a chunk is refused when what came before leaves no room for it', async () => {
    const repository = 'bytes/chunks';
    const location = await client.startUpload(repository);
    const first = await client.send('PATCH', location, { body: randomBytes(60_000) });
    expect(first.status).toBe(202);
    const next = await client.send('PATCH', header(first, 'Location'), {
      body: randomBytes(50_000),
    });
    expectRefused(next, { limit: 100_000, used: 0, wanted: 110_000 });
  });

  test('what the repository has may be sent again, mounted and pushed under a tag', async () => {
    const repository = 'bytes/full';
    const bytes = randomBytes(99_000);
    const digest = await client.pushBlob(repository, bytes);
    expect((await postBlob(client, repository, bytes)).status).toBe(201);
    const target = `/v2/${repository}/blobs/uploads/?mount=${digest}&from=${repository}`;
    expect((await client.send('POST', target)).status).toBe(201);
  });

  test('a mount counts', async () => {
    const digest = await client.pushBlob('bytes/exempt', randomBytes(150_000));
    const target = `/v2/bytes/mounted/blobs/uploads/?mount=${digest}&from=bytes/exempt`;
    expectRefused(await client.send('POST', target), { quota: 'maxBytes', wanted: 150_000 });
  });

  test('pushes at the same time to two instances exceed it by themselves at most', async () => {
    const repository = 'bytes/crowd';
    const inFlight = 8;
    const sizeBytes = 15_000;
    let acknowledged = 0;
    for (let round = 0; round < 3; round++) {
      const answers = await Promise.all(
        Array.from({ length: inFlight }, (_, index) =>
          postBlob(index % 2 === 0 ? client : other, repository, randomBytes(sizeBytes)),
        ),
      );
      acknowledged += answers.filter(({ status }) => status === 201).length;
      for (const { status, body } of answers) expect([201, 403], body.toString()).toContain(status);
    }
    expect(acknowledged * sizeBytes).toBeGreaterThan(100_000 - sizeBytes);
    expect(acknowledged * sizeBytes).toBeLessThanOrEqual(100_000 + inFlight * sizeBytes);
    expectRefused(await postBlob(other, repository, randomBytes(sizeBytes)), {});
  });
});

describe('maxManifests and maxTags', () => {
  test('one manifest too many is refused; those that are there get tags', async () => {
    const repository = 'manifests/app';
    await client.pushImage(repository, 'one');
    const two = image({ layers: [], config: await client.blob(repository, '{}') });
    expect((await client.putManifest(repository, 'two', two)).status).toBe(201);
    const three = image({ ...two, annotations: { a: 'b' } });
    expectRefused(await client.putManifest(repository, 'three', three), {
      quota: 'maxManifests',
      limit: 2,
      used: 2,
      wanted: 1,
    });
    expect((await client.putManifest(repository, 'three', two)).status).toBe(201);
    await client.send('DELETE', `/v2/${repository}/manifests/${digestOf(json(two))}`);
    expect((await client.putManifest(repository, 'three', three)).status).toBe(201);
  });

  test('one tag too many is refused; those that are there move', async () => {
    const repository = 'tags/app';
    for (const tag of ['a', 'b', 'c']) await client.pushImage(repository, tag);
    const next = image({ layers: [], config: await client.blob(repository, '{}') });
    expectRefused(await client.putManifest(repository, 'd', next), {
      quota: 'maxTags',
      limit: 3,
      used: 3,
      wanted: 1,
    });
    expect((await client.putManifest(repository, digestOf(json(next)), next)).status).toBe(201);
    expect((await client.putManifest(repository, 'a', next)).status).toBe(201);
  });
});

describe('what a quota adds to a push, in storage requests', () => {
  async function costOf(repository: string): Promise<number> {
    await client.pushImage(repository, 'before');
    proxy.clear();
    await client.pushImage(repository, 'after');
    return proxy.requests.length;
  }

  test('none where no rule fits, two for each layer and manifest where one limits bytes', async () => {
    const without = await costOf('plain/app');
    // A layer and a manifest; the config is there already.
    expect(await costOf('bytes/cost')).toBe(without + 4);
    expect(await costOf('tags/cost')).toBe(without + 1);
  });

  test('nothing to a pull, where retention, sampled pulls and quotas are in force', async () => {
    const digest = await client.pushImage('bytes/pulled', 'latest');
    const at = (reference: string) => `/v2/bytes/pulled/manifests/${reference}`;
    // The other instance has not seen it.
    const costs = [
      { method: 'HEAD', reference: 'latest', requests: 1 },
      { method: 'GET', reference: 'latest', requests: 2 },
      { method: 'GET', reference: 'latest', requests: 1 },
      { method: 'GET', reference: digest, requests: 0 },
    ];
    await other.send('HEAD', at('absent'));
    for (const { method, reference, requests } of costs) {
      proxy.clear();
      expect((await other.send(method, at(reference))).status).toBe(200);
      expect(proxy.requests.length, proxy.requests.map(({ kind }) => kind).join()).toBe(requests);
    }
  });
});
