import { decodeJwt } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { App } from '../../../shared/http/app.ts';
import type { TableStore } from '../../../shared/ports/table-store.ts';
import {
  startTestManagedIdentity,
  type TestManagedIdentity,
} from '../../harness/managed-identity.ts';
import { exchange, get } from '../entra/clients.ts';
import {
  registryAudience,
  startTestEntra,
  type TestEntra,
  userClaims,
} from '../entra/test-entra.ts';
import { counted, movableClock } from '../registry-tables.ts';
import {
  type AppOptions,
  ask,
  basic,
  Refused,
  request,
  signInApp,
  tokenUser,
} from '../sign-in-app.ts';
import { testTables } from '../test-tables.ts';
import { startTestArm, type TestArm, type TestAssignment } from './arm-stand-in.ts';
import { builtInRoles } from './azure-roles.ts';
import { repository, resourceGroup, resourceId } from './judging.ts';

const ada = '0c5f5a0d-6a3e-4c1b-8c60-33f1c9a7d001';
const name = '@Request[Microsoft.ContainerRegistry/registries/repositories:name]';

const tables = testTables();
let identity: TestManagedIdentity;
let entra: TestEntra;
let arm: TestArm;

beforeAll(async () => {
  identity = await startTestManagedIdentity();
  [entra, arm] = await Promise.all([startTestEntra(), startTestArm(resourceId, builtInRoles)]);
});
afterAll(() => Promise.all([entra.stop(), arm.stop(), identity.stop()]));
beforeEach(() => {
  arm.always = undefined;
  arm.faults.length = 0;
  arm.asked.length = 0;
});

function appWith(options: AppOptions = {}, store: TableStore = tables): App {
  const roles = { LIGHTER_RESOURCE_ID: resourceId, LIGHTER_ARM_ENDPOINT: arm.endpoint };
  return signInApp(store, { ...options, entra: { ...entra.settings, ...roles } });
}

function has(...assignments: readonly TestAssignment[]): void {
  arm.assignments.set(ada, assignments);
}

/** As `az acr login` does: an Entra token for a refresh token, which is then docker's password. */
async function login(app: App): Promise<string> {
  const token = await entra.sign(userClaims({ oid: ada, aud: registryAudience }));
  const { refresh_token: refreshToken = '' } = await exchange(app, token);
  return basic(tokenUser, refreshToken);
}

/** The claims of the token that the scopes come to. */
async function claimsOf(app: App, authorization: string, ...scopes: string[]) {
  const query = scopes.map((scope) => `scope=${encodeURIComponent(scope)}`).join('&');
  const { access_token: token } = await get(app, query, authorization);
  return decodeJwt(String(token));
}

async function accessFor(app: App, ...scopes: string[]): Promise<unknown> {
  return (await claimsOf(app, await login(app), ...scopes))['access'];
}

const scopeOf = (where: string, ...actions: string[]) => ({
  type: 'repository',
  name: where,
  actions,
});

describe('who signs in with Entra', () => {
  test('may do what the roles of the registry say, groups’ roles included', async () => {
    has({ scope: resourceId, role: 'AcrPull' });
    const access = await accessFor(appWith(), 'repository:team/app:pull,push,delete');
    expect(access).toEqual([scopeOf('team/app', 'pull')]);
  });

  test('has the rights of all roles together', async () => {
    has({ scope: '/', role: 'AcrPush' }, { scope: resourceGroup, role: 'AcrDelete' });
    const access = await accessFor(
      appWith(),
      'repository:a:pull,push,delete',
      'registry:catalog:*',
    );
    expect(access).toEqual([
      { type: 'registry', name: 'catalog', actions: ['*'] },
      scopeOf('a', 'pull', 'push', 'delete'),
    ]);
  });

  test('gets nothing for being Contributor or Owner of a sibling, or of what lies below', async () => {
    has(
      { scope: `${resourceGroup}/providers/Microsoft.Web/sites/other`, role: 'Contributor' },
      { scope: `${resourceGroup}/providers/Microsoft.Web/sites/lighter2`, role: 'Owner' },
      { scope: `${resourceId}/slots/staging`, role: 'Owner' },
    );
    const app = appWith();
    expect(await accessFor(app, 'repository:a:*', 'registry:catalog:*')).toEqual([]);
    expect(arm.asked.filter((each) => each.includes('roleDefinitions'))).toEqual([]);
  });

  test('gets nothing without a role, or by a role that does not exist any more', async () => {
    has();
    expect(await accessFor(appWith(), 'repository:a:pull')).toEqual([]);
    has({ scope: resourceId, role: '11111111-2222-4333-8444-555555555555' });
    expect(await accessFor(appWith(), 'repository:a:pull')).toEqual([]);
  });

  test('may pull what everybody may, besides', async () => {
    has({ scope: resourceId, role: 'AcrDelete' });
    const app = appWith({ anonymousPull: 'public/*' });
    const access = await accessFor(app, 'repository:public/a:pull,delete', 'repository:b:pull');
    expect(access).toEqual([scopeOf('public/a', 'pull', 'delete')]);
  });

  test('who may sign and asks to push gets the right to sign', async () => {
    has({ scope: resourceId, role: 'AcrImageSigner' }, { scope: resourceId, role: 'AcrPull' });
    expect(await accessFor(appWith(), 'repository:a:pull,push')).toEqual([
      scopeOf('a', 'pull', 'sign'),
    ]);
    has({ scope: resourceId, role: 'AcrPush' });
    expect(await accessFor(appWith(), 'repository:a:pull,push')).toEqual([
      scopeOf('a', 'pull', 'push'),
    ]);
  });
});

describe('a role under a condition', () => {
  const reader = 'Container Registry Repository Reader';

  test('gives tokens for the repositories it selects, by name and by pattern', async () => {
    const condition = `${name} StringStartsWith 'team/' OR ${name} StringEquals 'shared'`;
    has({ scope: resourceId, role: reader, condition });
    const app = appWith();
    const asked = ['team/app', 'shared', 'other', 'team'].map((each) => `repository:${each}:pull`);
    expect(await accessFor(app, ...asked)).toEqual([
      scopeOf('team/app', 'pull'),
      scopeOf('shared', 'pull'),
    ]);
    expect(await accessFor(app, 'registry:catalog:* repository:*:*')).toEqual([
      scopeOf('team/*', 'pull', 'metadata_read'),
      scopeOf('shared', 'pull', 'metadata_read'),
    ]);
  });

  test('that patterns cannot say gives tokens by name only, and mounts only by name', async () => {
    const condition = `${name} StringNotLike '*secret*'`;
    has({ scope: resourceId, role: reader, condition }, { scope: resourceId, role: 'AcrDelete' });
    const app = appWith();
    expect(await accessFor(app, 'repository:a:pull', 'repository:a-secret:pull')).toEqual([
      scopeOf('a', 'pull'),
    ]);
    expect(await accessFor(app, 'repository:*:pull')).toEqual([]);
  });

  test('says in a token for a push where it may mount from only what is certain', async () => {
    has(
      { scope: resourceId, role: 'AcrPush', condition: `${name} StringStartsWith 'team/'` },
      { scope: resourceId, role: reader, condition: `${name} StringNotLike '*secret*'` },
    );
    const app = appWith();
    const claims = await claimsOf(app, await login(app), 'repository:team/app:pull,push');
    expect(claims['mount_from']).toEqual(['team/*']);
  });

  test('that is not understood gives nothing, and the explanation says so', async () => {
    const condition = '@Environment[isPrivateLink] BoolEquals true';
    has({ scope: resourceId, role: 'Owner', condition });
    const app = appWith();
    expect(await accessFor(app, 'repository:a:pull', 'registry:catalog:*')).toEqual([]);
    const explained = await app.authority.roles?.explain(ada, 'pull', repository('a'));
    expect(explained).toMatchObject({
      allowed: false,
      assignments: [{ verdict: 'condition-not-understood', problem: `it depends on ${condition}` }],
    });
  });
});

test('an explanation says of every assignment what it comes to', async () => {
  has(
    { scope: resourceId, role: 'AcrPull', condition: `${name} StringEquals 'a'` },
    { scope: `${resourceId}/slots/x`, role: 'Owner' },
    { scope: resourceGroup, role: 'AcrDelete' },
    { scope: resourceId, role: '11111111-2222-4333-8444-555555555555' },
    { scope: resourceId, role: 'Owner', condition: `${name} Says 'a' AND OR` },
  );
  const { roles } = appWith().authority;
  const verdicts = async (...asked: Parameters<NonNullable<typeof roles>['explain']>) => {
    const { allowed, assignments } = (await roles?.explain(...asked)) ?? { assignments: [] };
    return [allowed, ...assignments.map(({ verdict }) => verdict)];
  };
  const others = ['other-scope', 'role-lacks-right', 'unknown-role', 'condition-not-understood'];
  expect(await verdicts(ada, 'pull', repository('a'))).toEqual([true, 'grants', ...others]);
  expect(await verdicts(ada, 'pull', repository('b'))).toEqual([
    false,
    'condition-false',
    ...others,
  ]);
  const onRegistry = await roles?.explain(ada, 'catalog', undefined);
  expect(onRegistry?.assignments[0]).toMatchObject({
    roleName: 'AcrPull',
    scope: resourceId,
    condition: `${name} StringEquals 'a'`,
    verdict: 'condition-not-understood',
    problem: 'the condition is about a repository, and this right is not',
  });
});

describe('while Azure Resource Manager', () => {
  const scopes = 'repository:public/a:pull';

  async function refusal(attempt: Promise<unknown>): Promise<Refused> {
    const outcome: unknown = await attempt.catch((error: unknown) => error);
    if (!(outcome instanceof Refused)) throw new Error('was not refused');
    return outcome;
  }

  test.each([
    ['throttles', { status: 429, headers: { 'retry-after': '17' } }, '17'],
    ['refuses the app', { status: 403 }, '5'],
    ['answers nonsense', { status: 200, body: '{"value":"all"}' }, '5'],
  ] as const)('%s, who is not known hears 503 and when to come back', async (_, fault, seconds) => {
    has({ scope: resourceId, role: 'Owner' });
    const app = appWith({ anonymousPull: 'public/*' });
    const authorization = await login(app);
    arm.always = fault;
    const error = await refusal(claimsOf(app, authorization, scopes));
    expect([error.status, error.headers['Retry-After']]).toEqual([503, seconds]);
    const direct = request('GET', '/v2/', { Authorization: authorization });
    expect((await refusal(ask(app, direct))).status).toBe(503);
  });

  test('is down, who is known goes on for an hour and no longer', async () => {
    has({ scope: resourceId, role: 'AcrPull' });
    const clock = movableClock();
    const app = appWith({ clock });
    expect(await accessFor(app, 'repository:a:pull')).toEqual([scopeOf('a', 'pull')]);
    const authorization = await login(app);
    arm.always = { status: 403 };
    clock.advance(59 * 60);
    const late = await claimsOf(app, authorization, 'repository:a:pull');
    expect(late['access']).toEqual([scopeOf('a', 'pull')]);
    clock.advance(2 * 60);
    expect((await refusal(claimsOf(app, authorization, 'repository:a:pull'))).status).toBe(503);
  });

  test('is down, anonymous and the admin account sign in as ever', async () => {
    arm.always = 'cut';
    const app = appWith({ anonymousPull: 'public/*', adminPassword: 'secret' });
    const { access } = await claimsOf(app, basic('admin', 'secret'), 'repository:a:push');
    expect(access).toEqual([scopeOf('a', 'push')]);
    const anonymous = request('GET', `/oauth2/token?service=x&scope=${scopes}`);
    expect((await ask(app, anonymous)).status).toBe(200);
    expect(arm.asked).toEqual([]);
  });
});

test('a role that is taken away or given counts after five minutes at the latest', async () => {
  has({ scope: resourceId, role: 'AcrPush' });
  const clock = movableClock();
  const app = appWith({ clock });
  const authorization = await login(app);
  const access = async () => (await claimsOf(app, authorization, 'repository:a:push'))['access'];
  expect(await access()).toEqual([scopeOf('a', 'push')]);
  has();
  clock.advance(299);
  expect(await access()).toEqual([scopeOf('a', 'push')]);
  clock.advance(2);
  expect(await access()).toEqual([]);
});

test('a principal that is known costs neither a storage operation nor a request to Azure', async () => {
  has({ scope: resourceId, role: 'AcrPush' });
  const store = counted(tables);
  const app = appWith({}, store);
  const authorization = await login(app);
  await claimsOf(app, authorization, 'repository:a:push');
  [store.asked.length, arm.asked.length] = [0, 0];
  await claimsOf(app, authorization, 'repository:b:push');
  await ask(app, request('GET', '/v2/', { Authorization: authorization }));
  expect([store.asked, arm.asked]).toEqual([[], []]);
});
