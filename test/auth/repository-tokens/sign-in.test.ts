import { decodeJwt } from 'jose';
import { beforeEach, describe, expect, test } from 'vitest';
import type { App } from '../../../shared/http/app.ts';
import { accessOf, base, exchange, get, postForJson } from '../entra/clients.ts';
import { counted, movableClock } from '../registry-tables.ts';
import { basic, signInApp, tokenUser } from '../sign-in-app.ts';
import { testTables } from '../test-tables.ts';
import { clearSettings, policyOf } from './settings.ts';

const tables = testTables();
let app: App;
let password: string;

const scope = 'scope=repository:team/app:pull,push,delete';
const scopeMaps = [
  {
    name: 'Builds',
    rules: [
      { repositories: ['team/*', 'shared'], actions: ['content/read', 'content/write'] },
      { repositories: ['team/app'], actions: ['metadata/read'] },
    ],
  },
  { name: 'lists', rules: [{ repositories: ['*'], actions: ['metadata/read'] }] },
];

beforeEach(async () => {
  await clearSettings(tables);
  app = signInApp(tables, { adminPassword: 'p', anonymousPull: 'public/*' });
  await app.authority.policy.overwrite(policyOf({ scopeMaps }));
  await app.authority.repositoryTokens.put('CI', { scopeMap: 'builds', enabled: true });
  password = (await app.authority.repositoryTokens.generatePassword('CI', 'password1')) ?? '';
});

const granted = (name: string, ...actions: string[]) => ({ type: 'repository', name, actions });

describe('a repository token signs in', () => {
  test('with its name, in whatever case, and gets what its scope map says', async () => {
    for (const name of ['CI', 'ci', 'Ci']) {
      const answer = await get(app, scope, basic(name, password));
      expect(accessOf(answer)).toEqual([granted('team/app', 'pull', 'push')]);
      expect(decodeJwt(String(answer['access_token'])).sub).toBe('token:ci');
      expect(await base(app, basic(name, password))).toBe(200);
    }
    const fields = { grant_type: 'password', username: 'ci', password };
    const asked = { ...fields, scope: 'repository:shared:push repository:other:pull' };
    expect(accessOf(await postForJson(app, '/oauth2/token', asked))).toEqual([
      granted('shared', 'push'),
    ]);
  });

  test('and gets what is open to everybody, too', async () => {
    const answer = await get(app, 'scope=repository:public/x:pull,push', basic('ci', password));
    expect(accessOf(answer)).toEqual([granted('public/x', 'pull')]);
  });

  test('and never gets a refresh token, which docker would keep in place of the password', async () => {
    const login = `${scope}&account=ci&offline_token=true`;
    expect(await get(app, login, basic('ci', password))).not.toHaveProperty('refresh_token');
    const fields = { grant_type: 'password', username: 'ci', password, access_type: 'offline' };
    expect(await postForJson(app, '/oauth2/token', fields)).not.toHaveProperty('refresh_token');
    await expect(exchange(app, password)).rejects.toMatchObject({ status: 401 });
  });

  test('and lists the catalogue only with metadata/read on everything', async () => {
    const catalog = 'scope=registry:catalog:*';
    expect(accessOf(await get(app, catalog, basic('ci', password)))).toEqual([]);
    await app.authority.repositoryTokens.put('ci', { scopeMap: 'lists', enabled: true });
    expect(accessOf(await get(app, catalog, basic('ci', password)))).toEqual([
      { type: 'registry', name: 'catalog', actions: ['*'] },
    ]);
  });

  test('and manages nothing', async () => {
    const management = 'scope=registry:management:read,write,delete';
    expect(accessOf(await get(app, management, basic('ci', password)))).toEqual([]);
  });

  test('without rights when its scope map is gone', async () => {
    await app.authority.policy.overwrite(policyOf({}));
    expect(accessOf(await get(app, scope, basic('ci', password)))).toEqual([]);
  });
});

describe('nobody signs in', () => {
  const refused = { status: 401, errors: [{ code: 'UNAUTHORIZED' }] };

  test('with another password, name, or kind of user', async () => {
    const wrong = `${password.slice(0, -1)}${password.endsWith('A') ? 'B' : 'A'}`;
    for (const [name, offered] of [
      ['ci', wrong],
      ['ci', password.toUpperCase()],
      ['ci', ` ${password}`],
      ['ci', `${password} `],
      ['ci', ''],
      ['ci', 'p'],
      ['ci2', password],
      ['token:ci', password],
      ['', password],
      ['admin', password],
      [tokenUser, password],
      [crypto.randomUUID(), password],
    ] as const) {
      await expect(base(app, basic(name, offered))).rejects.toMatchObject(refused);
    }
  });

  test('with a token that is disabled or deleted', async () => {
    await app.authority.repositoryTokens.put('ci', { scopeMap: 'builds', enabled: false });
    await expect(base(app, basic('ci', password))).rejects.toMatchObject(refused);
    await app.authority.repositoryTokens.put('ci', { scopeMap: 'builds', enabled: true });
    expect(await base(app, basic('ci', password))).toBe(200);
    await app.authority.repositoryTokens.delete('ci');
    await expect(base(app, basic('ci', password))).rejects.toMatchObject(refused);
  });

  test('and is told no more of a token that exists than of one that does not', async () => {
    const answerTo = (name: string) =>
      get(app, scope, basic(name, `lighter_${'A'.repeat(43)}`)).catch((error: unknown) => {
        const { status, headers, errors } = Object(error);
        return { status, headers, errors };
      });
    expect(await answerTo('ci')).toEqual(await answerTo('nobody'));
  });
});

test('a refresh token that names a repository token gives what the token may do now', async () => {
  const identity = { kind: 'repository-token', name: 'ci' } as const;
  const { token } = await app.authority.tokens.issueRefresh(identity, 'registry.example.com');
  const fields = { grant_type: 'refresh_token', refresh_token: token };
  const asked = { ...fields, scope: 'repository:team/app:push' };
  expect(accessOf(await postForJson(app, '/oauth2/token', asked))).toEqual([
    granted('team/app', 'push'),
  ]);
  await app.authority.repositoryTokens.put('ci', { scopeMap: 'builds', enabled: false });
  expect(accessOf(await postForJson(app, '/oauth2/token', asked))).toEqual([]);
});

test('a warm instance issues tokens without asking storage anything', async () => {
  const clock = movableClock();
  const counting = counted(tables);
  app = signInApp(counting, { clock });
  await get(app, scope, basic('ci', password));
  const before = counting.asked.length;
  for (let again = 0; again < 5; again += 1) await get(app, scope, basic('ci', password));
  expect(counting.asked).toHaveLength(before);
});
