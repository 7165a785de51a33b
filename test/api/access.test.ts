import { beforeAll, describe, expect, test } from 'vitest';
import { managementActions } from '../../shared/auth/permissions.ts';
import { clientWithAccess } from '../http/access-token.ts';
import { basic, Client, expectProblem, header } from '../http/client.ts';
import { registryOfFile } from '../http/registry.ts';
import { endpoints } from '../openapi/openapi-document.ts';
import { clientWithManagement, jsonOf, sendJson } from './api-client.ts';

const registry = registryOfFile({ LIGHTER_ANONYMOUS_PULL: 'public/*' });
const managed = endpoints.filter(({ access }) => access.startsWith('manage_'));
const rules = [
  { repositories: ['*'], actions: ['content/read', 'content/write', 'metadata/read'] },
];
let passwordOfToken = '';

beforeAll(async () => {
  const { client } = registry();
  await sendJson(client, 'PUT', 'scope-maps/all', { rules });
  await sendJson(client, 'PUT', 'tokens/ci', { scopeMap: 'all' });
  const made = await sendJson(client, 'POST', 'tokens/ci/passwords/password1', {});
  passwordOfToken = jsonOf<{ password: string }>(made).password;
});

/** Sends what any endpoint would refuse for its content, so that nothing changes. */
const ask = (client: Client, { method, template }: (typeof endpoints)[number]) => {
  const path = template.replace('{name}', 'none').replace('{slot}', 'password1');
  return client.send(method, `/${path}`, ['GET', 'HEAD'].includes(method) ? {} : { body: 'x' });
};

describe.each(managed)('$key', (endpoint) => {
  const needed = endpoint.access.replace('manage_', '');

  test(`is for who has registry:management:${needed}`, async () => {
    for (const action of managementActions) {
      const answer = await ask(await clientWithManagement(registry(), action), endpoint);
      if (action === needed) {
        expect([401, 403]).not.toContain(answer.status);
        continue;
      }
      expectProblem(answer, 401, 'UNAUTHORIZED');
      expect(header(answer, 'WWW-Authenticate')).toMatch(
        new RegExp(`scope="registry:management:${needed}",error="insufficient_scope"$`),
      );
    }
  });

  test('is not for who may only pull and push, nor for anybody', async () => {
    const { lighter, anonymous } = registry();
    const puller = await clientWithAccess(registry(), { '*': ['pull', 'push', 'delete'] });
    expectProblem(await ask(puller, endpoint), 401, 'UNAUTHORIZED');
    expectProblem(await ask(anonymous, endpoint), 401, 'UNAUTHORIZED');
    const token = new Client(lighter.url, basic('ci', passwordOfToken));
    expectProblem(await ask(token, endpoint), 403, 'DENIED');
    const wrong = new Client(lighter.url, basic('ci', 'wrong'));
    expectProblem(await ask(wrong, endpoint), 401, 'UNAUTHORIZED');
  });
});

describe.each(endpoints.filter(({ method }) => method === 'GET'))(
  'HEAD of $template',
  (endpoint) => {
    const head = { ...endpoint, method: 'HEAD' };

    test('answers as GET, without the body', async () => {
      const { client } = registry();
      const [got, heard] = [await ask(client, endpoint), await ask(client, head)];
      expect(heard.status).toBe(got.status);
      expect(heard.body).toHaveLength(0);
      for (const name of ['Content-Type', 'ETag', 'Cache-Control']) {
        expect(heard.headers.get(name), name).toBe(got.headers.get(name));
      }
      expect(heard.headers.get('Content-Length')).toMatch(/^[1-9]\d*$/);
    });

    test('is for those alone who may GET it', async () => {
      const { anonymous } = registry();
      const [got, heard] = [await ask(anonymous, endpoint), await ask(anonymous, head)];
      expect(heard.status).toBe(got.status);
      const challenge = 'WWW-Authenticate';
      expect(heard.headers.get(challenge)).toBe(got.headers.get(challenge));
      if (endpoint.access.startsWith('manage_')) expect(heard.status).toBe(401);
    });
  },
);

describe('a token of the scope registry:management:*', () => {
  const tokenFor = async (authorization: string) => {
    const { lighter } = registry();
    const query = `service=${lighter.host}&scope=registry:management:*`;
    const answer = await new Client(lighter.url, authorization).send(
      'GET',
      `/oauth2/token?${query}`,
    );
    const { access_token: token }: { access_token: string } = jsonOf(answer);
    return new Client(lighter.url, `Bearer ${token}`);
  };

  test('lets the admin account do everything here', async () => {
    const client = await tokenFor(basic('admin', 'test-admin-password'));
    expect(jsonOf(await client.send('GET', '/api/v1/whoami'))).toMatchObject({
      subject: 'admin',
      permissions: { rules: [], management: ['read', 'write', 'delete'] },
    });
    expect((await client.send('GET', '/api/v1/tokens')).status).toBe(200);
    expect((await sendJson(client, 'PUT', 'scope-maps/x', { rules })).status).toBe(201);
    expect((await client.send('DELETE', '/api/v1/scope-maps/x')).status).toBe(204);
  });

  test('is empty for a repository token', async () => {
    const client = await tokenFor(basic('ci', passwordOfToken));
    expect(jsonOf(await client.send('GET', '/api/v1/whoami'))).toMatchObject({
      subject: 'token:ci',
      kind: 'repository-token',
      permissions: { rules: [], management: [] },
    });
    expectProblem(await client.send('GET', '/api/v1/tokens'), 401, 'UNAUTHORIZED');
  });
});

test('methods that a route lacks are named, and paths beside the routes are none', async () => {
  const { client } = registry();
  const answer = await client.send('PATCH', '/api/v1/policy');
  expectProblem(answer, 405, 'UNSUPPORTED');
  expect(header(answer, 'Allow')).toBe('GET, HEAD, PUT');
  for (const path of ['policy/', 'tokens/', 'tokens/a/b', 'scope-maps/a/b', 'none', '']) {
    expectProblem(await client.send('GET', `/api/v1/${path}`), 404, 'UNSUPPORTED');
  }
});
