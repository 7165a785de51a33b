import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { App } from '../../../shared/http/app.ts';
import type { TableStore } from '../../../shared/ports/table-store.ts';
import { startTestAzurite, type TestAzurite } from '../../harness/azurite.ts';
import { movableClock, tablesOf } from '../registry-tables.ts';
import { basic, signInApp, tokenUser } from '../sign-in-app.ts';
import { base, exchange } from './clients.ts';
import {
  type Fault,
  publicHalf,
  startTestEntra,
  tenantId,
  type TestEntra,
  userClaims,
} from './test-entra.ts';

const metadata = '/.well-known/openid-configuration';
const keySet = '/discovery/v2.0/keys';
const hour = 3600;

let azurite: TestAzurite;
let tables: TableStore;
let entra: TestEntra;
let clock: ReturnType<typeof movableClock>;
let app: App;

beforeAll(async () => {
  [azurite, entra] = await Promise.all([startTestAzurite(), startTestEntra()]);
  tables = tablesOf(azurite);
});
afterAll(() => Promise.all([azurite.stop(), entra.stop()]));
beforeEach(() => {
  clock = movableClock();
  app = signInApp(tables, { clock, entra: entra.settings });
});
afterEach(() => entra.faults.clear());

/** A token that is good now, by the registry's clock. */
function token(header?: Record<string, unknown>): Promise<string> {
  const now = Math.floor(clock.now().getTime() / 1000);
  return entra.sign(userClaims({ iat: now, nbf: now, exp: now + 4500 }), header);
}
const enter = async (on = app) => exchange(on, await token());
const unknownKid = async () => exchange(app, await token({ kid: crypto.randomUUID() }));
const askedForKeys = () => entra.asked.filter((path) => path.endsWith(keySet)).length;

const unavailable = {
  status: 503,
  headers: { 'Retry-After': expect.stringMatching(/^\d+$/) },
  errors: [{ code: 'UNAVAILABLE', detail: { requestId: 'request-id' } }],
};

describe('the tenant’s keys', () => {
  test('are fetched once, also for many at once, and kept', async () => {
    const before = askedForKeys();
    await Promise.all([enter(), enter(), enter()]);
    clock.advance(hour - 60);
    await enter();
    expect(askedForKeys()).toBe(before + 1);
  });

  test('are fetched again for a kid not seen before: a rotation is followed', async () => {
    await enter();
    const old = await token();
    await entra.rotateKeys();
    expect(await exchange(app, old)).toHaveProperty('refresh_token');
    clock.advance(10);
    expect(await enter()).toHaveProperty('refresh_token');
    await expect(exchange(app, old)).rejects.toMatchObject({ status: 401 });
  });

  test('are not fetched for made-up kids more than once in ten seconds', async () => {
    await enter();
    const before = askedForKeys();
    clock.advance(10);
    for (let guess = 0; guess < 20; guess++) {
      await expect(unknownKid()).rejects.toMatchObject({ status: 401 });
    }
    await Promise.allSettled(Array.from({ length: 20 }, unknownKid));
    expect(askedForKeys()).toBe(before + 1);
  });

  test('are fetched anew after an hour, so that one taken away ends', async () => {
    await enter();
    clock.advance(hour);
    const former = await token();
    await entra.rotateKeys();
    expect(await exchange(app, former)).toHaveProperty('refresh_token');
    await expect.poll(() => exchange(app, former).catch(() => 'refused')).toBe('refused');
  });
});

describe('while Entra is down', () => {
  const down = () => ['v2.0' + metadata, keySet].forEach((path) => entra.faults.set(path, 'cut'));

  test('an instance that never had the keys says 503, and recovers', async () => {
    down();
    await expect(enter()).rejects.toMatchObject(unavailable);
    await expect(base(app, basic(tokenUser, await token()))).rejects.toMatchObject(unavailable);
    entra.faults.clear();
    clock.advance(10);
    expect(await enter()).toHaveProperty('refresh_token');
  });

  test('it is not asked again for ten seconds', async () => {
    down();
    await expect(enter()).rejects.toMatchObject(unavailable);
    const before = entra.asked.length;
    await Promise.allSettled(Array.from({ length: 20 }, () => enter()));
    expect(entra.asked.length).toBe(before);
  });

  test('known keys go on verifying for a day and not longer', async () => {
    await enter();
    down();
    clock.advance(24 * hour - 60);
    expect(await enter()).toHaveProperty('refresh_token');
    clock.advance(120);
    await expect(enter()).rejects.toMatchObject(unavailable);
    entra.faults.clear();
    clock.advance(10);
    expect(await enter()).toHaveProperty('refresh_token');
  });

  test('a kid that is not known is 503, not 401: it may be the newest', async () => {
    await enter();
    down();
    clock.advance(10);
    await expect(unknownKid()).rejects.toMatchObject(unavailable);
    expect(await enter()).toHaveProperty('refresh_token');
  });

  test('a token of somebody else is 401 all the same', async () => {
    down();
    const foreign = await entra.sign(userClaims({ iss: 'https://token.example.com' }));
    await expect(exchange(app, foreign)).rejects.toMatchObject({ status: 401 });
  });
});

describe('an answer that is not the tenant’s word', () => {
  const publicJwk = () => publicHalf(entra.privateJwk);
  const ok = (json: unknown): Fault => ({ status: 200, json });

  test.each<[string, string, () => Fault]>([
    ['no key', keySet, () => ok({ keys: [] })],
    ['no key set', keySet, () => ok('nothing')],
    ['an error for the keys', keySet, () => ({ status: 404, json: { keys: [publicJwk()] } })],
    ['keys of other types', keySet, () => ok({ keys: [{ ...publicJwk(), kty: 'EC' }] })],
    ['keys to encrypt with', keySet, () => ok({ keys: [{ ...publicJwk(), use: 'enc' }] })],
    [
      'keys of another issuer',
      keySet,
      () => {
        const issuer =
          'https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0';
        return ok({ keys: [{ ...publicJwk(), issuer }] });
      },
    ],
    ['an error', metadata, () => ({ status: 400, json: { error: 'invalid_tenant' } })],
    ['a server error', metadata, () => ({ status: 500, json: {} })],
    ['no metadata', metadata, () => ok([])],
    [
      'metadata of another issuer',
      metadata,
      () => ok({ issuer: 'https://example.com', jwks_uri: `${entra.authority}${keySet}` }),
    ],
    [
      'keys on another host',
      metadata,
      () => {
        const sameServer = entra.authority.replace('127.0.0.1', 'localhost');
        const jwks_uri = `${sameServer}/${tenantId}${keySet}`;
        return ok({ issuer: entra.issuerV2, jwks_uri });
      },
    ],
    [
      'keys on a host that begins as ours',
      metadata,
      () => ok({ issuer: entra.issuerV2, jwks_uri: `${entra.authority}.example.com/keys` }),
    ],
    [
      'a redirect',
      keySet,
      () => {
        entra.faults.set('/elsewhere', ok({ keys: [publicJwk()] }));
        return { status: 302, json: {}, headers: { location: `${entra.authority}/elsewhere` } };
      },
    ],
  ])('%s: 503, and the keys known before go on verifying', async (_what, path, fault) => {
    const fresh = signInApp(tables, { clock, entra: entra.settings });
    await enter();
    entra.faults.set(path, fault());
    await expect(enter(fresh)).rejects.toMatchObject(unavailable);
    clock.advance(hour);
    expect(await enter()).toHaveProperty('refresh_token');
    await expect(unknownKid()).rejects.toMatchObject(unavailable);
    expect(await enter()).toHaveProperty('refresh_token');
  });

  test.each([
    'https://sts.windows.net/{tenantid}/',
    'https://sts.windows.net/TENANT/',
    'AUTHORITY/{tenantid}/v2.0',
    'AUTHORITY/TENANT/v2.0',
  ])('a key for the issuer %s is the tenant’s', async (template) => {
    const issuer = template.replace('AUTHORITY', entra.authority).replace('TENANT', tenantId);
    entra.faults.set(keySet, ok({ keys: [{ ...publicJwk(), issuer }] }));
    expect(await enter()).toHaveProperty('refresh_token');
  });
});
