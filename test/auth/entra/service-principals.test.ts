import { decodeJwt, SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { App } from '../../../shared/http/app.ts';
import { cut, type Fault, json } from '../issuer-server.ts';
import { unavailable } from '../refusals.ts';
import { counted, type MovableClock, movableClock } from '../registry-tables.ts';
import { basic, host, Refused, signInApp } from '../sign-in-app.ts';
import { testTables } from '../test-tables.ts';
import { accessOf, base, get, postForJson } from './clients.ts';
import {
  applicationClaims,
  makeKey,
  startTestEntra,
  type TestApplication,
  type TestEntra,
} from './test-entra.ts';

const build: TestApplication = {
  clientId: '1f3c7a52-aaaa-4bbb-8ccc-000000000001',
  secret: 'Xy8~Q:build_secret.with-everything+&=%',
  objectId: '2f3c7a52-aaaa-4bbb-8ccc-000000000001',
};
const deploy: TestApplication = {
  clientId: '1f3c7a52-aaaa-4bbb-8ccc-000000000002',
  secret: 'deploy-secret',
  objectId: '2f3c7a52-aaaa-4bbb-8ccc-000000000002',
};
const grantPath = '/oauth2/v2.0/token';
const scope = 'scope=repository:public/app:pull,push';

const tables = testTables();
let entra: TestEntra;
let clock: MovableClock;
let app: App;

beforeAll(async () => {
  entra = await startTestEntra();
});
afterAll(() => entra.stop());
beforeEach(() => {
  entra.register([build, deploy]);
  clock = movableClock();
  app = signInApp(tables, { clock, anonymousPull: 'public/*', entra: entra.settings });
});
afterEach(() => entra.faults.clear());

const login = (secret = build.secret, on = app, { clientId } = build) =>
  get(
    on,
    `${scope}&account=${clientId}&client_id=docker&offline_token=true`,
    basic(clientId, secret),
  );
const grants = () => entra.asked.filter((path) => path.endsWith(grantPath)).length;
const refused = { status: 401, errors: [{ code: 'UNAUTHORIZED' }] };
const lockedOut = {
  status: 429,
  headers: { 'Retry-After': expect.stringMatching(/^\d+$/) },
  errors: [{ code: 'TOOMANYREQUESTS' }],
};

describe('a client id and its secret', () => {
  test('docker login: a token, and no refresh token, which docker would keep instead', async () => {
    const answer = await login();
    expect(answer).not.toHaveProperty('refresh_token');
    expect(decodeJwt(String(answer['access_token'])).sub).toBe(build.objectId);
    expect(accessOf(answer)).toEqual([
      { type: 'repository', name: 'public/app', actions: ['pull'] },
    ]);
  });

  test('a pull secret of Kubernetes: containerd’s POST', async () => {
    const answer = await postForJson(app, '/oauth2/token', {
      client_id: 'containerd-client',
      grant_type: 'password',
      access_type: 'offline',
      service: host,
      scope: 'repository:public/app:pull',
      username: build.clientId.toUpperCase(),
      password: build.secret,
    });
    expect(answer).toMatchObject({ expires_in: 4500 });
    expect(answer).not.toHaveProperty('refresh_token');
  });

  test('opens /v2/ directly', async () => {
    expect(await base(app, basic(build.clientId, build.secret))).toBe(200);
  });

  test('needs no switch for ARM tokens, and does not throw it', async () => {
    expect(app.config.entra?.acceptArmTokens).toBe(false);
    expect(await login()).toHaveProperty('access_token');
  });

  test('the secret of another, a wrong one and an unknown client look the same', async () => {
    const unknown = { ...build, clientId: '1f3c7a52-aaaa-4bbb-8ccc-0000000000ff' };
    const answers = await Promise.all(
      [login(deploy.secret), login('wrong'), login(build.secret, app, unknown), login('')].map(
        (asking) => asking.catch((error: unknown) => error),
      ),
    );
    for (const answer of answers) {
      if (!(answer instanceof Refused)) throw new Error('was let in');
      expect(answer).toMatchObject(refused);
      expect(answer.errors).toEqual(answers[0] instanceof Refused && answers[0].errors);
      expect(answer.headers).toEqual(answers[0] instanceof Refused && answers[0].headers);
    }
  });

  test('no secret and one of more than 512 characters are refused without asking Entra', async () => {
    const before = grants();
    await expect(login('')).rejects.toMatchObject(refused);
    await expect(login('x'.repeat(513))).rejects.toMatchObject(refused);
    expect(grants()).toBe(before);
  });

  test('a name that is no GUID is not asked about, nor anything where Entra is off', async () => {
    const before = grants();
    const ada = { ...build, clientId: 'ada@example.com' };
    await expect(login('wrong', app, ada)).rejects.toMatchObject(refused);
    const off = signInApp(tables, { anonymousPull: '*' });
    await expect(login(build.secret, off)).rejects.toMatchObject(refused);
    expect(grants()).toBe(before);
  });
});

describe('the verdict', () => {
  test('is asked for once by many at once, and kept five minutes', async () => {
    const before = grants();
    await Promise.all(Array.from({ length: 20 }, () => login()));
    clock.advance(5 * 60 - 10);
    await login();
    expect(grants()).toBe(before + 1);
    clock.advance(20);
    await login();
    expect(grants()).toBe(before + 2);
  });

  test('a deleted secret works for five minutes at most', async () => {
    await login();
    entra.register([{ ...build, secret: 'the-next-one' }]);
    await login();
    clock.advance(5 * 60 + 1);
    await expect(login()).rejects.toMatchObject(refused);
    expect(await login('the-next-one')).toHaveProperty('access_token');
  });

  test('a refusal is kept a minute, and only for that secret', async () => {
    const before = grants();
    await expect(login('fresh')).rejects.toMatchObject(refused);
    entra.register([{ ...build, secret: 'fresh' }]);
    await expect(login('fresh')).rejects.toMatchObject(refused);
    expect(grants()).toBe(before + 1);
    clock.advance(61);
    expect(await login('fresh')).toHaveProperty('access_token');
  });

  test('is of the client, not of the secret: two may have the same', async () => {
    entra.register([build, { ...deploy, secret: build.secret }]);
    const subjects = [await login(), await login(build.secret, app, deploy)].map(
      (answer) => decodeJwt(String(answer['access_token'])).sub,
    );
    expect(subjects).toEqual([build.objectId, deploy.objectId]);
  });

  test('for a cached principal neither storage nor Entra is asked', async () => {
    const store = counted(tables);
    const on = signInApp(store, { entra: entra.settings });
    await login(build.secret, on);
    const before = entra.asked.length;
    store.asked.length = 0;
    for (let time = 0; time < 5; time++) await login(build.secret, on);
    expect(store.asked).toEqual([]);
    expect(entra.asked.length).toBe(before);
  });
});

describe('guessing', () => {
  const guess = (number: number) => login(`guess ${number}`);

  test('stops after ten wrong secrets, and goes on with one in six seconds', async () => {
    for (let number = 0; number < 10; number++) {
      await expect(guess(number)).rejects.toMatchObject(refused);
    }
    const before = grants();
    await expect(guess(10)).rejects.toMatchObject(lockedOut);
    expect(grants()).toBe(before);
    clock.advance(6);
    await expect(guess(11)).rejects.toMatchObject(refused);
    await expect(guess(12)).rejects.toMatchObject(lockedOut);
  });

  test('many at once is no way around it', async () => {
    const before = grants();
    const outcomes = await Promise.allSettled(Array.from({ length: 60 }, (_, each) => guess(each)));
    expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
    expect(grants()).toBe(before + 10);
  });

  test('says nothing of the right secret while it is stopped, if that was not used before', async () => {
    await Promise.allSettled(Array.from({ length: 20 }, (_, each) => guess(each)));
    await expect(login()).rejects.toMatchObject(lockedOut);
    await expect(guess(21)).rejects.toMatchObject(lockedOut);
  });

  test('does not keep out who was in before, nor any other client', async () => {
    await login();
    await Promise.allSettled(Array.from({ length: 20 }, (_, each) => guess(each)));
    expect(await login()).toHaveProperty('access_token');
    clock.advance(5 * 60 + 1);
    await Promise.allSettled(Array.from({ length: 20 }, (_, each) => guess(100 + each)));
    expect(await login()).toHaveProperty('access_token');
    expect(await login(deploy.secret, app, deploy)).toHaveProperty('access_token');
    await expect(guess(200)).rejects.toMatchObject(lockedOut);
  });

  test('keeps out a secret that was right and is no more', async () => {
    await login();
    entra.register([{ ...build, secret: 'the-next-one' }]);
    clock.advance(5 * 60 + 1);
    await expect(login()).rejects.toMatchObject(refused);
    clock.advance(61);
    await Promise.allSettled(Array.from({ length: 20 }, (_, each) => guess(each)));
    await expect(login()).rejects.toMatchObject(lockedOut);
  });

  test('right secrets are not counted', async () => {
    for (let time = 0; time < 15; time++) {
      entra.register([{ ...build, secret: `secret ${time}` }]);
      expect(await login(`secret ${time}`)).toHaveProperty('access_token');
    }
  });
});

describe('while Entra gives no word', () => {
  const failsWith = async (fault: Fault, on = app) => {
    entra.faults.set(grantPath, fault);
    await expect(login(build.secret, on)).rejects.toMatchObject(unavailable);
    entra.faults.clear();
  };

  test('it is 503, which is not remembered nor counted as a guess', async () => {
    for (let time = 0; time < 15; time++) await failsWith(cut);
    expect(await login()).toHaveProperty('access_token');
  });

  test('its own Retry-After is passed on', async () => {
    entra.faults.set(grantPath, json({}, 429, { 'retry-after': '17' }));
    await expect(login()).rejects.toMatchObject({
      ...unavailable,
      headers: { 'Retry-After': '17' },
    });
  });

  test('who was in within five minutes stays in', async () => {
    await login();
    entra.faults.set(grantPath, cut);
    clock.advance(4 * 60);
    expect(await login()).toHaveProperty('access_token');
    clock.advance(2 * 60);
    await expect(login()).rejects.toMatchObject(unavailable);
  });

  test.each([
    ['a server error', json({}, 500)],
    ['an error of our own request', json({ error: 'invalid_scope' }, 400)],
    ['no token', json({})],
    ['a token of nobody', json({ access_token: 'abc' })],
    ['a redirect', json({}, 302, { location: 'https://localhost:1/' })],
  ])('%s is no word', async (_what, fault) => {
    await failsWith(fault);
  });

  test('a token of another application, or by another key, is no word', async () => {
    const claims = applicationClaims('https://management.azure.com', deploy);
    await failsWith(json({ access_token: await entra.sign(claims) }));
    const own = applicationClaims('https://management.azure.com', build);
    const stranger = await makeKey();
    const forged = await new SignJWT(own)
      .setProtectedHeader({ alg: 'RS256', kid: entra.privateJwk.kid })
      .sign(stranger);
    await failsWith(json({ access_token: forged }));
  });
});

test.each([
  ['unauthorized_client', 'AADSTS700016: Application was not found in the directory.'],
  ['invalid_client', 'AADSTS7000222: The provided client secret keys are expired.'],
  ['invalid_grant', 'AADSTS53003: Access has been blocked by Conditional Access policies.'],
])('Entra’s %s is a refusal', async (error, error_description) => {
  entra.faults.set(grantPath, json({ error, error_description }, 400));
  await expect(login()).rejects.toMatchObject(refused);
});
