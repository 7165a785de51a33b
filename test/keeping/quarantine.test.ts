import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { acrPath, bodyOf, getJson } from '../acr/acr-client.ts';
import { clientWithAccess } from '../http/access-token.ts';
import { admin, Client, digestOf, expectProblem, index, json, types } from '../http/client.ts';
import { registryOfFile } from '../http/registry.ts';
import { startTestLighter, type TestLighter } from '../harness/lighter.ts';
import { putPolicy } from './policy.ts';

const registry = registryOfFile();
/** A second instance on the same storage. */
let second: TestLighter;
/** May only pull, at either instance. */
let puller: Client;
let otherPuller: Client;
let repository: string;
let count = 0;

beforeAll(async () => {
  const policy = {
    quarantine: ['held/*'],
    softDelete: [{ repositories: ['held/soft*'], retainDays: 1 }],
  };
  await putPolicy(registry().client, policy);
  second = await startTestLighter({ azurite: registry().azurite });
});
afterAll(() => second.stop());
beforeEach(async () => {
  await use(`held/app-${count++}`);
});

async function use(name: string): Promise<void> {
  repository = name;
  puller = await clientWithAccess(registry(), { [name]: ['pull', 'push'] });
  otherPuller = await clientWithAccess({ ...registry(), lighter: second }, { [name]: ['pull'] });
}

const path = (reference: string, name = repository) => `/v2/${name}/manifests/${reference}`;
const admins = () => registry().client;

async function change(digest: string, body: object, client = admins()) {
  return await client.send('PATCH', acrPath(repository, `/_manifests/${digest}`), {
    body: JSON.stringify(body),
    headers: { 'Content-Type': 'application/json' },
  });
}

async function release(digest: string): Promise<void> {
  expect((await change(digest, { quarantineState: 'Passed' })).status).toBe(200);
}

/** By the tag, by the digest, by HEAD and GET, at both instances. */
async function statuses(tag: string, digest: string): Promise<number[]> {
  const answers: number[] = [];
  for (const client of [puller, otherPuller]) {
    for (const reference of [tag, digest]) {
      for (const method of ['HEAD', 'GET']) {
        answers.push((await client.send(method, path(reference))).status);
      }
    }
  }
  return answers;
}
const hidden = [404, 404, 403, 403, 404, 404, 403, 403];
const shown = Array.from({ length: 8 }, () => 200);

describe('a manifest pushed where a rule puts it in quarantine', () => {
  test('is unknown by its tag and denied by its digest, to who may push it, too', async () => {
    const digest = await puller.pushImage(repository, 'v1');
    expect(await statuses('v1', digest)).toEqual(hidden);
    expectProblem(await puller.send('GET', path('v1')), 404, 'MANIFEST_UNKNOWN');
    const denied = await puller.send('GET', path(digest));
    expectProblem(denied, 403, 'DENIED');
    expect(denied.body.toString()).toContain('in quarantine');
  });

  test('is served to who may release it, and to nobody else out of a memory of that', async () => {
    const digest = await admins().pushImage(repository, 'v1');
    for (const reference of ['v1', digest]) {
      expect((await admins().send('GET', path(reference))).status).toBe(200);
    }
    expect(await statuses('v1', digest)).toEqual(hidden);
  });

  test('is pulled by a scanner with the token that every client asks for', async () => {
    await admins().pushImage(repository, 'v1');
    const { lighter } = registry();
    const scope = encodeURIComponent(`repository:${repository}:pull`);
    const answer = await admins().send(
      'GET',
      `/oauth2/token?service=${lighter.host}&scope=${scope}`,
      { headers: { Authorization: admin } },
    );
    const { access_token: token } = JSON.parse(answer.body.toString()) as { access_token: string };
    const scanner = new Client(lighter.url, `Bearer ${token}`);
    expect((await scanner.send('GET', path('v1'))).status).toBe(200);
    const elsewhere = await scanner.send('GET', path('v1', 'held/other'));
    expect(elsewhere.status).toBe(401);
  });

  test('is in no list for who may only pull', async () => {
    const subject = await admins().pushImage(repository, 'v1');
    await release(subject);
    const referrer = await admins().pushImage(repository, 'sig', {
      subject: { mediaType: types.image, digest: subject, size: 4 },
    });
    const lists = async (client: Client) => {
      const tags = await getJson<{ tags: string[] }>(client, `/v2/${repository}/tags/list`);
      const answer = await client.send('GET', `/v2/${repository}/referrers/${subject}`);
      const { manifests } = JSON.parse(answer.body.toString()) as { manifests: object[] };
      return { tags: tags.tags, referrers: manifests.length };
    };
    expect(await lists(puller)).toEqual({ tags: ['v1'], referrers: 0 });
    expect(await lists(admins())).toEqual({ tags: ['sig', 'v1'], referrers: 1 });
    await release(referrer);
    expect(await lists(puller)).toEqual({ tags: ['sig', 'v1'], referrers: 1 });
  });

  test('is released by PATCH, at once and everywhere, and stays so when pushed again', async () => {
    const digest = await admins().pushImage(repository, 'v1');
    const { body } = await admins().send('GET', path('v1'));
    await release(digest);
    expect(await statuses('v1', digest)).toEqual(shown);
    expect((await puller.putManifest(repository, 'v2', body)).status).toBe(201);
    expect(await statuses('v2', digest)).toEqual(shown);
  });

  test('is not released by who may not change metadata', async () => {
    const digest = await puller.pushImage(repository, 'v1');
    expect((await change(digest, { quarantineState: 'Passed' }, puller)).status).toBe(401);
    expect(await statuses('v1', digest)).toEqual(hidden);
  });

  test('says what was found out about it, and stays where it is when that is bad', async () => {
    const digest = await admins().pushImage(repository, 'v1');
    const get = async () =>
      bodyOf<{ manifest: { changeableAttributes: object } }>(
        await admins().send('GET', acrPath(repository, `/_manifests/${digest}`)),
      ).manifest.changeableAttributes;
    expect(await get()).toMatchObject({ quarantineState: 'Quarantined' });
    const found = { quarantineState: 'Failed', quarantineDetails: '{"scanner":"x"}' };
    expect((await change(digest, found)).status).toBe(200);
    expect(await get()).toMatchObject(found);
    expect(await statuses('v1', digest)).toEqual(hidden);
    for (const bad of [{ quarantineState: 'passed' }, { quarantineDetails: {} }]) {
      expect((await change(digest, bad)).status).toBe(400);
    }
  });

  test('is put into quarantine by hand: by its tags at once, whoever remembers it', async () => {
    const digest = await admins().pushImage(repository, 'v1');
    await release(digest);
    expect(await statuses('v1', digest)).toEqual(shown);
    expect((await change(digest, { quarantineState: 'Quarantined' })).status).toBe(200);
    expect((await puller.send('GET', path('v1'))).status).toBe(404);
    expect((await puller.send('GET', path(digest))).status).toBe(403);
    expect((await otherPuller.send('GET', path('v1'))).status).toBe(404);
  });

  test('with more tags than a transaction holds is released with all of them', async () => {
    const digest = await admins().pushImage(repository, 'v1');
    const { body } = await admins().send('GET', path('v1'));
    const tags = Array.from({ length: 90 }, (_, at) => `tag-${at}`);
    const query = tags.map((tag) => `tag=${tag}`).join('&');
    expect((await admins().putManifest(repository, `${digest}?${query}`, body)).status).toBe(201);
    for (const tag of ['v1', 'tag-0', 'tag-89']) {
      expect((await puller.send('HEAD', path(tag))).status).toBe(404);
    }
    await release(digest);
    const list = await getJson<{ tags: string[] }>(puller, `/v2/${repository}/tags/list`);
    expect(list.tags).toHaveLength(91);
  });

  test('takes the tag it is given from who may only pull, and gives it back released', async () => {
    const old = await admins().pushImage(repository, 'latest');
    await release(old);
    const next = await admins().pushImage(repository, 'latest');
    expect((await puller.send('GET', path('latest'))).status).toBe(404);
    expect((await puller.send('GET', path(old))).status).toBe(200);
    await release(next);
    const answer = await puller.send('GET', path('latest'));
    expect(answer.headers.get('docker-content-digest')).toBe(next);
  });

  test('that is an index is released with the manifests it names', async () => {
    const children = [
      await admins().pushImage(repository, 'a'),
      await admins().pushImage(repository, 'b'),
    ];
    const many = index(children.map((digest) => ({ mediaType: types.image, digest, size: 4 })));
    const digest = digestOf(json(many));
    expect((await admins().putManifest(repository, 'multi', many)).status).toBe(201);
    await release(digest);
    for (const reference of ['multi', 'a', 'b', digest, ...children]) {
      expect((await puller.send('GET', path(reference))).status).toBe(200);
    }
  });

  test('is still there when it is deleted and restored, or pushed again', async () => {
    await use(`held/soft-${count++}`);
    const digest = await admins().pushImage(repository, 'v1');
    const { body } = await admins().send('GET', path('v1'));
    expect((await admins().send('DELETE', path(digest))).status).toBe(202);
    const restored = `/acr/v1/_deleted/${repository}/_manifests/${digest}`;
    expect((await admins().send('POST', restored)).status).toBe(200);
    expect(await statuses('v1', digest)).toEqual(hidden);

    expect((await admins().send('DELETE', path(digest))).status).toBe(202);
    expect((await puller.putManifest(repository, 'v1', body)).status).toBe(201);
    expect(await statuses('v1', digest)).toEqual(hidden);
  });
});

test('where no rule is, nothing is in quarantine', async () => {
  await use('free/app');
  const digest = await puller.pushImage(repository, 'v1');
  expect(await statuses('v1', digest)).toEqual(shown);
});
