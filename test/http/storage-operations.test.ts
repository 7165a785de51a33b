import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { repositoryPartition } from '../../shared/registry/rows/row-keys.ts';
import { bringInOrder } from '../../shared/registry/tags/bring-in-order.ts';
import { newInstance, repositoryNamed } from '../faults/in-process.ts';
import { storesOf } from '../faults/test-storage.ts';
import { startTestAzurite, type TestAzurite } from '../harness/azurite.ts';
import { type FaultProxy, startFaultProxy } from '../harness/fault-proxy.ts';
import { startTestLighter, type TestLighter } from '../harness/lighter.ts';
import {
  Client,
  type Descriptor,
  descriptor,
  digestOf,
  header,
  image,
  index,
  inPieces,
  json,
  types,
} from './client.ts';

/*
 * What reaches storage for each registry request, against the table "Cost" of docs/storage.md,
 * where brackets hold the entity operations that write: a row may cost less, never more.
 */

const repository = 'cost/app';
let azurite: TestAzurite;
let proxy: FaultProxy;
let lighter: TestLighter;
/** An instance that has not seen the repository. */
let stranger: TestLighter;
let client: Client;
let config: Descriptor;
let layer: Descriptor;

beforeAll(async () => {
  azurite = await startTestAzurite();
  proxy = await startFaultProxy(azurite);
  const storage = { ...azurite, blobUrl: proxy.blobUrl, tableUrl: proxy.tableUrl };
  [lighter, stranger] = await Promise.all([
    startTestLighter({ azurite: storage }),
    startTestLighter({ azurite: storage }),
  ]);
  client = new Client(lighter.url);
  config = await client.blob(repository, '{}', types.config);
  layer = await client.blob(repository, 'layer');
  await client.pushImage(repository, 'latest');
  await new Client(stranger.url).pushImage('cost/other', 'latest');
});
afterAll(async () => {
  await Promise.all([lighter.stop(), stranger.stop()]);
  await proxy.stop();
  await azurite.stop();
});
beforeEach(() => proxy.clear());

const fresh = () => image({ config, layers: [layer], unique: randomBytes(8).toString('hex') });
const bytesOf = (sizeBytes: number) => randomBytes(sizeBytes);

/** Sends a request that must be answered so, and counts what it costs; forgets what came before. */
async function costOf(
  status: number,
  method: string,
  target: string,
  body?: Uint8Array | AsyncIterable<Uint8Array>,
  { to = client, headers = {} }: { to?: Client; headers?: Record<string, string> } = {},
) {
  // The locks of repositories are read once a minute, whatever the request: let it not be this one.
  await to.send('HEAD', blobAt(digestOf('nobody')));
  proxy.clear();
  const answer = await to.send(method, target, {
    headers,
    ...(body === undefined ? {} : { body }),
  });
  expect(answer.status, answer.body.toString()).toBe(status);
  return { answer, ...costSoFar() };
}

function costSoFar() {
  // The policy is read anew now and then, beside whatever request comes.
  const requests = proxy.requests.filter(({ path }) => !path.startsWith('settings('));
  const kinds = requests.map(({ kind, operations }) => `${kind}[${operations}]`);
  const writes = requests.filter(({ kind }) => kind !== 'get' && kind !== 'list');
  const operations = writes.reduce((sum, request) => sum + request.operations, 0);
  return { requests: requests.length, operations, kinds: kinds.join(' ') };
}

function expectAtMost(
  cost: { readonly requests: number; readonly operations: number; readonly kinds: string },
  requests: number,
  operations = Infinity,
): void {
  expect(cost.requests, cost.kinds).toBeLessThanOrEqual(requests);
  expect(cost.operations, cost.kinds).toBeLessThanOrEqual(operations);
}

const manifestAt = (reference: string) => `/v2/${repository}/manifests/${reference}`;
const blobAt = (digest: string) => `/v2/${repository}/blobs/${digest}`;
const other = () => ({ to: new Client(stranger.url) });

describe('pulling', () => {
  test('HEAD of a manifest by tag costs 1', async () => {
    expectAtMost(await costOf(200, 'HEAD', manifestAt('latest')), 1);
  });

  test('GET of a manifest by tag costs 2, and 1 when its bytes are in memory', async () => {
    const digest = await client.pushImage(repository, 'pulled');
    expectAtMost(await costOf(200, 'GET', manifestAt('pulled'), undefined, other()), 2);
    expectAtMost(await costOf(200, 'GET', manifestAt('pulled'), undefined, other()), 1);
    expectAtMost(await costOf(200, 'GET', manifestAt(digest), undefined, other()), 0);
  });

  test('GET of a manifest above 60 KiB by tag costs 3', async () => {
    const manifest = image({ config, layers: [], padding: 'x'.repeat(100_000) });
    await client.putManifest(repository, 'big', manifest);
    expectAtMost(await costOf(200, 'GET', manifestAt('big'), undefined, other()), 3);
  });

  test.each(['HEAD', 'GET'])('%s of a manifest by digest costs 1', async (method) => {
    const digest = await client.pushImage(repository, `by-digest-${method}`);
    expectAtMost(await costOf(200, method, manifestAt(digest), undefined, other()), 1);
  });

  test('HEAD and GET by a digest served within the last minute cost nothing', async () => {
    const digest = await client.pushImage(repository, 'cached');
    for (const method of ['HEAD', 'GET']) {
      expectAtMost(await costOf(200, method, manifestAt(digest)), 0);
    }
  });

  test('GET of a blob costs 1, or nothing within ten minutes, and 1 more up to 64 KiB', async () => {
    const small = await client.pushBlob(repository, bytesOf(1000));
    expectAtMost(await costOf(200, 'GET', blobAt(small), undefined, other()), 2);
    expectAtMost(await costOf(200, 'GET', blobAt(small), undefined, other()), 1);
    const large = await client.pushBlob(repository, bytesOf(100_000));
    expectAtMost(await costOf(307, 'GET', blobAt(large), undefined, other()), 1);
    expectAtMost(await costOf(307, 'GET', blobAt(large), undefined, other()), 0);
  });

  test('HEAD of a blob costs 1, there or not', async () => {
    expectAtMost(await costOf(200, 'HEAD', blobAt(layer.digest)), 1);
    expectAtMost(await costOf(404, 'HEAD', blobAt(digestOf('nobody'))), 1);
  });
});

describe('pushing blobs', () => {
  test('POST of an upload costs 1 [2], and 1 more on an instance new to the repository', async () => {
    const target = `/v2/${repository}/blobs/uploads/`;
    expectAtMost(await costOf(202, 'POST', target), 1, 2);
    const unseen = `/v2/cost/unseen/blobs/uploads/`;
    expectAtMost(await costOf(202, 'POST', unseen), 2, 3);
    expectAtMost(await costOf(202, 'POST', unseen, undefined, other()), 2, 3);
  });

  test('a new layer by POST and one PUT costs 7', async () => {
    const bytes = bytesOf(1000);
    const location = await client.startUpload(repository);
    const put = await client.send('PUT', `${location}?digest=${digestOf(bytes)}`, { body: bytes });
    expect(put.status).toBe(201);
    expectAtMost(costSoFar(), 7);
    expect(proxy.counts()).toMatchObject({ putBlob: 1 });
  });

  test('a new layer by POST?digest= costs no more', async () => {
    await client.pushBlob(repository, bytesOf(1000));
    expectAtMost(costSoFar(), 7);
  });

  test('a new layer of several blocks by POST and one PUT costs 7 and its blocks', async () => {
    const bytes = bytesOf(15_000_000);
    const location = await client.startUpload(repository);
    const body = inPieces(bytes, 1_000_000);
    await client.send('PUT', `${location}?digest=${digestOf(bytes)}`, { body });
    expect(proxy.counts()).toMatchObject({ putBlock: 3, putBlockList: 1 });
    expectAtMost(costSoFar(), 7 + 3);
  });

  test('a new layer by POST, one streamed PATCH and PUT costs 7 and its blocks', async () => {
    const bytes = bytesOf(15_000_000);
    const location = await client.startUpload(repository);
    await client.send('PATCH', location, { body: inPieces(bytes, 1_000_000) });
    const put = await client.send('PUT', `${location}?digest=${digestOf(bytes)}`);
    expect(put.status).toBe(201);
    expect(proxy.counts()).toMatchObject({ putBlock: 3, putBlockList: 1 });
    expectAtMost(costSoFar(), 7 + 3);
  });

  test('a layer the repository has, sent again with one PUT, costs 3 and stores nothing', async () => {
    const location = await client.startUpload(repository);
    const target = `${location}?digest=${layer.digest}`;
    expect((await client.send('PUT', target, { body: 'layer' })).status).toBe(201);
    expectAtMost(costSoFar(), 3);
    expect(proxy.requests.filter(({ service }) => service === 'blob')).toEqual([]);
  });

  test('a layer the repository has, sent again with a PATCH, commits no blob', async () => {
    const location = await client.startUpload(repository);
    await client.send('PATCH', location, { body: 'layer' });
    const put = await client.send('PUT', `${location}?digest=${layer.digest}`);
    expect(put.status).toBe(201);
    const kinds = new Set(proxy.requests.map(({ kind }) => kind));
    expect(kinds).not.toContain('putBlob');
    expect(kinds).not.toContain('putBlockList');
  });

  test('a mount of what is there already costs 1', async () => {
    const target = `/v2/${repository}/blobs/uploads/?mount=${layer.digest}&from=cost/other`;
    expectAtMost(await costOf(201, 'POST', target), 1);
  });

  test('a mount with from costs 5, and 1 more on an instance new to the repository', async () => {
    const digest = await client.pushBlob('cost/source', bytesOf(100));
    const target = `/v2/${repository}/blobs/uploads/?mount=${digest}&from=cost/source`;
    expectAtMost(await costOf(201, 'POST', target), 5);
    const elsewhere = `/v2/cost/unmounted/blobs/uploads/?mount=${digest}&from=cost/source`;
    expectAtMost(await costOf(201, 'POST', elsewhere), 6);
  });
});

describe('pushing manifests', () => {
  const put = (reference: string, manifest: object, status = 201) =>
    costOf(status, 'PUT', manifestAt(reference), json(manifest), {
      headers: { 'Content-Type': 'mediaType' in manifest ? String(manifest.mediaType) : '' },
    });

  test('one that fits a transaction costs 3 [2 C + 6]', async () => {
    expectAtMost(await put('one', fresh()), 3, 2 * 2 + 6);
  });

  test('one moving a tag costs 3 [2 C + 9]', async () => {
    await put('moving', fresh());
    expectAtMost(await put('moving', fresh()), 3, 2 * 2 + 9);
  });

  test.each([
    [1, 3],
    [11, 3],
    [22, 6],
  ])('one moving %i tags costs 2 for each 11 of them and a read for each', async (count, cost) => {
    const tags = Array.from({ length: count }, (_, at) => `tag=moved${at}`).join('&');
    const [before, after] = [fresh(), fresh()];
    await put(`${digestOf(json(before))}?${tags}`, before);
    expectAtMost(await put(`${digestOf(json(after))}?${tags}`, after), cost - 1 + count);
  });

  test('one of 127 layers costs 5', async () => {
    const layers = await Promise.all(
      Array.from({ length: 127 }, (_, at) => client.blob(repository, `layer ${at}`)),
    );
    expectAtMost(await put('many', image({ config, layers })), 5);
  });

  test('one above 60 KiB costs 2 transactions and its bytes', async () => {
    expectAtMost(await put('big', image({ config, layers: [], x: 'x'.repeat(70_000) })), 5);
  });

  test('another tag on a live manifest costs 3 [5]', async () => {
    const manifest = fresh();
    await put('first', manifest);
    expectAtMost(await put('second', manifest), 3, 5);
  });

  test('a sparse index with gaps costs 3, a read for each of its children, and 1', async () => {
    const child = json(fresh());
    await client.putManifest(repository, digestOf(child), child);
    const absent = ['a', 'b'].map((text) => descriptor(text, types.image));
    const cost = await put('sparse', index([...absent, descriptor(child, types.image)]));
    expectAtMost(cost, 3 + 3 + 1);
  });

  test('a missing blob costs 3, a read for each child, a list of direct uploads and a second read', async () => {
    const manifest = image({ config, layers: [descriptor('missing', types.layer)] });
    expectAtMost(await put('missing', manifest, 404), 3 + 2 + 1 + 1);
  });

  test('a whole small image, pushed for the first time, costs 19', async () => {
    await client.pushImage('cost/whole', 'latest');
    // Two layers at 7, the manifest at 3, the catalogue row made and shown.
    expectAtMost(costSoFar(), 7 + 7 + 3 + 2);
  });
});

describe('lists', () => {
  test('tags/list of up to 1,000 tags costs 1', async () => {
    const manifest = fresh();
    const tags = Array.from({ length: 400 }, (_, at) => `tag=t${at}`);
    for (let at = 0; at < tags.length; at += 100) {
      const query = tags.slice(at, at + 100).join('&');
      await client.putManifest(repository, `${digestOf(json(manifest))}?${query}`, manifest);
    }
    expectAtMost(await costOf(200, 'GET', `/v2/${repository}/tags/list`), 1);
    expectAtMost(await costOf(200, 'GET', `/v2/${repository}/tags/list?n=100&last=t2`), 1);
  });

  test.each(['timedesc', 'timeasc'])(
    'a page of tags in the order of time (%s) costs 1 in a repository that is in order',
    async (order) => {
      const registry = newInstance(await storesOf(azurite));
      await bringInOrder(registry, repositoryPartition(repositoryNamed(repository)), () => false);
      const first = `/acr/v1/${repository}/_tags?orderby=${order}&n=100`;
      expectAtMost(await costOf(200, 'GET', first), 2);
      const { answer, ...cost } = await costOf(200, 'GET', first);
      expectAtMost(cost, 1);
      const next = /<(.+)>/.exec(header(answer, 'Link'))?.[1] ?? '';
      expectAtMost(await costOf(200, 'GET', next), 1);
    },
  );

  test('a page of referrers costs 1', async () => {
    const subject = descriptor('subject', types.image);
    for (const number of [1, 2, 3]) {
      const manifest = image({ config, layers: [], subject, number });
      await client.putManifest(repository, digestOf(json(manifest)), manifest);
    }
    const target = `/v2/${repository}/referrers/${subject.digest}`;
    expectAtMost(await costOf(200, 'GET', target), 1);
    expectAtMost(await costOf(200, 'GET', `${target}?n=2`), 1);
    expectAtMost(await costOf(200, 'GET', `${target}?artifactType=${types.config}`), 1);
  });

  test('the catalogue of up to 1,000 repositories costs 1', async () => {
    expectAtMost(await costOf(200, 'GET', '/v2/_catalog'), 1);
  });
});

describe('deleting', () => {
  test('a tag costs 2 [5]', async () => {
    await client.pushImage(repository, 'gone');
    expectAtMost(await costOf(202, 'DELETE', manifestAt('gone')), 2, 5);
  });

  test.each([0, 20])('a manifest with %i tags costs 3', async (count) => {
    const tags = Array.from({ length: count }, (_, at) => `tag=gone${at}`).join('&');
    const manifest = fresh();
    const digest = digestOf(json(manifest));
    await client.putManifest(repository, `${digest}?${tags}`, manifest);
    expectAtMost(await costOf(202, 'DELETE', manifestAt(digest)), 3);
  });

  test('a blob costs 5, and 1 more on an instance that has not seen it', async () => {
    const [seen, unseen] = [bytesOf(100), bytesOf(100)];
    await client.pushBlob(repository, seen);
    await client.send('GET', blobAt(digestOf(seen)));
    expectAtMost(await costOf(202, 'DELETE', blobAt(digestOf(seen))), 5);
    await client.pushBlob(repository, unseen);
    expectAtMost(await costOf(202, 'DELETE', blobAt(digestOf(unseen)), undefined, other()), 6);
  });
});
