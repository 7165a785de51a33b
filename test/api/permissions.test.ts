import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EntraRegistry, owner, startEntraRegistry, stranger } from '../acr/entra-registry.ts';
import { resourceId } from '../auth/roles/judging.ts';
import { basic, Client, expectProblem } from '../http/client.ts';
import { jsonOf, sendJson } from './api-client.ts';

let registry: EntraRegistry;
let client: Client;

beforeAll(async () => {
  registry = await startEntraRegistry();
  client = new Client(registry.lighter.url);
  const rules = [{ repositories: ['team/*'], actions: ['content/read'] }];
  const policy = { anonymousPull: ['public/*'], scopeMaps: [{ name: 'readers', rules }] };
  const put = await sendJson(client, 'PUT', 'policy', policy, { 'If-Match': '*' });
  expect(put.status, put.body.toString()).toBe(200);
  await sendJson(client, 'PUT', 'tokens/ci', { scopeMap: 'readers' });
  await sendJson(client, 'POST', 'tokens/ci/passwords/password1', {});
});
afterAll(() => registry.stop());

interface Explanation {
  readonly allowed: boolean;
  readonly reasons: readonly { source: string; verdict: string; roleName?: string }[];
}

const ask = (query: Readonly<Record<string, string>>) =>
  client.send('GET', `/api/v1/permissions?${new URLSearchParams(query).toString()}`);
const explain = async (principal: string, action: string, repository?: string) => {
  const answer = await ask({ principal, action, ...(repository !== undefined && { repository }) });
  expect(answer.status, answer.body.toString()).toBe(200);
  return jsonOf<Explanation>(answer);
};

describe('permissions', () => {
  test('of a token are those of its scope map', async () => {
    expect(await explain('token:ci', 'pull', 'team/app')).toEqual({
      principal: 'token:ci',
      action: 'pull',
      repository: 'team/app',
      allowed: true,
      reasons: [
        { source: 'scope-map', token: 'ci', scopeMap: 'readers', verdict: 'grants' },
        { source: 'anonymous-pull', verdict: 'other-repositories' },
      ],
    });
    expect(await explain('token:ci', 'push', 'team/app')).toMatchObject({ allowed: false });
    expect(await explain('token:ci', 'pull', 'other/app')).toMatchObject({ allowed: false });
  });

  test('of a principal of Entra name the role and its scope', async () => {
    expect(await explain(owner, 'push', 'team/app')).toMatchObject({
      allowed: true,
      reasons: [
        { source: 'role-assignment', roleName: 'Owner', scope: resourceId, verdict: 'grants' },
        { source: 'anonymous-pull' },
      ],
    });
    expect(await explain(owner, 'manage_write')).toMatchObject({ allowed: true });
    expect(await explain(stranger, 'pull', 'team/app')).toMatchObject({
      allowed: false,
      reasons: [{ source: 'role-assignments', verdict: 'none' }, { verdict: 'other-repositories' }],
    });
  });

  test('of everybody are what is open to anonymous pull', async () => {
    expect(await explain('anonymous', 'pull', 'public/app')).toMatchObject({ allowed: true });
    expect(await explain('anonymous', 'push', 'public/app')).toMatchObject({ allowed: false });
    expect(await explain('admin', 'manage_delete')).toMatchObject({ allowed: true });
  });

  test.each([
    [{ action: 'pull' }, '/principal'],
    [{ principal: 'admin' }, '/action'],
    [{ principal: 'admin', action: 'fly' }, '/action'],
    [{ principal: 'nonsense', action: 'pull' }, '/principal'],
    [{ principal: 'token:', action: 'pull' }, '/principal'],
    [{ principal: 'admin', action: 'pull', repository: 'Upper' }, '/repository'],
  ])('%j is refused', async (query, at) => {
    const { detail } = expectProblem(await ask(query), 400, 'UNSUPPORTED');
    expect(detail).toMatchObject({ problems: [{ at }] });
  });

  test('a parameter that is given twice is refused', async () => {
    const twice = '/api/v1/permissions?principal=admin&action=pull&action=push';
    expectProblem(await client.send('GET', twice), 400, 'UNSUPPORTED');
  });

  test('are not answered while Azure Resource Manager is silent about roles', async () => {
    registry.arm.always = { status: 503 };
    const unknown = '99999999-2222-3333-4444-555555555555';
    const answer = await ask({ principal: unknown, action: 'pull', repository: 'team/app' });
    registry.arm.always = undefined;
    expectProblem(answer, 503, 'UNAVAILABLE');
  });
});

test('whoami of a user of Entra says the name, and which rights the roles give', async () => {
  const nullGuid = '00000000-0000-0000-0000-000000000000';
  const authorization = basic(nullGuid, await registry.tokenOf(owner));
  const user = new Client(registry.lighter.url, authorization);
  expect(jsonOf(await user.send('GET', '/api/v1/whoami'))).toMatchObject({
    subject: owner,
    kind: 'entra',
    displayName: expect.stringMatching(/./),
    permissions: {
      rules: expect.arrayContaining([
        {
          repositories: '*',
          actions: expect.arrayContaining(['pull', 'push']),
          conditional: false,
        },
      ]),
      catalog: true,
      management: ['read', 'write', 'delete'],
    },
  });
});
