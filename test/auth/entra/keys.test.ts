import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { App } from '../../../shared/http/app.ts';
import {
  dealingsWith,
  expectNotBelieved,
  type IssuerTrial,
  keysAreKept,
  metadata,
  outagesAreBridged,
} from '../issuer-keys-contract.ts';
import { type Fault, json, redirect } from '../issuer-server.ts';
import { type MovableClock, movableClock } from '../registry-tables.ts';
import { signInApp, tokenUser } from '../sign-in-app.ts';
import { testTables } from '../test-tables.ts';
import { exchange } from './clients.ts';
import { publicHalf, startTestEntra, tenantId, type TestEntra, userClaims } from './test-entra.ts';

const keySet = '/discovery/v2.0/keys';

const tables = testTables();
let entra: TestEntra;
let clock: MovableClock;
let app: App;

beforeAll(async () => {
  entra = await startTestEntra();
});
afterAll(() => entra.stop());
beforeEach(() => {
  clock = movableClock();
  app = signInApp(tables, { clock, entra: entra.settings });
});
afterEach(() => entra.faults.clear());

const trial = (): IssuerTrial => ({
  app,
  clock,
  issuer: entra,
  paths: { metadata: `v2.0${metadata}`, keySet },
  username: tokenUser,
  sign: (times, header) => entra.sign(userClaims({ ...times, exp: times.iat + 4500 }), header),
});
const { enter, down } = dealingsWith(trial);

describe('the tenant’s keys', () => {
  keysAreKept(trial);
});

describe('while Entra is down', () => {
  outagesAreBridged(trial);

  test('a token of somebody else is 401 all the same', async () => {
    down();
    const foreign = await entra.sign(userClaims({ iss: 'https://token.example.com' }));
    await expect(exchange(app, foreign)).rejects.toMatchObject({ status: 401 });
  });
});

describe('an answer that is not the tenant’s word', () => {
  const publicJwk = () => publicHalf(entra.privateJwk);

  test.each<[string, string, () => Fault]>([
    ['no key', keySet, () => json({ keys: [] })],
    ['no key set', keySet, () => json('nothing')],
    ['an error for the keys', keySet, () => json({ keys: [publicJwk()] }, 404)],
    ['keys of other types', keySet, () => json({ keys: [{ ...publicJwk(), kty: 'EC' }] })],
    ['keys to encrypt with', keySet, () => json({ keys: [{ ...publicJwk(), use: 'enc' }] })],
    [
      'keys of another issuer',
      keySet,
      () => {
        const issuer =
          'https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0';
        return json({ keys: [{ ...publicJwk(), issuer }] });
      },
    ],
    ['an error', metadata, () => json({ error: 'invalid_tenant' }, 400)],
    ['a server error', metadata, () => json({}, 500)],
    ['no metadata', metadata, () => json([])],
    [
      'metadata of another issuer',
      metadata,
      () => json({ issuer: 'https://example.com', jwks_uri: `${entra.authority}${keySet}` }),
    ],
    [
      'keys on another host',
      metadata,
      () => {
        const sameServer = entra.authority.replace('127.0.0.1', 'localhost');
        const jwks_uri = `${sameServer}/${tenantId}${keySet}`;
        return json({ issuer: entra.issuerV2, jwks_uri });
      },
    ],
    [
      'keys on a host that begins as ours',
      metadata,
      () => json({ issuer: entra.issuerV2, jwks_uri: `${entra.authority}.example.com/keys` }),
    ],
    [
      'a redirect',
      keySet,
      () => {
        entra.faults.set('/elsewhere', json({ keys: [publicJwk()] }));
        return redirect(`${entra.authority}/elsewhere`);
      },
    ],
  ])('%s: 503, and the keys known before go on verifying', async (_what, path, fault) => {
    const fresh = signInApp(tables, { clock, entra: entra.settings });
    await expectNotBelieved(trial(), fresh, () => entra.faults.set(path, fault()));
  });

  test.each([
    'https://sts.windows.net/{tenantid}/',
    'https://sts.windows.net/TENANT/',
    'AUTHORITY/{tenantid}/v2.0',
    'AUTHORITY/TENANT/v2.0',
  ])('a key for the issuer %s is the tenant’s', async (template) => {
    const issuer = template.replace('AUTHORITY', entra.authority).replace('TENANT', tenantId);
    entra.faults.set(keySet, json({ keys: [{ ...publicJwk(), issuer }] }));
    expect(await enter()).toHaveProperty('refresh_token');
  });
});
