import { beforeAll, describe, expect, test } from 'vitest';
import { startTestLighter } from '../harness/lighter.ts';
import { type Answer, Client, digestOf, expectProblem, image, json } from '../http/client.ts';
import { registryOfFile } from '../http/registry.ts';
import { acrPath, type Attributes, getJson, patch, type TagList } from './acr-client.ts';

const registry = registryOfFile();
const sentence = 'The operation is disallowed on this registry, repository or image';

function expectLocked(answer: Answer, detail: object): void {
  const problem = expectProblem(answer, 405, 'DENIED');
  expect(problem).toEqual({ code: 'DENIED', message: sentence, detail });
}

/** A repository of its own with one image under the tag `x`; answers the image's digest. */
async function repositoryWithImage(repository: string): Promise<string> {
  return await registry().client.pushImage(repository, 'x');
}

const lock = (repository: string, rest: string, change: Partial<Attributes>) =>
  patch(registry().client, acrPath(repository, rest), change);
const send = (method: string, path: string) => registry().client.send(method, path);
const manifestPath = (repository: string, reference: string) =>
  `/v2/${repository}/manifests/${reference}`;

async function putAgain(repository: string, reference: string): Promise<Answer> {
  const { client } = registry();
  const manifest = image({ config: await client.blob(repository, 'other'), layers: [] });
  return await client.putManifest(repository, reference, manifest);
}

async function expectPullable(repository: string, digest: string): Promise<void> {
  for (const reference of ['x', digest]) {
    expect((await send('GET', manifestPath(repository, reference))).status).toBe(200);
  }
}

describe('a tag', () => {
  test('with writeEnabled=false can be neither moved nor deleted, by any path', async () => {
    const name = 'locks/tag-write';
    const digest = await repositoryWithImage(name);
    await lock(name, '/_tags/x', { writeEnabled: false });
    const detail = { tag: 'x', writeEnabled: false };
    expectLocked(await putAgain(name, 'x'), detail);
    expectLocked(await putAgain(name, 'free?tag=x'), detail);
    expectLocked(await send('DELETE', manifestPath(name, 'x')), detail);
    expectLocked(await send('DELETE', acrPath(name, '/_tags/x')), detail);
    expectLocked(await send('DELETE', acrPath(name)), detail);
    const kept = await send('DELETE', manifestPath(name, digest));
    expectLocked(kept, { digest, tag: 'x', deleteEnabled: false });
    await expectPullable(name, digest);
    expect((await send('GET', manifestPath(name, 'free'))).status).toBe(404);
  });

  test('with writeEnabled=false may be pushed again as it is, which changes nothing', async () => {
    const { client } = registry();
    const name = 'locks/tag-same';
    const manifest = image({ config: await client.blob(name, '{}'), layers: [] });
    await client.putManifest(name, 'x', manifest);
    await lock(name, '/_tags/x', { writeEnabled: false });
    const before = await getJson<object>(client, acrPath(name, '/_tags/x'));
    expect((await client.putManifest(name, 'x', manifest)).status).toBe(201);
    expect((await client.putManifest(name, 'y?tag=x', manifest)).status).toBe(201);
    expect(await getJson<object>(client, acrPath(name, '/_tags/x'))).toEqual(before);
    expect((await send('GET', manifestPath(name, 'y'))).status).toBe(200);
  });

  test('with deleteEnabled=false can be moved, stays locked, and keeps what it points to', async () => {
    const name = 'locks/tag-delete';
    const digest = await repositoryWithImage(name);
    await lock(name, '/_tags/x', { deleteEnabled: false });
    expectLocked(await send('DELETE', manifestPath(name, 'x')), { tag: 'x', deleteEnabled: false });
    expect((await putAgain(name, 'x')).status).toBe(201);
    const moved = digestOf(
      json(image({ config: await registry().client.blob(name, 'other'), layers: [] })),
    );
    const kept = await send('DELETE', manifestPath(name, moved));
    expectLocked(kept, { digest: moved, tag: 'x', deleteEnabled: false });
    expect((await send('DELETE', manifestPath(name, digest))).status).toBe(202);
    await lock(name, '/_tags/x', { deleteEnabled: true });
    expect((await send('DELETE', manifestPath(name, moved))).status).toBe(202);
  });

  test('with readEnabled=false cannot be pulled; its manifest can, by digest', async () => {
    const name = 'locks/tag-read';
    const digest = await repositoryWithImage(name);
    await send('GET', manifestPath(name, 'x'));
    await lock(name, '/_tags/x', { readEnabled: false });
    expectLocked(await send('GET', manifestPath(name, 'x')), { tag: 'x', readEnabled: false });
    expect((await send('HEAD', manifestPath(name, 'x'))).status).toBe(405);
    expect((await send('GET', manifestPath(name, digest))).status).toBe(200);
    await lock(name, '/_tags/x', { readEnabled: true });
    await expectPullable(name, digest);
  });

  test('with listEnabled=false is in no list, and pages are as long as ever', async () => {
    const name = 'locks/tag-list';
    const digest = await repositoryWithImage(name);
    for (const tag of ['v', 'w', 'y', 'z']) await registry().client.pushImage(name, tag);
    await lock(name, '/_tags/w', { listEnabled: false });
    await lock(name, '/_tags/x', { listEnabled: false });
    for (const [query, tags] of [
      ['', ['v', 'y', 'z']],
      ['?n=2', ['v', 'y']],
      ['?n=2&last=v', ['y', 'z']],
    ] as const) {
      const list = await getJson<{ tags: string[] }>(
        registry().client,
        `/v2/${name}/tags/list${query}`,
      );
      expect(list.tags).toEqual(tags);
      const acr = await getJson<TagList>(registry().client, acrPath(name, `/_tags${query}`));
      expect(acr.tags.map((tag) => tag.name)).toEqual(tags);
    }
    await expectPullable(name, digest);
  });
});

describe('a manifest', () => {
  test.each(['writeEnabled', 'deleteEnabled'])(
    'with %s=false cannot be deleted',
    async (lockName) => {
      const name = `locks/manifest-${lockName.toLowerCase()}`;
      const digest = await repositoryWithImage(name);
      await lock(name, `/_manifests/${digest}`, { [lockName]: false });
      expectLocked(await send('DELETE', manifestPath(name, digest)), { digest, [lockName]: false });
      expectLocked(await send('DELETE', acrPath(name)), { digest, [lockName]: false });
      await expectPullable(name, digest);
      expect((await putAgain(name, 'x')).status).toBe(201);
      await lock(name, `/_manifests/${digest}`, { [lockName]: true });
      expect((await send('DELETE', manifestPath(name, digest))).status).toBe(202);
    },
  );

  test('with readEnabled=false cannot be pulled by digest or by any tag, old or new', async () => {
    const { client, azurite } = registry();
    const name = 'locks/manifest-read';
    const manifest = image({ config: await client.blob(name, '{}'), layers: [] });
    const digest = digestOf(json(manifest));
    const many = Array.from({ length: 60 }, (_, index) => `t${index}`);
    for (let at = 0; at < many.length; at += 20) {
      const query = many.slice(at, at + 20).join('&tag=');
      expect((await client.putManifest(name, `x?tag=${query}`, manifest)).status).toBe(201);
    }
    const other = await startTestLighter({ azurite });
    const elsewhere = new Client(other.url);
    try {
      expect((await elsewhere.send('GET', manifestPath(name, 'x'))).status).toBe(200);
      await lock(name, `/_manifests/${digest}`, { readEnabled: false });
      await client.putManifest(name, 'new', manifest);
      const detail = { digest, readEnabled: false };
      for (const reference of ['x', 't0', 't59', 'new']) {
        for (const caller of [client, elsewhere]) {
          expectLocked(await caller.send('GET', manifestPath(name, reference)), detail);
          expect((await caller.send('HEAD', manifestPath(name, reference))).status).toBe(405);
        }
      }
      expectLocked(await send('GET', manifestPath(name, digest)), detail);
      expect((await putAgain(name, 'new')).status).toBe(201);
      expect((await elsewhere.send('GET', manifestPath(name, 'new'))).status).toBe(200);
      await lock(name, `/_manifests/${digest}`, { readEnabled: true });
      for (const caller of [client, elsewhere]) {
        for (const reference of ['x', 't59', digest]) {
          expect((await caller.send('GET', manifestPath(name, reference))).status).toBe(200);
        }
      }
    } finally {
      await other.stop();
    }
  });

  test('with listEnabled=false is not in the list of manifests', async () => {
    const name = 'locks/manifest-list';
    const digest = await repositoryWithImage(name);
    await lock(name, `/_manifests/${digest}`, { listEnabled: false });
    const list = await getJson<{ manifests: object[] | null }>(
      registry().client,
      acrPath(name, '/_manifests'),
    );
    expect(list.manifests).toBeNull();
    await expectPullable(name, digest);
  });
});

describe('a repository', () => {
  test('with writeEnabled=false takes no push and no deletion', async () => {
    const { client } = registry();
    const name = 'locks/repository-write';
    const digest = await repositoryWithImage(name);
    await lock(name, '', { writeEnabled: false });
    const detail = { repository: name, writeEnabled: false };
    const refused = [
      client.send('POST', `/v2/${name}/blobs/uploads/`),
      client.putManifest(name, 'x', image({ layers: [] })),
      client.send('DELETE', manifestPath(name, 'x')),
      client.send('DELETE', manifestPath(name, digest)),
      client.send('DELETE', acrPath(name, '/_tags/x')),
      client.send('DELETE', acrPath(name)),
    ];
    for (const answer of await Promise.all(refused)) expectLocked(answer, detail);
    await expectPullable(name, digest);
    await lock(name, '', { writeEnabled: true });
    expect((await putAgain(name, 'x')).status).toBe(201);
  });

  test('with deleteEnabled=false cannot be deleted, what is in it can, as in ACR', async () => {
    const name = 'locks/repository-delete';
    await repositoryWithImage(name);
    await lock(name, '', { deleteEnabled: false });
    const detail = { repository: name, deleteEnabled: false };
    expectLocked(await send('DELETE', acrPath(name)), detail);
    expect((await putAgain(name, 'x')).status).toBe(201);
    expect((await send('DELETE', manifestPath(name, 'x'))).status).toBe(202);
  });

  test('with readEnabled=false serves nothing, and nothing can be mounted from it', async () => {
    const { client } = registry();
    const name = 'locks/repository-read';
    const digest = await repositoryWithImage(name);
    const blob = await client.pushBlob(name, 'secret');
    await lock(name, '', { readEnabled: false });
    const detail = { repository: name, readEnabled: false };
    for (const path of [
      manifestPath(name, 'x'),
      manifestPath(name, digest),
      `/v2/${name}/blobs/${blob}`,
      `/v2/${name}/referrers/${digest}`,
    ]) {
      expectLocked(await send('GET', path), detail);
    }
    for (const from of [`&from=${name}`, '']) {
      const target = `/v2/locks/mounting/blobs/uploads/?mount=${blob}${from}`;
      expect((await send('POST', target)).status).toBe(202);
    }
    await lock(name, '', { readEnabled: true });
    await expectPullable(name, digest);
  });

  test('with listEnabled=false is in no catalogue and in no search', async () => {
    const { client } = registry();
    const name = 'locks/repository-list';
    const digest = await repositoryWithImage(name);
    await lock(name, '', { listEnabled: false });
    for (const path of ['/v2/_catalog', '/acr/v1/_catalog', '/v1/search?q=repository-list']) {
      expect(JSON.stringify(await getJson<object>(client, path))).not.toContain(name);
    }
    await expectPullable(name, digest);
  });

  test('locked before an instance starts is locked for it', async () => {
    const name = 'locks/repository-elsewhere';
    await repositoryWithImage(name);
    await lock(name, '', { writeEnabled: false });
    const other = await startTestLighter({ azurite: registry().azurite });
    try {
      const answer = await new Client(other.url).send('DELETE', manifestPath(name, 'x'));
      expectLocked(answer, { repository: name, writeEnabled: false });
    } finally {
      await other.stop();
    }
  });
});

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

describe('a lock that is set while others delete and push', () => {
  let client: Client;
  beforeAll(() => ({ client } = registry()));

  test.each([
    ['the tag', (name: string) => acrPath(name, '/_tags/x')],
    ['the manifest', (name: string, digest: string) => acrPath(name, `/_manifests/${digest}`)],
  ])('on %s is either refused or kept to: what was locked is there', async (_, pathOf) => {
    const statuses = new Set<number>();
    for (let round = 0; round < 25; round++) {
      const name = `locks/race-${round % 5}`;
      const digest = await client.pushImage(name, 'x');
      const path = pathOf(name, digest);
      const doomed = round % 2 === 0 ? ['x', digest] : [digest, digest];
      const lockNow = () => client.send('PATCH', path, { body: '{"deleteEnabled":false}' });
      const early = round % 3 === 0 ? lockNow() : undefined;
      await pause(round % 4);
      const deletions = doomed.map((each) => client.send('DELETE', manifestPath(name, each)));
      await pause(round % 7);
      const locked = await (early ?? lockNow());
      const outcomes = (await Promise.all(deletions)).map(({ status }) => status);
      for (const status of outcomes) expect([202, 404, 405]).toContain(status);
      expect([200, 404]).toContain(locked.status);
      statuses.add(locked.status);
      if (locked.status === 200) {
        expect((await client.send('GET', manifestPath(name, digest))).status).toBe(200);
        expect((await client.send('GET', path)).status).toBe(200);
        await patch(client, path, { deleteEnabled: true });
      }
      await client.send('DELETE', manifestPath(name, digest));
    }
    expect(statuses).toContain(200);
  });
});
