import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestAzurite, type TestAzurite } from '../harness/azurite.ts';
import { startTestLighter, testAdminPassword, type TestLighter } from '../harness/lighter.ts';
import { basic, bearer, origin } from './sign-in-app.ts';

const admin = basic('admin', testAdminPassword);

let azurite: TestAzurite;
let one: TestLighter;
let other: TestLighter;

beforeAll(async () => {
  azurite = await startTestAzurite();
  [one, other] = await Promise.all([start(), start()]);
});
afterAll(async () => {
  await Promise.all([one.stop(), other.stop()]);
  await azurite.stop();
});

/** An instance of one registry: several answer under the same public address. */
const start = () => startTestLighter({ azurite, settings: { LIGHTER_PUBLIC_URL: origin } });

function send(instance: TestLighter, target: string, init: RequestInit = {}): Promise<Response> {
  return fetch(new URL(target, instance.url), init);
}

async function tokenOf(instance: TestLighter, scope: string): Promise<string> {
  const target = `/oauth2/token?service=registry.example.com&scope=${scope}`;
  const answer = await send(instance, target, { headers: { Authorization: admin } });
  const { access_token }: Record<string, unknown> = Object(await answer.json());
  if (typeof access_token !== 'string') throw new Error(`answered ${answer.status}`);
  return access_token;
}

describe('over HTTP', () => {
  test('docker login: 401 with its challenge, a token for the password, 200 for the token', async () => {
    const refused = await send(one, '/v2/');
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toBe(
      'Bearer realm="https://registry.example.com/oauth2/token",service="registry.example.com"',
    );
    expect(refused.headers.get('docker-distribution-api-version')).toBe('registry/2.0');
    expect(refused.headers.get('x-ms-correlation-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(await refused.json()).toMatchObject({ errors: [{ code: 'UNAUTHORIZED' }] });

    const headers = { Authorization: bearer(await tokenOf(one, '')) };
    const admitted = await send(one, '/v2/', { headers });
    expect(admitted.status).toBe(200);
    expect(await admitted.text()).toBe('{}');
  });

  test('containerd: POST with the password as a form', async () => {
    const body = new URLSearchParams({
      grant_type: 'password',
      service: 'registry.example.com',
      client_id: 'containerd-client',
      scope: 'repository:a:pull',
      username: 'admin',
      password: testAdminPassword,
    });
    const answer = await send(one, '/oauth2/token', { method: 'POST', body });
    expect(await answer.json()).toMatchObject({
      access_token: expect.any(String),
      expires_in: 4500,
      scope: 'repository:a:pull',
    });
  });

  test('a password directly on /v2/ works too', async () => {
    expect((await send(one, '/v2/', { headers: { Authorization: admin } })).status).toBe(200);
  });

  test('a token of one instance opens every other, also one started later', async () => {
    const headers = { Authorization: bearer(await tokenOf(one, 'registry:catalog:*')) };
    expect((await send(other, '/v2/_catalog', { headers })).status).toBe(200);
    const later = await start();
    try {
      expect((await send(later, '/v2/_catalog', { headers })).status).toBe(200);
    } finally {
      await later.stop();
    }
  });

  test('all instances publish the same key', async () => {
    const [first, second] = await Promise.all(
      [one, other].map(async (each) => (await send(each, '/.well-known/jwks.json')).json()),
    );
    expect(first).toEqual(second);
  });

  test('a form above 64 KiB is refused, whether its length is told or not', async () => {
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
    const form = `grant_type=password&x=${'y'.repeat(70_000)}`;
    const told = await send(one, '/oauth2/token', { method: 'POST', headers, body: form });
    expect(told.status).toBe(413);
    expect(await told.json()).toMatchObject({ errors: [{ code: 'SIZE_INVALID' }] });
    const body = new Blob([form]).stream();
    const init: RequestInit = { method: 'POST', headers, body, duplex: 'half' };
    expect((await send(one, '/oauth2/token', init)).status).toBe(413);
  });

  test.each([
    'Basic',
    'Basic !!!',
    'Bearer',
    'Bearer a.b.c',
    'Negotiate YII=',
    `${admin}, ${admin}`,
  ])('Authorization: %s is refused, on /v2/ and at the token endpoint', async (header) => {
    for (const target of ['/v2/', '/oauth2/token']) {
      const answer = await send(one, target, { headers: { Authorization: header } });
      expect(answer.status).toBe(401);
      expect(await answer.json()).toMatchObject({ errors: [{ code: 'UNAUTHORIZED' }] });
    }
  });

  test('what the platform lets a query put into the headers proves nothing about anybody', async () => {
    const principal = Buffer.from('{"userId":"admin"}').toString('base64');
    const spoofed = JSON.stringify({ 'x-ms-client-principal': principal, host: 'evil.example' });
    const answer = await send(one, `/v2/?Headers=${encodeURIComponent(spoofed)}`);
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).not.toContain('evil');
  });

  test('the timer that rotates the keys runs and leaves a young key alone', async () => {
    const published = async () => (await send(one, '/.well-known/jwks.json')).json();
    const before = await published();
    await one.runTimer('key-rotation');
    expect(await published()).toEqual(before);
  });

  test('the log names neither passwords nor tokens', async () => {
    const token = await tokenOf(one, 'repository:a:pull');
    await send(one, '/v2/', { headers: { Authorization: bearer(token) } });
    const log = one.output();
    expect(log).toContain('/oauth2/token');
    for (const secret of [testAdminPassword, token, admin.slice('Basic '.length)]) {
      expect(log).not.toContain(secret);
    }
  });
});
