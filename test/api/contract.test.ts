import { describe, expect, test } from 'vitest';
import { type Answer, Client } from '../http/client.ts';
import { documentedStatuses, expectDocumented } from '../openapi/documented-answer.ts';
import { endpoints } from '../openapi/openapi-document.ts';
import { operations } from '../openapi/operations.ts';
import { jsonOf } from './api-client.ts';
import { contractRegistry, type Request, rule, rules, send } from './contract-registry.ts';

const registry = contractRegistry();

/** A request of the operation, to something that there is or at the path given. */
function request(operation: string, more: Request & { path?: string; client?: Client } = {}) {
  const [method = '', template = ''] = operation.split(' ');
  const name = template.includes('scope-maps') ? 'used' : 'ci';
  const path = template
    .replace('api/v1/', '')
    .replace('{name}', name)
    .replace('{slot}', 'password2');
  const { path: other = path, client = registry().admin, ...rest } = more;
  return send(client, method, other, rest);
}

/** For each operation, how the answers come about that are its own. */
const cases: Readonly<Record<string, Readonly<Record<number, () => Promise<Answer>>>>> = {
  ...plain('GET api/v1/openapi.json'),
  ...plain('GET api/v1/whoami'),
  ...plain('GET api/v1/policy'),
  ...plain('GET api/v1/scope-maps'),
  ...plain('GET api/v1/federation'),
  ...plain('GET api/v1/tokens'),
  ...plain('GET api/v1/health'),
  'PUT api/v1/policy': {
    200: async () => {
      const got = await request('GET api/v1/policy');
      return await request('PUT api/v1/policy', {
        value: jsonOf(got),
        headers: { 'If-Match': got.headers.get('ETag') ?? '' },
      });
    },
    409: () => request('PUT api/v1/policy', { value: {}, headers: { 'If-Match': '*' } }),
    412: () => request('PUT api/v1/policy', { value: {}, headers: { 'If-Match': '"old"' } }),
    428: () => request('PUT api/v1/policy', { value: {} }),
    ...wrongBodies('PUT api/v1/policy', { 'If-Match': '*' }),
  },
  'POST api/v1/policy/validate': {
    200: () => request('POST api/v1/policy/validate', { value: { typo: 1 } }),
    ...wrongBodies('POST api/v1/policy/validate'),
    400: () => request('POST api/v1/policy/validate', { text: '[]' }),
  },
  ...named('scope-maps', { rules }),
  'DELETE api/v1/scope-maps/{name}': {
    ...deletes('scope-maps', { rules }),
    409: () => request('DELETE api/v1/scope-maps/{name}'),
  },
  ...named('federation', rule),
  'DELETE api/v1/federation/{name}': deletes('federation', rule),
  ...named('tokens', { scopeMap: 'used' }),
  'DELETE api/v1/tokens/{name}': deletes('tokens', { scopeMap: 'used' }),
  'POST api/v1/tokens/{name}/passwords/{slot}': {
    200: () =>
      request('POST api/v1/tokens/{name}/passwords/{slot}', { value: { expiresInDays: 1 } }),
    404: () => send(registry().admin, 'POST', 'tokens/none/passwords/password1'),
    ...wrongBodies('POST api/v1/tokens/{name}/passwords/{slot}'),
  },
  'DELETE api/v1/tokens/{name}/passwords/{slot}': {
    204: () => request('DELETE api/v1/tokens/{name}/passwords/{slot}'),
    404: () => send(registry().admin, 'DELETE', 'tokens/none/passwords/password1'),
  },
  'GET api/v1/permissions': {
    200: () =>
      send(
        registry().admin,
        'GET',
        'permissions?principal=token:ci&action=pull&repository=team/app',
      ),
    400: () => send(registry().admin, 'GET', 'permissions?principal=token:ci&action=fly'),
  },
  // From the highest status down: there must have been no collection for the 404.
  'GET api/v1/gc': {
    404: () => request('GET api/v1/gc'),
    200: async () => {
      await request('POST api/v1/gc');
      return await request('GET api/v1/gc');
    },
  },
  'POST api/v1/gc': {
    200: () => request('POST api/v1/gc', { value: { dryRun: true } }),
    ...wrongBodies('POST api/v1/gc'),
  },
  'GET api/v1/storage-audit': {
    404: () => request('GET api/v1/storage-audit'),
    200: async () => {
      await request('POST api/v1/storage-audit');
      return await request('GET api/v1/storage-audit');
    },
  },
  'POST api/v1/storage-audit': {
    200: () => request('POST api/v1/storage-audit', { value: { dryRun: true } }),
    ...wrongBodies('POST api/v1/storage-audit'),
  },
  'POST api/v1/retention': {
    200: () => request('POST api/v1/retention', { value: { repository: 'team/app' } }),
    ...wrongBodies('POST api/v1/retention'),
  },
  'GET api/v1/retention/preview': {
    200: () => request('GET api/v1/retention/preview', { path: 'retention/preview' }),
    400: () =>
      request('GET api/v1/retention/preview', { path: 'retention/preview?repository=Bad' }),
  },
  'GET api/v1/usage': {
    200: () => request('GET api/v1/usage', { path: 'usage' }),
    400: () => request('GET api/v1/usage', { path: 'usage?n=x' }),
  },
  ...plain('POST api/v1/usage'),
  'GET api/v1/usage/{name}': {
    200: () => usageOf('counted/app'),
    400: () => request('GET api/v1/usage/{name}', { path: 'usage/Bad' }),
    404: () => request('GET api/v1/usage/{name}', { path: 'usage/team%2Fnowhere' }),
  },
  ...plain('GET api/v1/backups'),
  'POST api/v1/backups': {
    200: () => withBackups(() => request('POST api/v1/backups')),
    409: () => request('POST api/v1/backups'),
    ...wrongBodies('POST api/v1/backups'),
  },
  'POST api/v1/restore': {
    200: () => restoreIt({ existing: 'keep' }),
    404: () => request('POST api/v1/restore', { value: { backup: 'none' } }),
    409: () => restoreIt({}),
    ...wrongBodies('POST api/v1/restore'),
  },
  'POST api/v1/rebuild-index': {
    200: () => request('POST api/v1/rebuild-index', { value: { repository: 'rescue/blobs' } }),
    ...wrongBodies('POST api/v1/rebuild-index'),
  },
};

/** With the policy's section, for so long as it takes. */
async function withBackups(act: () => Promise<Answer>): Promise<Answer> {
  const put = async (value: object) => {
    const { headers } = await request('GET api/v1/policy');
    const match = { 'If-Match': headers.get('ETag') ?? '' };
    expect((await request('PUT api/v1/policy', { value, headers: match })).status).toBe(200);
  };
  const before = jsonOf<object>(await request('GET api/v1/policy'));
  await put({ ...before, backup: {} });
  const answer = await act();
  await put(before);
  return answer;
}

async function usageOf(repository: string): Promise<Answer> {
  await registry().admin.pushImage(repository, 'latest');
  await request('POST api/v1/usage');
  return await request('GET api/v1/usage/{name}', {
    path: `usage/${encodeURIComponent(repository)}`,
  });
}

async function restoreIt(options: object): Promise<Answer> {
  const taken = await withBackups(() => request('POST api/v1/backups'));
  const value = { backup: jsonOf<{ id: string }>(taken).id, ...options };
  // With a repository, the tables are not empty.
  await request('POST api/v1/rebuild-index', { value: { repository: 'rescue/blobs' } });
  return await request('POST api/v1/restore', { value });
}

function plain(operation: string) {
  return { [operation]: { 200: () => request(operation) } };
}

function wrongBodies(operation: string, headers: Readonly<Record<string, string>> = {}) {
  return {
    400: () => request(operation, { value: { typo: 1 }, headers }),
    413: () => request(operation, { value: { typo: 'x'.repeat(70_000) }, headers }),
    415: () =>
      request(operation, { value: {}, headers: { ...headers, 'Content-Type': 'text/plain' } }),
  };
}

function named(section: string, value: object) {
  const [get, put] = [`GET api/v1/${section}/{name}`, `PUT api/v1/${section}/{name}`];
  return {
    [get]: { 200: () => request(get), 404: () => request(get, { path: `${section}/none` }) },
    [put]: {
      200: () => request(put, { value }),
      201: () => request(put, { path: `${section}/new`, value }),
      412: () => request(put, { value, headers: { 'If-Match': '"old"' } }),
      ...wrongBodies(put),
    },
  };
}

function deletes(section: string, value: object) {
  const path = `${section}/short-lived`;
  const operation = `DELETE api/v1/${section}/{name}`;
  return {
    204: async () => {
      await send(registry().admin, 'PUT', path, { value });
      return await request(operation, { path });
    },
    404: () => request(operation, { path: `${section}/none` }),
    412: async () => {
      await send(registry().admin, 'PUT', path, { value });
      return await request(operation, { path, headers: { 'If-Match': '"old"' } });
    },
  };
}

/** Where the handler itself needs no storage, but the credential must be looked up. */
const asksNothing = ['GET api/v1/whoami', 'POST api/v1/policy/validate', 'GET api/v1/health'];

async function withoutStorage(operation: string): Promise<Answer> {
  const method = operation.split(' ', 1)[0] ?? '';
  const bodies: Readonly<Record<string, object>> = {
    'PUT api/v1/federation/{name}': rule,
    'PUT api/v1/scope-maps/{name}': { rules },
    'PUT api/v1/tokens/{name}': { scopeMap: 'used' },
    'POST api/v1/restore': { backup: '20260102T030405Z-0a1b2c3d' },
  };
  const isAdmin = !asksNothing.includes(operation);
  return await request(operation, {
    client: new Client(
      registry().failing.url,
      isAdmin ? undefined : registry().pullerAuthorization,
    ),
    ...(operation.includes('permissions') && {
      path: 'permissions?principal=token:ci&action=pull',
    }),
    ...((method === 'PUT' || /validate$|restore$/.test(operation)) && {
      value: bodies[operation] ?? {},
      headers: { 'If-Match': '*' },
    }),
  });
}

describe('every answer that the OpenAPI file has can be had, and is as it says', () => {
  test.each(Object.keys(operations))('%s', async (operation) => {
    const access = endpoints.find(({ key }) => key === operation)?.access ?? '';
    const anonymous = new Client(registry().lighter.url, '');
    const all = {
      ...cases[operation],
      ...(access !== 'open' && { 401: () => request(operation, { client: anonymous }) }),
      ...(access.startsWith('manage_') && {
        403: () => request(operation, { client: registry().puller }),
      }),
    };
    const statuses = documentedStatuses(operation).filter((status) => status !== 503);
    expect(Object.keys(all).map(Number).toSorted(ascending)).toEqual(statuses.toSorted(ascending));
    for (const [status, provoke] of Object.entries(all).toReversed()) {
      const answer = await provoke();
      expect(answer.status, `${status}: ${answer.body.toString()}`).toBe(Number(status));
      expectDocumented(operation, answer);
    }
  });

  test('503 while storage fails, with Retry-After', async () => {
    registry().proxy.inject({ fault: { kind: 'status', status: 500 }, times: Infinity });
    const answers = await Promise.all(
      endpoints
        .filter(({ access }) => access !== 'open')
        .map(async ({ key: operation }) => ({
          operation,
          answer: await withoutStorage(operation),
        })),
    );
    registry().proxy.clear();
    for (const { operation, answer } of answers) {
      expect(`${operation} ${answer.status}`).toBe(`${operation} 503`);
      expect(answer.headers.get('Retry-After')).toMatch(/^\d+$/);
      expectDocumented(operation, answer);
    }
  });
});

function ascending(one: number, other: number): number {
  return one - other;
}
