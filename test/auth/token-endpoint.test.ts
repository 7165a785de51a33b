import { decodeJwt } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import type { App } from '../../shared/http/app.ts';
import { startTestAzurite } from '../harness/azurite.ts';
import { unavailable } from './refusals.ts';
import { movableClock, tablesOf } from './registry-tables.ts';
import {
  type AppOptions,
  ask,
  basic,
  bearer,
  host,
  jsonOf,
  origin,
  Refused,
  request,
  signInApp,
  tokenUser,
} from './sign-in-app.ts';
import { testTables } from './test-tables.ts';

const password = 'p:ä ss+w&ord=%';
const admin = basic('admin', password);

const tables = testTables();
let app: App;

beforeAll(() => {
  app = appWith();
});

const appWith = (options: AppOptions = {}) =>
  signInApp(tables, { adminPassword: password, ...options });

type Json = Record<string, unknown>;

async function answerOf(asking: ReturnType<typeof ask>): Promise<Json> {
  const answer = await asking;
  expect(answer.headers['Content-Type']).toBe('application/json');
  expect(answer.headers['Cache-Control']).toBe('no-store');
  return jsonOf(answer);
}

/** `GET /oauth2/token` as docker, skopeo and podman send it. */
function get(query: string, authorization?: string, on = app): Promise<Json> {
  const headers = authorization === undefined ? {} : { Authorization: authorization };
  const message = request('GET', `/oauth2/token?service=${host}&${query}`, headers);
  return answerOf(ask(on, message));
}

const form = { 'Content-Type': 'application/x-www-form-urlencoded' };

/** `POST /oauth2/token` as containerd, BuildKit and the Azure CLI send it. */
function post(fields: Record<string, string> | [string, string][], on = app): Promise<Json> {
  const body = new URLSearchParams(fields).toString();
  return answerOf(ask(on, request('POST', '/oauth2/token', form, body)));
}

function accessOf(answer: Json): unknown {
  return decodeJwt(String(answer['access_token']))['access'];
}

const refreshToken = async (on = app) =>
  (await on.authority.tokens.issueRefresh({ kind: 'admin' }, host)).token;

describe('guesses of the admin password', () => {
  const guess = (on: App, tried: string) => get('account=admin', basic('admin', tried), on);

  test('are answered 429 after ten, while the right one is let in at any time', async () => {
    const clock = movableClock();
    const guessed = appWith({ clock });
    const status = async (tried: string) =>
      guess(guessed, tried).then(
        () => 200,
        (error: unknown) => (error instanceof Refused ? error.status : 0),
      );
    const many = await Promise.all(Array.from({ length: 30 }, (_, index) => status(`no-${index}`)));
    expect(many.filter((each) => each === 401)).toHaveLength(10);
    expect(many.filter((each) => each === 429)).toHaveLength(20);
    expect(await status(password)).toBe(200);
    await expect(guess(guessed, 'no')).rejects.toMatchObject({
      status: 429,
      headers: { 'Retry-After': expect.stringMatching(/^[1-6]$/) },
    });
    clock.advance(6);
    expect([await status('no'), await status('no'), await status(password)]).toEqual([
      401, 429, 200,
    ]);
  });
});

describe('Azure’s SDK without a credential', () => {
  const asked = {
    service: host,
    scope: 'repository:public/app:metadata_read',
    refresh_token: '',
    grant_type: 'password',
  };

  test('reads the metadata of what is open to anonymous pull', async () => {
    const answer = await post(asked, appWith({ anonymousPull: 'public/*' }));
    expect(accessOf(answer)).toEqual([
      { type: 'repository', name: 'public/app', actions: ['metadata_read'] },
    ]);
  });

  test('gets no token while nothing is open, nor with half a password', async () => {
    await expect(post(asked)).rejects.toMatchObject({ status: 401 });
    const half = { ...asked, username: 'admin' };
    const open = appWith({ anonymousPull: 'public/*' });
    await expect(post(half, open)).rejects.toMatchObject({ status: 401 });
  });
});

const challenge = {
  status: 401,
  // Docker's engine takes the standard message without a detail for a passing fault and retries for
  // 50 s.
  errors: [
    {
      code: 'UNAUTHORIZED',
      message: 'authentication required',
      detail: { requestId: 'request-id' },
    },
  ],
  headers: {
    'WWW-Authenticate': `Bearer realm="${origin}/oauth2/token",service="${host}"`,
    'Docker-Distribution-Api-Version': 'registry/2.0',
  },
};
const passwordGrant = { grant_type: 'password', service: host, username: 'admin', password };

describe('GET', () => {
  test('gives docker login a token without any scope, and no refresh token for a password', async () => {
    const answer = await get('account=admin&client_id=docker&offline_token=true', admin);
    expect(answer).not.toHaveProperty('refresh_token');
    expect(accessOf(answer)).toEqual([]);
    expect(decodeJwt(String(answer['access_token'])).sub).toBe('admin');
  });

  test('says how long the token lives, since docker assumes 60 seconds otherwise', async () => {
    const answer = await get('scope=repository:team/app:pull,push', admin);
    expect(answer).toEqual({
      access_token: expect.any(String),
      token: answer['access_token'],
      expires_in: 4500,
      issued_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/),
      scope: 'repository:team/app:pull,push',
    });
  });

  test('takes scopes as one list and as repeated parameters', async () => {
    const expected = [
      { type: 'repository', name: 'a', actions: ['pull', 'push'] },
      { type: 'repository', name: 'b', actions: ['pull'] },
    ];
    const list = await get('scope=repository:a:pull,push%20repository:b:pull', admin);
    const repeated = await get('scope=repository:a:pull,push&scope=repository:b:pull', admin);
    expect(accessOf(list)).toEqual(expected);
    expect(accessOf(repeated)).toEqual(expected);
  });

  test.each([
    ['a wrong password', basic('admin', 'wrong')],
    ['an unknown user', basic('somebody', password)],
    ['an empty user and password', basic('', '')],
    ['a malformed header', 'Basic !!!'],
    ['another scheme', 'Digest username="admin"'],
  ])(
    'refuses %s with the challenge, although a token for anonymous would be had',
    async (_what, header) => {
      const open = appWith({ anonymousPull: '*' });
      await expect(get('scope=repository:a:pull', header, open)).rejects.toMatchObject(challenge);
    },
  );

  test('refuses a bearer token, which is no way to prove who one is', async () => {
    const { access_token } = await get('scope=repository:a:pull', admin);
    const header = bearer(String(access_token));
    await expect(get('scope=repository:a:pull', header)).rejects.toMatchObject(challenge);
  });

  test('refuses the admin account where it is off', async () => {
    const off = signInApp(tables);
    await expect(get('', admin, off)).rejects.toMatchObject(challenge);
    await expect(get('', basic('admin', ''), off)).rejects.toMatchObject(challenge);
  });
});

describe('GET without Authorization', () => {
  test('is refused while nothing is open to anonymous pull', async () => {
    await expect(get('scope=repository:a:pull')).rejects.toMatchObject(challenge);
  });

  test('gives a token to pull, and only to pull, what is open', async () => {
    const open = appWith({ anonymousPull: 'public/*' });
    const answer = await get('scope=repository:public/app:pull,push,delete', undefined, open);
    expect(accessOf(answer)).toEqual([
      { type: 'repository', name: 'public/app', actions: ['pull'] },
    ]);
    expect(decodeJwt(String(answer['access_token'])).sub).toBe('anonymous');
  });

  test('gives a token to nothing for what is not open', async () => {
    const open = appWith({ anonymousPull: 'public/*' });
    const answer = await get(
      'scope=repository:private/app:pull&scope=registry:catalog:*&offline_token=true',
      undefined,
      open,
    );
    expect(accessOf(answer)).toEqual([]);
    expect(answer).not.toHaveProperty('refresh_token');
  });
});

describe('POST', () => {
  test('with a password and a client_id answers as GET does (containerd, BuildKit)', async () => {
    const answer = await post({
      ...passwordGrant,
      client_id: 'containerd-client',
      scope: 'repository:a:pull',
    });
    expect(answer).toEqual({
      access_token: expect.any(String),
      token: answer['access_token'],
      expires_in: 4500,
      issued_at: expect.any(String),
      scope: 'repository:a:pull',
    });
    expect(accessOf(answer)).toEqual([{ type: 'repository', name: 'a', actions: ['pull'] }]);
  });

  test('without a client_id answers strings only, as External Secrets needs', async () => {
    const refresh_token = await refreshToken();
    const fields = { grant_type: 'refresh_token', service: host, refresh_token };
    const answer = await post({ ...fields, scope: 'repository:a:pull' });
    expect(answer).toEqual({ access_token: expect.any(String) });
  });

  test('takes scopes as one list and as repeated fields', async () => {
    const list = await post({ ...passwordGrant, scope: 'repository:a:pull repository:b:pull' });
    const repeated = await post([
      ...Object.entries(passwordGrant),
      ['scope', 'repository:a:pull'],
      ['scope', 'repository:b:pull'],
    ]);
    expect(accessOf(list)).toHaveLength(2);
    expect(accessOf(repeated)).toEqual(accessOf(list));
  });

  test('gives no refresh token for a password, though access_type=offline asks for one', async () => {
    const answer = await post({ ...passwordGrant, access_type: 'offline', client_id: 'docker' });
    expect(answer).not.toHaveProperty('refresh_token');
  });

  test('grants `acr purge` the catalogue and every repository', async () => {
    const answer = await post({ ...passwordGrant, scope: 'registry:catalog:* repository:*:*' });
    expect(accessOf(answer)).toMatchObject([
      { type: 'registry', name: 'catalog', actions: ['*'] },
      { type: 'repository', name: '*' },
    ]);
  });

  test.each<[string, Record<string, string>]>([
    ['a wrong password', { ...passwordGrant, password: 'wrong' }],
    ['no password', { grant_type: 'password', username: 'admin' }],
    ['no refresh token', { grant_type: 'refresh_token' }],
    ['a refresh token that is none', { grant_type: 'refresh_token', refresh_token: 'abc' }],
  ])(
    'refuses %s with 401, on which containerd and BuildKit go on to GET',
    async (_what, fields) => {
      await expect(post(fields)).rejects.toMatchObject(challenge);
    },
  );

  test.each<[string, Record<string, string>]>([
    ['without a grant_type', { username: 'admin', password }],
    ['with an unknown grant_type', { grant_type: 'client_credentials' }],
  ])('%s is answered 400', async (_what, fields) => {
    await expect(post(fields)).rejects.toMatchObject({
      status: 400,
      errors: [{ code: 'UNSUPPORTED' }],
    });
  });

  test.each(['grant_type', 'username', 'password'])(
    'with %s twice is answered 400',
    async (name) => {
      const fields: [string, string][] = [...Object.entries(passwordGrant), [name, 'other']];
      await expect(post(fields)).rejects.toMatchObject({
        status: 400,
        errors: [{ code: 'UNSUPPORTED' }],
      });
    },
  );

  const send = (body: string | Uint8Array, headers: Record<string, string> = form) =>
    ask(app, request('POST', '/oauth2/token', headers, body));

  test('with another type of body is answered 415', async () => {
    const json = { 'Content-Type': 'application/json' };
    await expect(send('{}', json)).rejects.toMatchObject({
      status: 415,
      errors: [{ code: 'UNSUPPORTED' }],
    });
  });

  test('with a charset in its type is a form', async () => {
    const headers = { 'Content-Type': 'application/X-WWW-form-urlencoded; charset=utf-8' };
    const body = new URLSearchParams(passwordGrant).toString();
    expect((await send(body, headers)).status).toBe(200);
  });

  test('with more than 64 KiB is answered 413', async () => {
    const body = `grant_type=password&x=${'y'.repeat(64 * 1024)}`;
    await expect(send(body)).rejects.toMatchObject({
      status: 413,
      errors: [{ code: 'SIZE_INVALID' }],
    });
  });

  test('with bytes that are not UTF-8 is answered 400', async () => {
    const body = Buffer.from([0x67, 0x3d, 0xff, 0xfe]);
    await expect(send(body)).rejects.toMatchObject({
      status: 400,
      errors: [{ code: 'UNSUPPORTED' }],
    });
  });

  test('without a body is answered 400', async () => {
    const asked = ask(app, request('POST', '/oauth2/token'));
    await expect(asked).rejects.toMatchObject({ status: 400, errors: [{ code: 'UNSUPPORTED' }] });
  });
});

describe('the null-GUID user, whose password is a token of ours', () => {
  test('signs in with a refresh token and gets it back when asked for offline', async () => {
    const token = await refreshToken();
    const header = basic(tokenUser, token);
    const answer = await get('scope=repository:a:pull,push&offline_token=true', header);
    expect(answer['refresh_token']).toBe(token);
    expect(accessOf(answer)).toEqual([
      { type: 'repository', name: 'a', actions: ['pull', 'push'] },
    ]);
    expect(await get('scope=repository:a:pull', header)).not.toHaveProperty('refresh_token');
  });

  test('signs in by POST with a refresh token as the password', async () => {
    const token = await refreshToken();
    const fields = { ...passwordGrant, username: tokenUser, password: token };
    const answer = await post({ ...fields, scope: 'repository:a:pull', access_type: 'offline' });
    expect(answer['refresh_token']).toBe(token);
    expect(accessOf(answer)).toHaveLength(1);
  });

  test('may then be left out: grant_type=refresh_token', async () => {
    const refresh_token = await refreshToken();
    const fields = { grant_type: 'refresh_token', service: host, refresh_token };
    const answer = await post({ ...fields, scope: 'repository:a:pull' });
    expect(accessOf(answer)).toEqual([{ type: 'repository', name: 'a', actions: ['pull'] }]);
  });

  test('signs in with an access token, and never gets more or for longer than it gave', async () => {
    const clock = movableClock();
    const on = appWith({ clock });
    const first = await get('scope=repository:a:pull&scope=repository:b:pull,push', admin, on);
    clock.advance(3600);
    const header = basic(tokenUser, String(first['access_token']));
    const second = await get(
      'scope=repository:a:pull,push&scope=repository:c:pull&scope=registry:catalog:*&offline_token=true',
      header,
      on,
    );
    expect(accessOf(second)).toEqual([{ type: 'repository', name: 'a', actions: ['pull'] }]);
    expect(second).not.toHaveProperty('refresh_token');
    expect(second['expires_in']).toBeLessThanOrEqual(900);
    const [given, derived] = [first, second].map((each) => decodeJwt(String(each['access_token'])));
    expect(derived?.exp).toBeLessThanOrEqual(given?.exp ?? 0);
    expect(derived?.sub).toBe('admin');
  });

  test('is refused with an access token where a refresh token is due', async () => {
    const { access_token } = await get('scope=repository:a:pull', admin);
    const fields = { grant_type: 'refresh_token', refresh_token: String(access_token) };
    await expect(post(fields)).rejects.toMatchObject(challenge);
  });

  test('is refused with the admin password', async () => {
    await expect(get('', basic(tokenUser, password))).rejects.toMatchObject(challenge);
  });

  test('is refused when the refresh token has ended', async () => {
    const clock = movableClock();
    const on = appWith({ clock });
    const header = basic(tokenUser, await refreshToken(on));
    clock.advance(3 * 3600 + 60);
    await expect(get('', header, on)).rejects.toMatchObject(challenge);
  });

  test('gets nothing more from the refresh token of an account that was switched off', async () => {
    const header = basic(tokenUser, await refreshToken());
    const answer = await get('scope=repository:a:pull', header, signInApp(tables));
    expect(accessOf(answer)).toEqual([]);
  });
});

test('the endpoint is also served at /token, and nowhere else', async () => {
  const headers = { Authorization: admin };
  expect(await ask(app, request('GET', '/token', headers))).toMatchObject({ status: 200 });
  for (const path of ['/oauth2/token/', '/v2/token', '/Token']) {
    await expect(ask(app, request('GET', path, headers))).rejects.toMatchObject({ status: 404 });
  }
  await expect(ask(app, request('PUT', '/token', headers))).rejects.toMatchObject({
    status: 405,
    headers: { Allow: 'GET, POST' },
  });
});

test('an instance that starts while storage is down says 503, and 401 to a wrong password', async () => {
  const mortal = await startTestAzurite();
  await mortal.kill();
  const on = signInApp(tablesOf(mortal), { adminPassword: password });
  await expect(get('', admin, on)).rejects.toMatchObject(unavailable);
  await expect(get('', basic('admin', 'wrong'), on)).rejects.toMatchObject({ status: 401 });
});

describe('mounting from repositories the token is not for', () => {
  const mountFromOf = (answer: Json) => decodeJwt(String(answer['access_token']))['mount_from'];

  test('a token that may push says where its principal may mount from', async () => {
    expect(mountFromOf(await get('scope=repository:team/app:pull,push', admin))).toEqual(['*']);
  });

  test('a token that may only pull says nothing of it', async () => {
    expect(mountFromOf(await get('scope=repository:team/app:pull', admin))).toBeUndefined();
  });

  test('a token derived from an access token mounts from no more than that one may', async () => {
    const { token } = await app.authority.tokens.issueAccess({
      subject: 'admin',
      audience: host,
      access: [{ type: 'repository', name: 'team/app', actions: ['pull', 'push'] }],
      expiresAtMostMs: undefined,
    });
    const derived = await get('scope=repository:team/app:push', basic(tokenUser, token));
    expect(mountFromOf(derived)).toEqual(['team/app']);
  });
});
