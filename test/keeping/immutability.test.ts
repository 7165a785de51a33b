import { beforeAll, describe, expect, test } from 'vitest';
import { acrPath } from '../acr/acr-client.ts';
import { type Answer, digestOf, expectProblem, image, json } from '../http/client.ts';
import { registryOfFile } from '../http/registry.ts';
import { putPolicy } from './policy.ts';

const registry = registryOfFile();
const rules = [{ repositories: ['held/*'], tags: 'v\\d+(\\.\\d+)?' }, { repositories: ['all'] }];

beforeAll(() => putPolicy(registry().client, { immutability: rules }));

const send = (method: string, path: string) => registry().client.send(method, path);
const manifestPath = (repository: string, reference: string) =>
  `/v2/${repository}/manifests/${reference}`;

async function putOther(repository: string, reference: string): Promise<Answer> {
  const { client } = registry();
  const manifest = image({ config: await client.blob(repository, 'other'), layers: [] });
  return await client.putManifest(repository, reference, manifest);
}

function expectImmutable(answer: Answer, detail: object): void {
  const problem = expectProblem(answer, 403, 'DENIED');
  expect(problem).toEqual({
    code: 'DENIED',
    message: 'the tag is immutable: it can be neither moved nor deleted',
    detail: { ...detail, immutable: true },
  });
}

describe('a tag that a rule holds', () => {
  test('can be neither moved nor deleted by any path, not by the admin account either', async () => {
    const name = 'held/app';
    const digest = await registry().client.pushImage(name, 'v1');
    expectImmutable(await putOther(name, 'v1'), { tag: 'v1', digest });
    expectImmutable(await putOther(name, 'free?tag=v1'), { tag: 'v1', digest });
    expectImmutable(await send('DELETE', manifestPath(name, 'v1')), { tag: 'v1' });
    expectImmutable(await send('DELETE', acrPath(name, '/_tags/v1')), { tag: 'v1' });
    expectImmutable(await send('DELETE', manifestPath(name, digest)), { tag: 'v1', digest });
    expectImmutable(await send('DELETE', acrPath(name)), { tag: 'v1' });
    for (const reference of ['v1', digest]) {
      expect((await send('GET', manifestPath(name, reference))).status).toBe(200);
    }
    expect((await send('GET', manifestPath(name, 'free'))).status).toBe(404);
  });

  test('may be pushed again as it is, and its manifest may get other tags', async () => {
    const { client } = registry();
    const name = 'held/same';
    const manifest = image({ config: await client.blob(name, '{}'), layers: [] });
    for (const reference of ['v1', 'v1', 'latest?tag=v1']) {
      expect((await client.putManifest(name, reference, manifest)).status).toBe(201);
    }
    const again = image({ config: await client.blob(name, '{}'), layers: [], again: true });
    expect((await client.putManifest(name, 'latest', again)).status).toBe(201);
    const pulled = await send('GET', manifestPath(name, 'v1'));
    expect(digestOf(pulled.body)).toBe(digestOf(json(manifest)));
  });

  test('is the only one: a tag that no rule fits moves and goes, with its manifest', async () => {
    const { client } = registry();
    const name = 'held/others';
    await client.pushImage(name, 'v1-rc');
    expect((await putOther(name, 'v1-rc')).status).toBe(201);
    expect((await send('DELETE', manifestPath(name, 'v1-rc'))).status).toBe(202);
    await client.pushImage('free/app', 'v1');
    expect((await putOther('free/app', 'v1')).status).toBe(201);
    expect((await send('DELETE', acrPath('free/app'))).status).toBe(202);
  });

  test('keeps a lock of its own beside, and its attributes can be changed', async () => {
    const { client } = registry();
    const name = 'held/locked';
    await client.pushImage(name, 'v1');
    const body = json({ deleteEnabled: false });
    const headers = { 'Content-Type': 'application/json' };
    const path = acrPath(name, '/_tags/v1');
    expect((await client.send('PATCH', path, { body, headers })).status).toBe(200);
    expectProblem(await send('DELETE', manifestPath(name, 'v1')), 405, 'DENIED');
    expectImmutable(await putOther(name, 'v1'), {
      tag: 'v1',
      digest: digestOf((await send('GET', manifestPath(name, 'v1'))).body),
    });
  });

  test('by a rule without tags is any tag', async () => {
    const digest = await registry().client.pushImage('all', 'latest');
    expectImmutable(await putOther('all', 'latest'), { tag: 'latest', digest });
  });
});

describe('a rule', () => {
  test('holds tags that were there before it, and frees them when it is taken away', async () => {
    const { client } = registry();
    const name = 'later/app';
    const digest = await client.pushImage(name, 'v1');
    const later = [...rules, { repositories: ['later/*'], tags: 'v.*' }];
    await putPolicy(client, { immutability: later });
    expectImmutable(await putOther(name, 'v1'), { tag: 'v1', digest });
    expectImmutable(await send('DELETE', manifestPath(name, digest)), { tag: 'v1', digest });
    const flagged = await client.pushImage(name, 'v2');
    expectImmutable(await putOther(name, 'v2'), { tag: 'v2', digest: flagged });
    await putPolicy(client, { immutability: rules });
    expect((await putOther(name, 'v1')).status).toBe(201);
    expect((await putOther(name, 'v2')).status).toBe(201);
    expect((await send('DELETE', acrPath(name))).status).toBe(202);
  });
});
