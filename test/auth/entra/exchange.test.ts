import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { App } from '../../../shared/http/app.ts';
import { counted, movableClock } from '../registry-tables.ts';
import {
  type AppOptions,
  ask,
  basic,
  bearer,
  host,
  origin,
  Refused,
  request,
  signInApp,
  tokenUser,
} from '../sign-in-app.ts';
import { testTables } from '../test-tables.ts';
import { accessOf, base, exchange, get, post, postForJson } from './clients.ts';
import {
  applicationClaims,
  azureCli,
  registryAudience,
  startTestEntra,
  tenantId,
  type TestEntra,
  userClaims,
} from './test-entra.ts';

const ada = '0c5f5a0d-6a3e-4c1b-8c60-33f1c9a7d001';
const kubelet = {
  clientId: 'b7d1e2f3-0000-4000-8000-00000000aaaa',
  objectId: 'd3a1e2f3-0000-4000-8000-00000000bbbb',
};
const ownAppId = 'a9c3f1de-1111-4222-8333-444455556666';
const armAudiences = [
  'https://management.azure.com',
  'https://management.azure.com/',
  'https://management.core.windows.net',
  'https://management.core.windows.net/',
];
const scope = 'repository:public/app:pull';
const granted = [{ type: 'repository', name: 'public/app', actions: ['pull'] }];

const tables = testTables();
let entra: TestEntra;
let app: App;

beforeAll(async () => {
  entra = await startTestEntra();
  app = appWith();
});
afterAll(() => entra.stop());

function appWith(options: AppOptions = {}, settings: Record<string, string> = {}): App {
  return signInApp(tables, {
    anonymousPull: 'public/*',
    ...options,
    entra: { ...entra.settings, ...settings },
  });
}
const acceptingArm = () => appWith({}, { LIGHTER_ACCEPT_ARM_TOKENS: '1' });

describe('POST /oauth2/exchange', () => {
  test('answers a refresh token and nothing else, never to be cached', async () => {
    const fields = {
      grant_type: 'access_token',
      service: host,
      access_token: await entra.sign(userClaims()),
    };
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
    const body = new URLSearchParams(fields).toString();
    const answer = await ask(app, request('POST', '/oauth2/exchange', headers, body));
    expect(answer.headers).toMatchObject({
      'Content-Type': 'application/json',
      'Cache-Control': 'no-store',
    });
    expect(answer.body).toMatch(/^\{"refresh_token":"[\w-]+\.[\w-]+\.[\w-]+"\}$/);
  });

  test('gives the claims of an ACR refresh token, for three hours', async () => {
    const { refresh_token } = await exchange(app, await entra.sign(userClaims()));
    const claims = decodeJwt(String(refresh_token));
    expect(claims).toEqual({
      jti: expect.any(String),
      sub: ada,
      nbf: expect.any(Number),
      exp: expect.any(Number),
      iat: expect.any(Number),
      iss: 'Lighter',
      aud: host,
      version: '1.0',
      grant_type: 'refresh_token',
      tenant: tenantId,
      roles: [],
      identity: { kind: 'entra', tenantId, objectId: ada, name: 'ada@example.com' },
    });
    expect(Number(claims.exp) - Number(claims.nbf)).toBe(3 * 3600);
  });

  test('knows an application, a managed identity too, by its client id', async () => {
    const token = await entra.sign(applicationClaims(registryAudience, kubelet));
    const { refresh_token } = await exchange(app, token);
    expect(decodeJwt(String(refresh_token))).toMatchObject({
      sub: kubelet.objectId,
      identity: { kind: 'entra', tenantId, objectId: kubelet.objectId, appId: kubelet.clientId },
    });
  });

  test('takes tokens of version 2.0', async () => {
    const claims = userClaims({
      appid: undefined,
      upn: undefined,
      unique_name: undefined,
      iss: entra.issuerV2,
      ver: '2.0',
      azp: azureCli,
      preferred_username: 'ada@example.com',
    });
    const { refresh_token } = await exchange(app, await entra.sign(claims));
    expect(decodeJwt(String(refresh_token))).toMatchObject({
      sub: ada,
      identity: { name: 'ada@example.com' },
    });
  });

  test.each([registryAudience, `${registryAudience}/`])('takes the audience %s', async (aud) => {
    const token = await entra.sign(userClaims({ aud }));
    expect(await exchange(app, token)).toHaveProperty('refresh_token');
  });

  test.each(armAudiences)('takes the audience %s only where that is switched on', async (aud) => {
    const token = await entra.sign(userClaims({ aud }));
    await expect(exchange(app, token)).rejects.toMatchObject({
      status: 401,
      errors: [
        {
          code: 'UNAUTHORIZED',
          message: 'the Entra token is refused: it was made for another audience',
        },
      ],
    });
    expect(await exchange(acceptingArm(), token)).toHaveProperty('refresh_token');
  });

  test.each([ownAppId, `api://${ownAppId}`])(
    'takes the audience %s only of its own app registration',
    async (aud) => {
      const token = await entra.sign(userClaims({ aud }));
      await expect(exchange(app, token)).rejects.toMatchObject({ status: 401 });
      const own = appWith({}, { LIGHTER_ENTRA_APP_ID: ownAppId.toUpperCase() });
      expect(await exchange(own, token)).toHaveProperty('refresh_token');
    },
  );

  test.each(['', tenantId, 'example.onmicrosoft.com'])('takes the tenant "%s"', async (tenant) => {
    const token = await entra.sign(userClaims());
    expect(await exchange(app, token, { tenant })).toHaveProperty('refresh_token');
  });

  test('takes an access token in the field of the deprecated grant refresh_token', async () => {
    const refresh_token = await entra.sign(userClaims());
    const fields = { grant_type: 'refresh_token', service: host, refresh_token };
    expect(await post(app, '/oauth2/exchange', fields)).toHaveProperty('refresh_token');
  });

  test('is refused with its reason where Entra is not set up', async () => {
    const off = signInApp(tables, { adminPassword: 'x' });
    await expect(exchange(off, await entra.sign(userClaims()))).rejects.toMatchObject({
      status: 401,
      headers: { 'WWW-Authenticate': expect.stringContaining('Bearer realm=') },
      errors: [{ message: expect.stringContaining('LIGHTER_TENANT_ID') }],
    });
  });

  test('allows a minute between the clocks, and no more', async () => {
    const clock = movableClock();
    const on = appWith({ clock });
    const now = Math.floor(Date.now() / 1000);
    const early = await entra.sign(userClaims({ nbf: now + 50 }));
    const late = await entra.sign(userClaims({ exp: now - 50 }));
    expect(await exchange(on, early)).toHaveProperty('refresh_token');
    expect(await exchange(on, late)).toHaveProperty('refresh_token');
    clock.advance(20);
    await expect(exchange(on, late)).rejects.toMatchObject({
      errors: [{ message: 'the Entra token is refused: it has ended' }],
    });
    clock.advance(-50);
    await expect(exchange(on, early)).rejects.toMatchObject({
      errors: [{ message: 'the Entra token is refused: it is not valid yet' }],
    });
  });
});

describe('clients, as they send it', () => {
  test('az acr login, then docker: GET /v2/, exchange, docker login with the refresh token', async () => {
    const refused = await ask(app, request('GET', '/v2/')).catch((error: unknown) => error);
    if (!(refused instanceof Refused)) throw new Error('the ping was let in');
    const challenge = refused.headers['WWW-Authenticate'] ?? '';
    // As the Azure CLI takes it apart.
    const parameters = Object.fromEntries(
      (challenge.split(' ')[1] ?? '').split(',').map((pair) => pair.split('=')),
    );
    expect(parameters).toEqual({ realm: `"${origin}/oauth2/token"`, service: `"${host}"` });

    const access_token = await entra.sign(userClaims());
    const { refresh_token = '' } = await post(app, '/oauth2/exchange', {
      grant_type: 'access_token',
      service: host,
      tenant: tenantId,
      access_token,
    });

    const login = await get(
      app,
      `account=${tokenUser}&client_id=docker&offline_token=true`,
      basic(tokenUser, refresh_token),
    );
    expect(login['refresh_token']).toBe(refresh_token);
    expect(await base(app, bearer(String(login['access_token'])))).toBe(200);

    // docker keeps it as its identity token.
    const pull = await postForJson(app, '/oauth2/token', {
      grant_type: 'refresh_token',
      service: host,
      client_id: 'docker',
      scope,
      refresh_token,
    });
    expect(pull).toMatchObject({ expires_in: 4500, scope });
    expect(accessOf(pull)).toEqual(granted);
  });

  test('az acr repository: an access token for the refresh token, by POST', async () => {
    const { refresh_token = '' } = await exchange(app, await entra.sign(userClaims()));
    const fields = { grant_type: 'refresh_token', service: host, scope, refresh_token };
    const answer = await post(app, '/oauth2/token', fields);
    expect(Object.keys(answer)).toEqual(['access_token']);
    expect(decodeJwt(String(answer['access_token'])).sub).toBe(ada);
  });

  test("AKS acr-credential-provider: the kubelet's token in both fields, then containerd", async () => {
    const token = await entra.sign(applicationClaims(registryAudience, kubelet));
    const { refresh_token = '' } = await post(app, '/oauth2/exchange', {
      service: host,
      grant_type: 'access_token_refresh_token',
      access_token: token,
      refresh_token: token,
      tenant: tenantId,
    });
    const answer = await postForJson(app, '/oauth2/token', {
      client_id: 'containerd-client',
      grant_type: 'password',
      service: host,
      scope,
      username: tokenUser,
      password: refresh_token,
    });
    expect(answer).toMatchObject({ expires_in: 4500, scope });
    expect(decodeJwt(String(answer['access_token'])).sub).toBe(kubelet.objectId);
  });

  test('msi-acrpull: an ARM token, no tenant, a scoped access token as the pull secret', async () => {
    const on = acceptingArm();
    const aud = 'https://management.core.windows.net/';
    const arm = await entra.sign(applicationClaims(aud, kubelet));
    const { refresh_token = '' } = await post(on, '/oauth2/exchange', {
      grant_type: 'access_token',
      service: host,
      access_token: arm,
    });
    const { access_token = '' } = await post(on, '/oauth2/token', {
      grant_type: 'refresh_token',
      service: host,
      refresh_token,
      scope: 'repository:public/app:pull repository:public/other:pull',
    });
    expect(decodeJwt(access_token).exp).toEqual(expect.any(Number));
    const pulled = await postForJson(on, '/oauth2/token', {
      client_id: 'containerd-client',
      grant_type: 'password',
      service: host,
      scope,
      username: tokenUser,
      password: access_token,
    });
    expect(accessOf(pulled)).toEqual(granted);
  });

  test('External Secrets ACRAccessToken: an ARM token, an empty tenant, strings only', async () => {
    const on = acceptingArm();
    const arm = await entra.sign(applicationClaims('https://management.azure.com', kubelet));
    const { refresh_token = '' } = await exchange(on, arm, { tenant: '' });
    const answer = await post(on, '/oauth2/token', {
      grant_type: 'refresh_token',
      service: host,
      scope,
      refresh_token,
    });
    expect(Object.keys(answer)).toEqual(['access_token']);
  });

  test('Flux: an ARM token, no tenant, and the end of the refresh token read from it', async () => {
    const arm = await entra.sign(applicationClaims('https://management.azure.com', kubelet));
    const { refresh_token = '' } = await exchange(acceptingArm(), arm);
    const { exp = 0 } = decodeJwt(refresh_token);
    expect(exp).toBeGreaterThan(Date.now() / 1000 + 3 * 3600 - 60);
  });

  test('a refresh token opens /v2/ as the password of Basic, and is what acr sends', async () => {
    const { refresh_token = '' } = await exchange(app, await entra.sign(userClaims()));
    expect(await base(app, basic(tokenUser, refresh_token))).toBe(200);
  });
});

describe('an Entra token as the password of the null-GUID user', () => {
  test('gives access tokens that end when it does, and no refresh token', async () => {
    const now = Math.floor(Date.now() / 1000);
    const token = await entra.sign(userClaims({ exp: now + 600 }));
    const answer = await get(app, `scope=${scope}&offline_token=true`, basic(tokenUser, token));
    expect(answer).not.toHaveProperty('refresh_token');
    expect(answer['expires_in']).toBeLessThanOrEqual(600);
    expect(decodeJwt(String(answer['access_token']))).toMatchObject({
      sub: ada,
      access: granted,
    });
    expect(await base(app, bearer(String(answer['access_token'])))).toBe(200);
  });

  test('opens /v2/ directly', async () => {
    expect(await base(app, basic(tokenUser, await entra.sign(userClaims())))).toBe(200);
  });

  test('of another audience is refused, and where Entra is off', async () => {
    const arm = await entra.sign(userClaims({ aud: armAudiences[0] }));
    await expect(base(app, basic(tokenUser, arm))).rejects.toMatchObject({ status: 401 });
    expect(await base(acceptingArm(), basic(tokenUser, arm))).toBe(200);
    const off = signInApp(tables, { adminPassword: 'x' });
    const token = basic(tokenUser, await entra.sign(userClaims()));
    await expect(base(off, token)).rejects.toMatchObject({ status: 401 });
  });
});

test('what Entra principals may do is asked when the token is used: everybody’s, and no more', async () => {
  const { refresh_token = '' } = await exchange(app, await entra.sign(userClaims()));
  const asked =
    'scope=repository:public/app:pull,push&scope=repository:b:pull&scope=registry:catalog:*';
  const header = basic(tokenUser, refresh_token);
  expect(accessOf(await get(app, asked, header))).toEqual(granted);
  expect(accessOf(await get(appWith({ anonymousPull: '' }), asked, header))).toEqual([]);
});

test('a refresh token is worth nothing once its tenant is not the registry’s any more', async () => {
  const { refresh_token = '' } = await exchange(app, await entra.sign(userClaims()));
  const other = appWith({}, { LIGHTER_TENANT_ID: '11111111-2222-4333-8444-555555555555' });
  const off = signInApp(tables, { anonymousPull: '*' });
  for (const on of [other, off]) {
    await expect(base(on, basic(tokenUser, refresh_token))).rejects.toMatchObject({ status: 401 });
  }
});

test('a warm instance asks storage nothing, whichever way somebody signs in', async () => {
  const store = counted(tables);
  const on = signInApp(store, { anonymousPull: 'public/*', entra: entra.settings });
  const token = await entra.sign(userClaims());
  const { refresh_token = '' } = await exchange(on, token);
  await get(on, `scope=${scope}`, basic(tokenUser, token));
  store.asked.length = 0;
  await exchange(on, token);
  await get(on, `scope=${scope}`, basic(tokenUser, refresh_token));
  await get(on, `scope=${scope}`, basic(tokenUser, token));
  await base(on, basic(tokenUser, token));
  expect(store.asked).toEqual([]);
});
