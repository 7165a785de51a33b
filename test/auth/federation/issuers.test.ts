import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { App } from '../../../shared/http/app.ts';
import { base, exchange } from '../entra/clients.ts';
import {
  dealingsWith,
  expectNotBelieved,
  type IssuerTrial,
  keysAreKept,
  metadata,
  outagesAreBridged,
} from '../issuer-keys-contract.ts';
import { type Fault, json, redirect, silent } from '../issuer-server.ts';
import { unavailable } from '../refusals.ts';
import { type MovableClock, movableClock } from '../registry-tables.ts';
import { clearSettings, policyOf } from '../repository-tokens/settings.ts';
import { basic, signInApp } from '../sign-in-app.ts';
import { testTables } from '../test-tables.ts';
import {
  audience,
  githubClaims,
  makeKey,
  publicHalf,
  signWith,
  startTestIssuer,
  type TestIssuer,
} from './test-issuer.ts';

const keySet = '/jwks';

const tables = testTables();
let issuer: TestIssuer;
let elsewhere: TestIssuer;
let app: App;
let clock: MovableClock;

beforeAll(async () => {
  [issuer, elsewhere] = await Promise.all([startTestIssuer(), startTestIssuer()]);
});
afterAll(() => Promise.all([issuer.stop(), elsewhere.stop()]));
beforeEach(async () => {
  await clearSettings(tables);
  clock = movableClock();
  app = newApp();
  await setIssuer(issuer.issuer);
});
afterEach(() => {
  issuer.faults.clear();
  elsewhere.faults.clear();
});

const newApp = (issuerLimitMs?: number) =>
  signInApp(tables, { clock, adminPassword: 'p', ...(issuerLimitMs && { issuerLimitMs }) });

async function setIssuer(name: string): Promise<void> {
  const rule = {
    name: 'github',
    issuer: name,
    audience,
    claims: { repository: 'org/app' },
    rules: [{ repositories: ['*'], actions: ['content/read'] }],
  };
  await app.authority.policy.overwrite(policyOf({ federation: [rule] }));
}

const trialOf = (of: TestIssuer): IssuerTrial => ({
  app,
  clock,
  issuer: of,
  paths: { metadata, keySet },
  username: 'x',
  sign: (times, header) =>
    of.sign(githubClaims(of.issuer, { ...times, exp: times.iat + 300 }), header),
});
const trial = () => trialOf(issuer);
const { token, enter, askedForKeys, down } = dealingsWith(trial);
const { enter: enterByElsewhere } = dealingsWith(() => trialOf(elsewhere));

describe('keys of an issuer', () => {
  keysAreKept(trial);

  test('of one issuer are no others: each is asked for its own', async () => {
    await enter();
    await setIssuer(elsewhere.issuer);
    const before = askedForKeys();
    expect(await enterByElsewhere()).toHaveProperty('refresh_token');
    expect(askedForKeys()).toBe(before);
  });

  test('on another host are taken when its address is https', async () => {
    const keys = [publicHalf(issuer.privateJwk)];
    elsewhere.faults.set('/some/keys', json({ keys }));
    issuer.faults.set(
      metadata,
      json({ issuer: issuer.issuer, jwks_uri: `${elsewhere.issuer}/some/keys` }),
    );
    expect(await enter()).toHaveProperty('refresh_token');
  });

  test('that are not for signatures, weak or secret do not keep the good ones out', async () => {
    const weak = await crypto.subtle.generateKey(
      {
        name: 'RSASSA-PKCS1-v1_5',
        modulusLength: 1024,
        publicExponent: new Uint8Array([1, 0, 1]),
        hash: 'SHA-256',
      },
      true,
      ['sign'],
    );
    const weakJwk = await crypto.subtle.exportKey('jwk', weak.publicKey);
    const good = publicHalf(issuer.privateJwk);
    const keys = [
      { ...weakJwk, kid: 'weak', use: 'sig' },
      { kty: 'oct', k: 'AAAA', kid: 'secret' },
      { ...good, use: 'enc', kid: 'enc' },
      null,
      'x',
      good,
    ];
    issuer.faults.set(keySet, json({ keys }));
    expect(await enter()).toHaveProperty('refresh_token');
    for (const kid of ['weak', 'secret', 'enc']) {
      await expect(exchange(app, await token({ kid }))).rejects.toMatchObject({ status: 401 });
    }
  });
});

describe('while an issuer is down', () => {
  outagesAreBridged(trial);

  test('passwords and other issuers are none the worse', async () => {
    down();
    await expect(enter()).rejects.toMatchObject(unavailable);
    expect(await base(app, basic('admin', 'p'))).toBe(200);
    await setIssuer(elsewhere.issuer);
    expect(await enterByElsewhere()).toHaveProperty('refresh_token');
  });

  test('a rule with keys of its own decides without it', async () => {
    down();
    const key = await makeKey();
    const rules = [{ repositories: ['*'], actions: ['content/read'] }];
    const common = { issuer: issuer.issuer, audience, claims: { repository: 'org/app' }, rules };
    const federation = [
      { ...common, name: 'discovered' },
      { ...common, name: 'pinned', jwks: { keys: [publicHalf(key)] } },
    ];
    await app.authority.policy.overwrite(policyOf({ federation }));
    const signed = await signWith(key, githubClaims(issuer.issuer));
    expect(await exchange(app, signed)).toHaveProperty('refresh_token');
    await expect(enter()).rejects.toMatchObject(unavailable);
  });
});

describe('an answer that is not the issuer’s word', () => {
  const ownKeys = () => ({ keys: [publicHalf(issuer.privateJwk)] });
  const named = (changed: object) =>
    json({ issuer: issuer.issuer, jwks_uri: `${issuer.issuer}${keySet}`, ...changed });

  test.each<[string, string, () => Fault]>([
    ['metadata of another issuer', metadata, () => named({ issuer: elsewhere.issuer })],
    [
      'metadata of an issuer with a slash more',
      metadata,
      () => named({ issuer: `${issuer.issuer}/` }),
    ],
    ['metadata without an issuer', metadata, () => named({ issuer: undefined })],
    ['keys at an http address', metadata, () => named({ jwks_uri: 'http://169.254.169.254/keys' })],
    ['keys in a file', metadata, () => named({ jwks_uri: 'file:///etc/passwd' })],
    ['keys in the address itself', metadata, () => named({ jwks_uri: 'data:application/json,{}' })],
    ['keys at no address', metadata, () => named({ jwks_uri: 'keys' })],
    [
      'keys at an address with a password',
      metadata,
      () => named({ jwks_uri: 'https://a:b@127.0.0.1/' }),
    ],
    ['no address of keys', metadata, () => named({ jwks_uri: undefined })],
    ['a list', metadata, () => json([])],
    ['an error', metadata, () => json({ issuer: issuer.issuer }, 404)],
    ['a server error', metadata, () => json({}, 500)],
    ['a redirect of the metadata', metadata, () => redirect(`${elsewhere.issuer}${metadata}`)],
    ['a redirect of the keys', keySet, () => redirect(`${elsewhere.issuer}/good`)],
    ['a redirect to http', keySet, () => redirect('http://127.0.0.1:1/keys')],
    ['no keys', keySet, () => json({ keys: [] })],
    ['no key set', keySet, () => json('nothing')],
    ['an error with keys', keySet, () => json(ownKeys(), 403)],
    ['no JSON', keySet, () => (response) => void response.end('<html>')],
    [
      'only symmetric keys',
      keySet,
      () => json({ keys: [{ kty: 'oct', k: 'AAAA', kid: issuer.privateJwk.kid }] }),
    ],
    ['a huge answer', keySet, () => json({ ...ownKeys(), filler: 'x'.repeat(600_000) })],
    ['an endless answer', keySet, () => endless],
  ])('%s: 503, and the keys known before go on verifying', async (_what, path, fault) => {
    elsewhere.faults.set('/good', json(ownKeys()));
    const fresh = newApp();
    await expectNotBelieved(trial(), fresh, () => issuer.faults.set(path, fault()));
  });

  const endless: Fault = (response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const chunk = Buffer.alloc(64 * 1024, ' ');
    const pump = () => {
      while (!response.destroyed && response.write(chunk));
      if (!response.destroyed) response.once('drain', pump);
    };
    pump();
  };
});

describe('a slow issuer', () => {
  /** A byte now and then, so that the connection never is idle. */
  const dripping: Fault = (response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const drip = setInterval(() => response.write(' '), 20);
    response.on('close', () => clearInterval(drip));
  };

  test.each([
    ['says nothing', metadata, silent],
    ['says nothing of its keys', keySet, silent],
    ['drips', metadata, dripping],
  ])('that %s is given up', async (_what, path, fault) => {
    app = newApp(200);
    issuer.faults.set(path, fault);
    const startedMs = performance.now();
    const waiting = Array.from({ length: 10 }, () => enter());
    for (const outcome of await Promise.allSettled(waiting)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: unavailable });
    }
    expect(performance.now() - startedMs).toBeLessThan(2_000);
    issuer.faults.clear();
    clock.advance(10);
    expect(await enter()).toHaveProperty('refresh_token');
  });
});

test('an issuer with a path, or a slash at its end, is asked where the standard says', async () => {
  const issuerWithSlash = `${elsewhere.issuer}/tenant/`;
  elsewhere.faults.set(
    `/tenant${metadata}`,
    json({ issuer: issuerWithSlash, jwks_uri: `${elsewhere.issuer}/tenant/keys` }),
  );
  elsewhere.faults.set('/tenant/keys', json({ keys: [publicHalf(elsewhere.privateJwk)] }));
  await setIssuer(issuerWithSlash);
  const signed = await elsewhere.sign(githubClaims(issuerWithSlash));
  expect(await exchange(app, signed)).toHaveProperty('refresh_token');
});
