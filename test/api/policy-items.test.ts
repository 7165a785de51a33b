import { beforeEach, describe, expect, test } from 'vitest';
import { Client, expectProblem, header } from '../http/client.ts';
import { startTestLighter } from '../harness/lighter.ts';
import { registryOfFile } from '../http/registry.ts';
import { jsonOf, sendJson } from './api-client.ts';

const registry = registryOfFile();
const rules = [{ repositories: ['team/*'], actions: ['content/read'] }];
const federationRule = {
  issuer: 'https://issuer.example',
  audience: 'registry',
  claims: { sub: 'repo:team/*' },
  rules,
};

beforeEach(async () => {
  const answer = await sendJson(registry().client, 'PUT', 'policy', {}, { 'If-Match': '*' });
  expect(answer.status).toBe(200);
});

describe.each([
  { path: 'scope-maps', section: 'scopeMaps', body: { rules }, more: {} },
  {
    path: 'federation',
    section: 'federation',
    body: federationRule,
    more: { maxTokenAgeSeconds: 3600 },
  },
])('$path', ({ path, section, body, more }) => {
  const put = (name: string, value: unknown = body, headers = {}) =>
    sendJson(registry().client, 'PUT', `${path}/${name}`, value, headers);
  const get = (name: string) => registry().client.send('GET', `/api/v1/${path}/${name}`);
  const remove = (name: string, headers = {}) =>
    registry().client.send('DELETE', `/api/v1/${path}/${name}`, { headers });
  const list = async () => {
    const answer = await registry().client.send('GET', `/api/v1/${path}`);
    const all: Record<string, { name: string }[]> = jsonOf(answer);
    return (all[section] ?? []).map(({ name }) => name);
  };

  test('is made, changed, listed and deleted by name', async () => {
    const made = await put('one');
    expect(made.status, made.body.toString()).toBe(201);
    expect(jsonOf(made)).toEqual({ name: 'one', ...body, ...more });
    await put('two');
    const changed = await put('one', { ...body, description: 'changed' });
    expect(changed.status).toBe(200);
    const got = await get('one');
    expect(jsonOf(got)).toEqual({ name: 'one', description: 'changed', ...body, ...more });
    expect(header(got, 'ETag')).toBe(header(changed, 'ETag'));
    expect(header(got, 'ETag')).not.toBe(header(made, 'ETag'));
    expect(await list()).toEqual(['one', 'two']);
    expect((await remove('one')).status).toBe(204);
    expect(await list()).toEqual(['two']);
    const policy = jsonOf(await registry().client.send('GET', '/api/v1/policy'));
    expect(policy).toMatchObject({ [section]: [{ name: 'two' }] });
  });

  test('what was got can be put back as it is', async () => {
    await put('one');
    const got = await get('one');
    const again = await put('one', jsonOf(got), { 'If-Match': header(got, 'ETag') });
    expect(again.status).toBe(200);
    expect(again.body).toEqual(got.body);
  });

  test('is found whatever the case, and keeps the spelling it was made with', async () => {
    await put('MixedCase');
    expect(jsonOf(await get('mixedcase'))).toMatchObject({ name: 'MixedCase' });
    expect((await put('mixedCASE', { ...body, description: 'same' })).status).toBe(200);
    expect(await list()).toEqual(['MixedCase']);
    expect((await remove('MIXEDCASE')).status).toBe(204);
  });

  test('is not found where there is none', async () => {
    expectProblem(await get('none'), 404, 'NAME_UNKNOWN');
    expectProblem(await remove('none'), 404, 'NAME_UNKNOWN');
    expectProblem(await get('a%2Fb'), 404, 'UNSUPPORTED');
  });

  test('has conditions: If-Match of its own ETag, If-None-Match *', async () => {
    const made = await put('one', body, { 'If-None-Match': '*' });
    expect(made.status).toBe(201);
    expectProblem(await put('one', body, { 'If-None-Match': '*' }), 412, 'UNSUPPORTED');
    expectProblem(await put('two', body, { 'If-Match': '*' }), 412, 'UNSUPPORTED');
    const etag = header(made, 'ETag');
    await put('two');
    expect((await put('one', { ...body, description: 'x' }, { 'If-Match': etag })).status).toBe(
      200,
    );
    expectProblem(await put('one', body, { 'If-Match': etag }), 412, 'UNSUPPORTED');
    expectProblem(await remove('one', { 'If-Match': etag }), 412, 'UNSUPPORTED');
    expect((await remove('one', { 'If-Match': '*' })).status).toBe(204);
  });

  test.each([
    ['admin', body, '/name'],
    ['0c5f5a0d-6a3e-4c1b-8c60-33f1c9a7d001', body, '/name'],
    ['white%20space', body, '/name'],
    ['one', { ...body, name: 'two' }, '/name'],
    ['one', { ...body, typo: 1 }, '/typo'],
    ['one', { ...body, rules: [] }, '/rules'],
    ['one', [], ''],
  ])('%s with something wrong in it is refused', async (name, value, at) => {
    const { detail } = expectProblem(await put(name, value), 400, 'UNSUPPORTED');
    expect(detail).toMatchObject({ problems: [{ at }] });
    expect(await list()).toEqual([]);
  });

  test('of fifty that are changed at once by two instances, all are there', async () => {
    const { azurite, client } = registry();
    const other = await startTestLighter({ azurite });
    const clients = [client, new Client(other.url)];
    const names = Array.from({ length: 50 }, (_, at) => `racer-${at}`);
    const answers = await Promise.all(
      names.map((name, at) => {
        const one = clients[at % 2] ?? client;
        return sendJson(one, 'PUT', `${path}/${name}`, body);
      }),
    );
    await other.stop();
    expect(answers.map(({ status }) => status)).toEqual(names.map(() => 201));
    expect((await list()).sort()).toEqual(names.sort());
  });
});

test('too many scope maps are refused, as the policy has its limits', async () => {
  const scopeMaps = Array.from({ length: 500 }, (_, at) => ({
    name: `m${at}`,
    rules: [{ repositories: ['a'], actions: ['content/read'] }],
  }));
  const { client } = registry();
  const all = await sendJson(client, 'PUT', 'policy', { scopeMaps }, { 'If-Match': '*' });
  expect(all.status, all.body.toString()).toBe(200);
  const { detail } = expectProblem(
    await sendJson(client, 'PUT', 'scope-maps/more', { rules }),
    400,
    'UNSUPPORTED',
  );
  expect(detail).toMatchObject({ problems: [{ at: '/scopeMaps' }] });
});
