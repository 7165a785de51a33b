import { beforeEach, describe, expect, test } from 'vitest';
import { basic, Client, expectProblem, header } from '../http/client.ts';
import { registryOfFile } from '../http/registry.ts';
import { jsonOf, sendJson } from './api-client.ts';

const registry = registryOfFile();
const scopeMaps = [
  { name: 'Readers', rules: [{ repositories: ['team/*'], actions: ['content/read'] }] },
  { name: 'writers', rules: [{ repositories: ['team/*'], actions: ['content/write'] }] },
];

interface Token {
  readonly name: string;
  readonly passwords: Readonly<Record<string, { createdAt: string; expiresAt?: string }>>;
}

const put = (name: string, value: unknown, headers = {}) =>
  sendJson(registry().client, 'PUT', `tokens/${name}`, value, headers);
const send = (method: string, path: string, headers = {}) =>
  registry().client.send(method, `/api/v1/tokens${path}`, { headers });
const get = async (name: string) => jsonOf<Token>(await send('GET', `/${name}`));
const list = async () => jsonOf<{ tokens: Token[] }>(await send('GET', '')).tokens;
const generate = async (name: string, slot = 'password1', body: object = {}) =>
  sendJson(registry().client, 'POST', `tokens/${name}/passwords/${slot}`, body);

beforeEach(async () => {
  for (const { name } of await list()) await send('DELETE', `/${name}`);
  const policy = await sendJson(
    registry().client,
    'PUT',
    'policy',
    { scopeMaps },
    { 'If-Match': '*' },
  );
  expect(policy.status, policy.body.toString()).toBe(200);
});

describe('a token', () => {
  test('is made without a password, changed, listed and deleted', async () => {
    const made = await put('ci', { scopeMap: 'readers' });
    expect(made.status, made.body.toString()).toBe(201);
    expect(jsonOf(made)).toEqual({
      name: 'ci',
      scopeMap: 'readers',
      enabled: true,
      createdAt: expect.stringMatching(/^\d{4}-.*Z$/),
      passwords: {},
    });
    const changed = await put('ci', { scopeMap: 'writers', enabled: false });
    expect(changed.status).toBe(200);
    expect(jsonOf(changed)).toMatchObject({ scopeMap: 'writers', enabled: false });
    expect(await list()).toEqual([await get('ci')]);
    expect((await send('DELETE', '/ci')).status).toBe(204);
    expect(await list()).toEqual([]);
    expectProblem(await send('GET', '/ci'), 404, 'NAME_UNKNOWN');
    expectProblem(await send('DELETE', '/ci'), 404, 'NAME_UNKNOWN');
  });

  test('has conditions: If-Match of its ETag, If-None-Match *', async () => {
    const made = await put('ci', { scopeMap: 'readers' }, { 'If-None-Match': '*' });
    expectProblem(
      await put('ci', { scopeMap: 'readers' }, { 'If-None-Match': '*' }),
      412,
      'UNSUPPORTED',
    );
    expectProblem(await put('x', { scopeMap: 'readers' }, { 'If-Match': '*' }), 412, 'UNSUPPORTED');
    const etag = header(made, 'ETag');
    expect(header(await send('GET', '/ci'), 'ETag')).toBe(etag);
    const change = { scopeMap: 'writers' };
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => put('ci', change, { 'If-Match': etag })),
    );
    const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
    expect(statuses).toEqual([200, 412, 412, 412, 412, 412, 412, 412]);
    expectProblem(await send('DELETE', '/ci', { 'If-Match': etag }), 412, 'UNSUPPORTED');
    const now = header(await send('GET', '/ci'), 'ETag');
    expect((await send('DELETE', '/ci', { 'If-Match': now })).status).toBe(204);
  });

  test.each([
    ['ci', { scopeMap: 'none' }, '/scopeMap'],
    ['ci', {}, '/scopeMap'],
    ['ci', { scopeMap: 'readers', name: 'other' }, '/name'],
    ['ci', { scopeMap: 'readers', enabled: 'yes' }, '/enabled'],
    ['ci', { scopeMap: 'readers', password: 'mine' }, '/password'],
    ['admin', { scopeMap: 'readers' }, '/name'],
    ['0c5f5a0d-6a3e-4c1b-8c60-33f1c9a7d001', { scopeMap: 'readers' }, '/name'],
  ])('%s of %j is refused', async (name, value, at) => {
    const { detail } = expectProblem(await put(name, value), 400, 'UNSUPPORTED');
    expect(detail).toMatchObject({ problems: [{ at }] });
    expect(await list()).toEqual([]);
  });

  test('of fifty that are made at once, all are there', async () => {
    const names = Array.from({ length: 50 }, (_, at) => `racer-${at}`);
    const answers = await Promise.all(names.map((name) => put(name, { scopeMap: 'readers' })));
    expect(answers.map(({ status }) => status)).toEqual(names.map(() => 201));
    expect((await list()).map(({ name }) => name).toSorted()).toEqual(names.toSorted());
  });
});

describe('a password', () => {
  const signsIn = async (name: string, password: string) => {
    const { lighter } = registry();
    const client = new Client(lighter.url, basic(name, password));
    const answer = await client.send('GET', '/v2/');
    return answer.status === 200;
  };

  test('is shown once, is good to sign in with, and ends with its slot', async () => {
    await put('ci', { scopeMap: 'readers' });
    const answer = await generate('ci');
    expect(answer.status).toBe(200);
    expect(header(answer, 'Cache-Control')).toBe('no-store');
    const { password, ...rest } = jsonOf<{ password: string }>(answer);
    expect(rest).toEqual({ name: 'ci', slot: 'password1' });
    expect(await signsIn('ci', password)).toBe(true);
    const other = jsonOf<{ password: string }>(await generate('ci', 'password2')).password;
    const shown = (await send('GET', '/ci')).body.toString();
    expect(Object.keys((await get('ci')).passwords)).toEqual(['password1', 'password2']);
    expect(shown).not.toContain(password);
    expect((await send('DELETE', '/ci/passwords/password1')).status).toBe(204);
    expect([await signsIn('ci', password), await signsIn('ci', other)]).toEqual([false, true]);
    await put('ci', { scopeMap: 'readers', enabled: false });
    expect(await signsIn('ci', other)).toBe(false);
  });

  test('is replaced by the next of its slot', async () => {
    await put('ci', { scopeMap: 'readers' });
    const first = jsonOf<{ password: string }>(await generate('ci')).password;
    const second = jsonOf<{ password: string }>(await generate('ci')).password;
    expect([await signsIn('ci', first), await signsIn('ci', second)]).toEqual([false, true]);
  });

  test('ends when it was told to', async () => {
    await put('ci', { scopeMap: 'readers' });
    const inDays = jsonOf<{ expiresAt: string }>(
      await generate('ci', 'password1', { expiresInDays: 2 }),
    );
    const days = (Date.parse(inDays.expiresAt) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(1.99);
    expect(days).toBeLessThanOrEqual(2);
    const soon = new Date(Date.now() + 1_500).toISOString();
    const { password, expiresAt } = jsonOf<{ password: string; expiresAt: string }>(
      await generate('ci', 'password2', { expiresAt: soon }),
    );
    expect(expiresAt).toBe(soon);
    expect((await get('ci')).passwords['password2']).toMatchObject({ expiresAt: soon });
    expect(await signsIn('ci', password)).toBe(true);
    await expect.poll(() => signsIn('ci', password), { timeout: 5_000 }).toBe(false);
  });

  test('is made without a body, too', async () => {
    await put('ci', { scopeMap: 'readers' });
    const answer = await send('POST', '/ci/passwords/password1');
    expect(answer.status, answer.body.toString()).toBe(200);
  });

  test.each([
    [{ expiresAt: 'tomorrow' }, '/expiresAt'],
    [{ expiresAt: '2020-01-01T00:00:00Z' }, '/expiresAt'],
    [{ expiresAt: '2999-99-99T00:00:00Z' }, '/expiresAt'],
    [{ expiresAt: '2999-01-01T00:00:00+05' }, '/expiresAt'],
    [{ expiresInDays: 0 }, '/expiresInDays'],
    [{ expiresInDays: 1.5 }, '/expiresInDays'],
    [{ expiresInDays: 1, expiresAt: '2999-01-01T00:00:00Z' }, ''],
    [{ password: 'mine' }, '/password'],
  ])('with %j is refused', async (body, at) => {
    await put('ci', { scopeMap: 'readers' });
    const { detail } = expectProblem(await generate('ci', 'password1', body), 400, 'UNSUPPORTED');
    expect(detail).toMatchObject({ problems: [{ at }] });
    expect((await get('ci')).passwords).toEqual({});
  });

  test('of a token or a slot that is not there is not found', async () => {
    expectProblem(await generate('none'), 404, 'NAME_UNKNOWN');
    expectProblem(await send('DELETE', '/none/passwords/password1'), 404, 'NAME_UNKNOWN');
    expectProblem(await generate('ci', 'password3'), 404, 'UNSUPPORTED');
  });
});

describe('a scope map that a token has', () => {
  test('can neither be deleted nor left out of the policy, and both say whose it is', async () => {
    await put('ci', { scopeMap: 'readers' });
    await put('cd', { scopeMap: 'READERS' });
    const { client } = registry();
    const deletes = await client.send('DELETE', '/api/v1/scope-maps/readers');
    expect(expectProblem(deletes, 409, 'UNSUPPORTED').detail).toEqual({ tokens: ['cd', 'ci'] });
    const replaces = await sendJson(client, 'PUT', 'policy', {}, { 'If-Match': '*' });
    expectProblem(replaces, 409, 'UNSUPPORTED');
    expect((await client.send('DELETE', '/api/v1/scope-maps/writers')).status).toBe(204);
    await send('DELETE', '/ci');
    await send('DELETE', '/cd');
    expect((await client.send('DELETE', '/api/v1/scope-maps/readers')).status).toBe(204);
  });
});
