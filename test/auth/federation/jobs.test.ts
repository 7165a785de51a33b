import { decodeJwt } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { App } from '../../../shared/http/app.ts';
import { accessOf, base, exchange, get, postForJson } from '../entra/clients.ts';
import { counted, type MovableClock, movableClock } from '../registry-tables.ts';
import { clearSettings, policyOf } from '../repository-tokens/settings.ts';
import { basic, signInApp, tokenUser } from '../sign-in-app.ts';
import { testTables } from '../test-tables.ts';
import {
  application,
  audience,
  githubClaims,
  gitlabClaims,
  kubernetesClaims,
  makeKey,
  publicHalf,
  signWith,
  startTestIssuer,
  type TestIssuer,
} from './test-issuer.ts';

const tables = testTables();
let github: TestIssuer;
let gitlab: TestIssuer;
let app: App;
let clock: MovableClock;
let clusterKey: Awaited<ReturnType<typeof makeKey>>;

/** An issuer inside a cluster, which nobody outside can reach. */
const cluster = 'https://kubernetes.default.svc.cluster.local';
const scope = 'scope=repository:team/app:pull,push';

beforeAll(async () => {
  [github, gitlab, clusterKey] = await Promise.all([
    startTestIssuer(),
    startTestIssuer('/gitlab', 'ES256'),
    makeKey(),
  ]);
});
afterAll(() => Promise.all([github.stop(), gitlab.stop()]));

const mayPush = [{ repositories: ['team/*'], actions: ['content/read', 'content/write'] }];

function rules(): object[] {
  return [
    {
      name: 'github-main',
      issuer: github.issuer,
      audience,
      claims: { repository: 'org/app', ref: ['refs/heads/main', 'refs/tags/v*'] },
      rules: mayPush,
    },
    {
      name: 'github-any-branch',
      issuer: github.issuer,
      audience,
      claims: { repository: 'org/*' },
      rules: [{ repositories: ['cache/*'], actions: ['content/read'] }],
    },
    {
      name: 'gitlab',
      issuer: gitlab.issuer,
      audience,
      claims: { project_path: 'my-group/*', groups_direct: 'release-engineers', runner_id: '1' },
      rules: mayPush,
    },
    {
      name: 'cluster',
      issuer: cluster,
      audience,
      claims: {
        '/kubernetes.io/namespace': 'apps',
        '/kubernetes.io/serviceaccount/name': 'builder',
      },
      rules: mayPush,
      jwks: { keys: [publicHalf(clusterKey)] },
    },
    {
      name: 'farm',
      issuer: github.issuer,
      audience,
      claims: { client_id: application.clientId },
      rules: [{ repositories: ['farm/*'], actions: ['content/read'] }],
    },
  ];
}

beforeEach(async () => {
  await clearSettings(tables);
  clock = movableClock();
  app = signInApp(tables, { clock, adminPassword: 'p' });
  await app.authority.policy.overwrite(policyOf({ federation: rules() }));
});

const granted = (name: string, ...actions: string[]) => ({ type: 'repository', name, actions });
const pullAndPush = [granted('team/app', 'pull', 'push')];

const jobs: [string, () => Promise<string>][] = [
  ['GitHub Actions', () => github.sign(githubClaims(github.issuer))],
  ['GitLab', () => gitlab.sign(gitlabClaims(gitlab.issuer))],
  ['Kubernetes', () => signWith(clusterKey, kubernetesClaims(cluster))],
];

describe.each(jobs)('the token of a job of %s', (_what, tokenOf) => {
  test.each(['x', 'admin', 'oauth2', tokenUser, crypto.randomUUID()])(
    'is a password for the user name %s',
    async (username) => {
      const token = await tokenOf();
      expect(accessOf(await get(app, scope, basic(username, token)))).toEqual(pullAndPush);
      expect(await base(app, basic(username, token))).toBe(200);
      const fields = { grant_type: 'password', username, password: token };
      const scoped = { ...fields, scope: 'repository:team/app:pull' };
      const answer = await postForJson(app, '/oauth2/token', scoped);
      expect(accessOf(answer)).toEqual([granted('team/app', 'pull')]);
    },
  );

  test('is exchanged for a refresh token of an hour, which is good for access tokens', async () => {
    const { refresh_token: refreshToken = '' } = await exchange(app, await tokenOf());
    const { exp = 0, iat = 0 } = decodeJwt(refreshToken);
    expect(exp - iat).toBe(3600);
    const asked = { grant_type: 'refresh_token', refresh_token: refreshToken };
    const answer = await postForJson(app, '/oauth2/token', {
      ...asked,
      scope: 'repository:team/app:pull,push repository:other/app:pull',
    });
    expect(accessOf(answer)).toEqual(pullAndPush);
    expect(await base(app, basic(tokenUser, refreshToken))).toBe(200);
  });

  test('is replaced at docker login by a refresh token of an hour', async () => {
    const token = await tokenOf();
    const login = `account=x&client_id=docker&offline_token=true`;
    const { refresh_token: refreshToken } = await get(app, login, basic('x', token));
    const { exp = 0, iat = 0 } = decodeJwt(String(refreshToken));
    expect(exp - iat).toBe(3600);
    clock.advance(3500);
    const fields = { grant_type: 'refresh_token', refresh_token: String(refreshToken) };
    const asked = { ...fields, access_type: 'offline', scope: 'repository:team/app:push' };
    const answer = await postForJson(app, '/oauth2/token', asked);
    expect(accessOf(answer)).toEqual([granted('team/app', 'push')]);
    // The same comes back, so that nobody goes on for ever.
    expect(answer['refresh_token']).toBe(refreshToken);
    clock.advance(200);
    await expect(postForJson(app, '/oauth2/token', asked)).rejects.toMatchObject({ status: 401 });
  });
});

describe('a token', () => {
  test('names issuer and subject in what is issued for it', async () => {
    const token = await github.sign(githubClaims(github.issuer));
    const answer = await get(app, scope, basic('x', token));
    const subject = `federation:${github.issuer}#repo:org/app:ref:refs/heads/main`;
    expect(decodeJwt(String(answer['access_token'])).sub).toBe(subject);
    const { refresh_token: refreshToken = '' } = await exchange(app, token);
    expect(decodeJwt(refreshToken)).toMatchObject({ sub: subject });
  });

  test('that several rules accept may do what any of them says', async () => {
    const token = await github.sign(githubClaims(github.issuer));
    const asked = 'scope=repository:team/app:push&scope=repository:cache/x:pull,push';
    expect(accessOf(await get(app, asked, basic('x', token)))).toEqual([
      granted('team/app', 'push'),
      granted('cache/x', 'pull'),
    ]);
    const changed = githubClaims(github.issuer, { ref: 'refs/heads/feature' });
    const ofBranch = await github.sign(changed);
    expect(accessOf(await get(app, asked, basic('x', ofBranch)))).toEqual([
      granted('cache/x', 'pull'),
    ]);
  });

  test('that the provider itself gave an application is taken', async () => {
    const response = await fetch(`${github.issuer}/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: application.clientId,
        client_secret: application.secret,
      }),
    });
    const { access_token: token }: { access_token?: unknown } = Object(await response.json());
    const answer = await get(app, 'scope=repository:farm/x:pull', basic('x', String(token)));
    expect(accessOf(answer)).toEqual([granted('farm/x', 'pull')]);
  });

  test.each(['RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES384', 'EdDSA'])(
    'signed with %s is taken',
    async (alg) => {
      const key = await makeKey(alg);
      const [rule] = rules();
      const federation = [{ ...rule, issuer: cluster, jwks: { keys: [publicHalf(key)] } }];
      await app.authority.policy.overwrite(policyOf({ federation }));
      const token = await signWith(key, githubClaims(cluster));
      expect(accessOf(await get(app, scope, basic('x', token)))).toEqual(pullAndPush);
    },
  );

  test('without kid is taken while its issuer has one key, and not when it has two', async () => {
    const token = await signWith(clusterKey, kubernetesClaims(cluster), { kid: undefined });
    expect(accessOf(await get(app, scope, basic('x', token)))).toEqual(pullAndPush);
    for (const alg of ['RS256', 'ES256']) {
      const keys = [publicHalf(clusterKey), publicHalf(await makeKey(alg))];
      const federation = rules().map((rule) =>
        'jwks' in rule ? { ...rule, jwks: { keys } } : rule,
      );
      await app.authority.policy.overwrite(policyOf({ federation }));
      await expect(base(app, basic('x', token))).rejects.toMatchObject({ status: 401 });
    }
    const named = await signWith(clusterKey, kubernetesClaims(cluster));
    expect(await base(app, basic('x', named))).toBe(200);
  });
});

describe('who was let in', () => {
  const refreshed = (refreshToken: string) =>
    postForJson(app, '/oauth2/token', {
      grant_type: 'refresh_token',
      refresh_token: refreshToken,
      scope: 'repository:team/app:pull,push',
    }).then(accessOf);
  const cases: [string, (rule: object) => object[]][] = [
    ['gone', () => []],
    ['for another issuer', (rule) => [{ ...rule, issuer: gitlab.issuer }]],
    ['for another audience', (rule) => [{ ...rule, audience: 'other' }]],
    ['for other claims', (rule) => [{ ...rule, claims: { repository: 'org/other' } }]],
    [
      'for fewer repositories',
      (rule) => [{ ...rule, rules: [{ repositories: ['x'], actions: ['content/read'] }] }],
    ],
  ];

  test.each(cases)('may do nothing once the rule is %s', async (_what, changed) => {
    const { refresh_token: token = '' } = await exchange(
      app,
      await github.sign(githubClaims(github.issuer)),
    );
    expect(await refreshed(token)).toEqual(pullAndPush);
    const [rule = {}] = rules();
    await app.authority.policy.overwrite(policyOf({ federation: changed(rule) }));
    expect(await refreshed(token)).toEqual([]);
  });

  test('may do what the rule says now', async () => {
    const token = await github.sign(githubClaims(github.issuer));
    const { refresh_token: refreshToken = '' } = await exchange(app, token);
    const [rule] = rules();
    const federation = [
      { ...rule, rules: [{ repositories: ['*'], actions: ['content/read', 'metadata/read'] }] },
    ];
    await app.authority.policy.overwrite(policyOf({ federation }));
    expect(await refreshed(refreshToken)).toEqual([granted('team/app', 'pull')]);
    const asked = { grant_type: 'refresh_token', refresh_token: refreshToken };
    const listed = await postForJson(app, '/oauth2/token', {
      ...asked,
      scope: 'registry:catalog:*',
    });
    expect(accessOf(listed)).toEqual([{ type: 'registry', name: 'catalog', actions: ['*'] }]);
  });

  test('gets no refresh token out of an access token', async () => {
    const token = await github.sign(githubClaims(github.issuer));
    const { access_token: access } = await get(app, scope, basic('x', token));
    const login = `${scope}&offline_token=true`;
    const answer = await get(app, login, basic(tokenUser, String(access)));
    expect(answer).not.toHaveProperty('refresh_token');
  });
});

test('a warm instance asks neither storage nor the issuer', async () => {
  const counting = counted(tables);
  app = signInApp(counting, { clock });
  const token = await github.sign(githubClaims(github.issuer));
  await get(app, scope, basic('x', token));
  const [asked, askedIssuer] = [counting.asked.length, github.asked.length];
  const another = await github.sign(githubClaims(github.issuer));
  await get(app, scope, basic('x', another));
  await exchange(app, another);
  expect(counting.asked).toHaveLength(asked);
  expect(github.asked).toHaveLength(askedIssuer);
});
