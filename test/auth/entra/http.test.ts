import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestAzurite, type TestAzurite } from '../../harness/azurite.ts';
import { startTestLighter, type TestLighter } from '../../harness/lighter.ts';
import { cut } from '../issuer-server.ts';
import { basic, bearer, host, origin, tokenUser } from '../sign-in-app.ts';
import { startTestEntra, type TestApplication, type TestEntra, userClaims } from './test-entra.ts';

const build: TestApplication = {
  clientId: '1f3c7a52-aaaa-4bbb-8ccc-000000000001',
  secret: 'Xy8~Q:a_secret.of-the-usual~kind+&=%',
  objectId: '2f3c7a52-aaaa-4bbb-8ccc-000000000001',
};

let azurite: TestAzurite;
let entra: TestEntra;
let lighter: TestLighter;

beforeAll(async () => {
  [azurite, entra] = await Promise.all([startTestAzurite(), startTestEntra()]);
  entra.register([build]);
  lighter = await startTestLighter({
    azurite,
    settings: {
      ...entra.settings,
      LIGHTER_PUBLIC_URL: origin,
      LIGHTER_ANONYMOUS_PULL: 'public/*',
      NODE_EXTRA_CA_CERTS: entra.certFile,
    },
  });
});
afterAll(async () => {
  await lighter.stop();
  await Promise.all([azurite.stop(), entra.stop()]);
});

async function json(target: string, init: RequestInit): Promise<Record<string, unknown>> {
  const answer = await fetch(new URL(target, lighter.url), init);
  expect(answer.status).toBe(200);
  return Object(await answer.json());
}

test('over HTTP: exchange, docker login, and a pull’s question, with no secret in the log', async () => {
  const entraToken = await entra.sign(userClaims());
  const exchanged = await json('/oauth2/exchange', {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'access_token_refresh_token',
      service: host,
      access_token: entraToken,
      refresh_token: entraToken,
    }),
  });
  const refreshToken = String(exchanged['refresh_token']);
  expect(Object.keys(exchanged)).toEqual(['refresh_token']);

  const target = `/oauth2/token?account=${tokenUser}&client_id=docker&offline_token=true&service=${host}`;
  const login = await json(`${target}&scope=repository:public/app:pull`, {
    headers: { Authorization: basic(tokenUser, refreshToken) },
  });
  expect(login['refresh_token']).toBe(refreshToken);

  const headers = { Authorization: bearer(String(login['access_token'])) };
  expect(await json('/v2/', { headers })).toEqual({});
  const manifest = await fetch(`${lighter.url}/v2/public/app/manifests/latest`, { headers });
  expect(manifest.status).toBe(404);
  const forbidden = await fetch(`${lighter.url}/v2/private/manifests/latest`, { headers });
  expect(forbidden.status).toBe(401);

  const byTokenAlone = { Authorization: basic(tokenUser, entraToken) };
  expect(await json('/v2/', { headers: byTokenAlone })).toEqual({});

  for (const secret of [entraToken, refreshToken, String(login['access_token'])]) {
    expect(lighter.output()).not.toContain(secret);
  }
});

test('over HTTP: a service principal’s secret, right and wrong, in no log', async () => {
  const target = `/oauth2/token?service=${host}&scope=repository:public/app:pull`;
  const right = basic(build.clientId, build.secret);
  const answer = await json(target, { headers: { Authorization: right } });
  expect(answer).toMatchObject({ expires_in: 4500, scope: 'repository:public/app:pull' });
  expect(answer).not.toHaveProperty('refresh_token');

  const wrong = basic(build.clientId, 'a-wrong-secret');
  const refused = await fetch(new URL(target, lighter.url), { headers: { Authorization: wrong } });
  expect(refused.status).toBe(401);

  entra.faults.set('/oauth2/v2.0/token', cut);
  const other = { Authorization: basic(build.clientId, 'yet-another-secret') };
  const unavailable = await fetch(new URL(target, lighter.url), { headers: other });
  expect(unavailable.status).toBe(503);
  expect(unavailable.headers.get('retry-after')).toMatch(/^\d+$/);
  expect(lighter.output()).toContain('EntraUnavailable');
  for (const secret of [build.secret, 'a-wrong-secret', 'yet-another-secret', right.slice(6)]) {
    expect(lighter.output()).not.toContain(secret);
  }
});
