import { createHmac, createPrivateKey, sign } from 'node:crypto';
import { exportSPKI, importJWK, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { App } from '../../../shared/http/app.ts';
import { ask, basic, host, request, signInApp, tokenUser } from '../sign-in-app.ts';
import { testTables } from '../test-tables.ts';
import { exchange, get, post, waysIn } from './clients.ts';
import {
  issuerV1,
  makeKey,
  publicHalf,
  registryAudience,
  startTestEntra,
  tenantId,
  type TestEntra,
  type TestKey,
  userClaims,
} from './test-entra.ts';

const ownAppId = 'a9c3f1de-1111-4222-8333-444455556666';
const otherTenant = '99999999-2222-4333-8444-555555555555';

const tables = testTables();
let entra: TestEntra;
let app: App;
let strangersKey: TestKey;

beforeAll(async () => {
  [entra, strangersKey] = await Promise.all([startTestEntra(), makeKey()]);
  app = signInApp(tables, {
    adminPassword: 'p',
    anonymousPull: '*',
    entra: { ...entra.settings, LIGHTER_ENTRA_APP_ID: ownAppId },
  });
  await exchange(app, await entra.sign(userClaims()));
});
afterAll(() => entra.stop());

/** Tried everywhere, the token is a wrong credential everywhere. */
async function expectRefused(token: string, on = app): Promise<void> {
  for (const enter of waysIn(on, token)) {
    await expect(enter()).rejects.toMatchObject({
      status: 401,
      headers: { 'WWW-Authenticate': expect.stringContaining('Bearer realm=') },
      errors: [{ code: 'UNAUTHORIZED' }],
    });
  }
}

const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token put together by hand, for what jose will not sign. */
function forged(header: object, claims: object, signature = ''): string {
  return `${base64url(header)}.${base64url(claims)}.${signature}`;
}

/** Signed with the tenant's key, whatever the header says. */
function signedByTenant(header: object): string {
  const signed = forged(header, userClaims()).slice(0, -1);
  const key = createPrivateKey({ key: { ...entra.privateJwk }, format: 'jwk' });
  return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`;
}

/** Signed well, by somebody else than the tenant. */
function byStranger(header: Record<string, unknown>, claims = userClaims()): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ typ: 'JWT', alg: 'RS256', ...header })
    .sign(strangersKey);
}

test('a token put together by hand and signed by the tenant is taken: what follows differs from it', async () => {
  const token = signedByTenant({ alg: 'RS256', kid: entra.privateJwk.kid });
  expect(await exchange(app, token)).toHaveProperty('refresh_token');
});

describe('algorithms', () => {
  test.each(['none', 'None', 'NONE', ''])('alg "%s" is refused', async (alg) => {
    await expectRefused(forged({ alg, typ: 'JWT', kid: entra.privateJwk.kid }, userClaims()));
  });

  test('a good token without its signature is refused', async () => {
    const token = await entra.sign(userClaims());
    await expectRefused(token.slice(0, token.lastIndexOf('.') + 1));
  });

  test('HS256 with the public key as the secret is refused, in each way to write that key', async () => {
    const { kty, n, e, kid } = entra.privateJwk;
    const publicKey = await importJWK({ kty: 'RSA', n: n ?? '', e: e ?? '' }, 'RS256', {
      extractable: true,
    });
    if (publicKey instanceof Uint8Array) throw new Error('the key is no RSA key');
    const pem = await exportSPKI(publicKey);
    for (const secret of [pem, pem.trim(), n ?? '', JSON.stringify({ kty, n, e })]) {
      const signed = forged({ alg: 'HS256', typ: 'JWT', kid }, userClaims()).slice(0, -1);
      const signature = createHmac('sha256', secret).update(signed).digest('base64url');
      await expectRefused(`${signed}.${signature}`);
    }
  });

  test.each(['RS512', 'PS256'])('%s by the tenant’s own key is refused', async (alg) => {
    const key = { ...entra.privateJwk };
    const token = await new SignJWT(userClaims())
      .setProtectedHeader({ typ: 'JWT', alg, kid: key.kid })
      .sign(await importJWK(key, alg));
    await expectRefused(token);
  });

  test('an extension that must be understood is refused, though signed by the tenant', async () => {
    const { kid } = entra.privateJwk;
    await expectRefused(signedByTenant({ alg: 'RS256', kid, crit: ['x'], x: 1 }));
  });
});

describe('keys', () => {
  test.each<[string, () => Record<string, unknown>]>([
    ['the tenant’s kid', () => ({ kid: entra.privateJwk.kid })],
    ['no kid', () => ({})],
    ['a kid of its own', () => ({ kid: strangersKey.kid })],
    ['the kid __proto__', () => ({ kid: '__proto__' })],
    ['a kid that is a path', () => ({ kid: '../../../../dev/null' })],
    ['a kid that is a URL', () => ({ kid: `${entra.authority}/evil/keys` })],
    ['a kid of 10,000 characters', () => ({ kid: 'k'.repeat(10_000) })],
  ])('a stranger’s signature under %s is refused', async (_what, header) => {
    await expectRefused(await byStranger(header()));
  });

  test('a kid that is no string is refused, though signed by the tenant', async () => {
    for (const kid of [1, null, [entra.privateJwk.kid], { a: 1 }, undefined]) {
      await expectRefused(signedByTenant({ alg: 'RS256', kid }));
    }
  });

  test('keys that the token itself brings or points at are neither used nor fetched', async () => {
    const jwk = publicHalf(strangersKey);
    const url = `${entra.authority}/evil/keys`;
    for (const header of [{ jwk }, { jku: url }, { x5u: url }, { x5c: ['MIIB'] }]) {
      await expectRefused(await byStranger({ kid: entra.privateJwk.kid, ...header }));
      await expectRefused(await byStranger({ kid: strangersKey.kid, ...header }));
    }
    expect(entra.asked.filter((path) => path.includes('evil'))).toEqual([]);
  });

  test('an issuer is not asked for keys because a token names it', async () => {
    const iss = `${entra.authority}/evil/v2.0`;
    await expectRefused(await byStranger({ kid: 'k' }, userClaims({ iss })));
    expect(entra.asked.filter((path) => path.includes('evil'))).toEqual([]);
  });

  test('a token whose claims were changed after it was signed is refused', async () => {
    const [header = '', , signature = ''] = (await entra.sign(userClaims())).split('.');
    const changed = base64url(userClaims({ oid: '11111111-2222-4333-8444-555555555555' }));
    await expectRefused(`${header}.${changed}.${signature}`);
  });
});

describe('claims, signed by the tenant', () => {
  const now = Math.floor(Date.now() / 1000);
  test.each<[string, Record<string, unknown>]>([
    ['another tenant', { tid: otherTenant }],
    ['another tenant in a list', { tid: [tenantId] }],
    ['no tenant', { tid: undefined }],
    ['the issuer of another tenant', { iss: `https://sts.windows.net/${otherTenant}/` }],
    ['the issuer without its slash', { iss: issuerV1.slice(0, -1) }],
    ['the issuer in capitals', { iss: issuerV1.toUpperCase() }],
    ['the issuer over http', { iss: issuerV1.replace('https', 'http') }],
    ['the issuer in a list', { iss: [issuerV1] }],
    ['no issuer', { iss: undefined }],
    ['the audience of Microsoft Graph', { aud: 'https://graph.microsoft.com' }],
    ['an audience that begins as ours', { aud: `${registryAudience}.example.com` }],
    ['our audience in capitals', { aud: registryAudience.toUpperCase() }],
    ['our audience in a list', { aud: [registryAudience] }],
    ['our audience and another', { aud: [registryAudience, 'https://graph.microsoft.com'] }],
    ['the registry’s host as audience', { aud: host }],
    ['no audience', { aud: undefined }],
    ['an end an hour ago', { exp: now - 3600 }],
    ['no end', { exp: undefined }],
    ['an end that is text', { exp: String(now + 3600) }],
    ['a beginning in an hour', { nbf: now + 3600 }],
    ['no beginning', { nbf: undefined }],
    ['no object', { oid: undefined }],
    ['an object that is no GUID', { oid: 'admin' }],
    ['no client', { appid: undefined }],
  ])('%s is refused', async (_what, changed) => {
    await expectRefused(await entra.sign(userClaims(changed)));
  });

  test('an ID token of the registry’s own app registration is refused', async () => {
    const claims = userClaims({
      appid: undefined,
      appidacr: undefined,
      scp: undefined,
      iss: entra.issuerV2,
      aud: ownAppId,
      ver: '2.0',
      nonce: 'abc',
    });
    await expectRefused(await entra.sign(claims));
  });
});

describe('one kind of token in place of another', () => {
  test('the registry’s refresh token is no Entra token, no access token, and renews nothing', async () => {
    const { refresh_token = '' } = await exchange(app, await entra.sign(userClaims()));
    const [byExchange, byAksExchange, byOldExchange] = waysIn(app, refresh_token);
    const asBearer = waysIn(app, refresh_token).at(-1);
    for (const enter of [byExchange, byAksExchange, byOldExchange, asBearer]) {
      await expect(enter?.()).rejects.toMatchObject({ status: 401 });
    }
  });

  test('the registry’s access token is no Entra token and no refresh token', async () => {
    const { access_token } = await get(app, 'scope=repository:a:pull', basic('admin', 'p'));
    const token = String(access_token);
    const refresh = { grant_type: 'refresh_token', refresh_token: token };
    await expect(exchange(app, token)).rejects.toMatchObject({ status: 401 });
    await expect(post(app, '/oauth2/exchange', refresh)).rejects.toMatchObject({ status: 401 });
    await expect(post(app, '/oauth2/token', refresh)).rejects.toMatchObject({ status: 401 });
  });

  test('an Entra token is no bearer token of the registry and no refresh token', async () => {
    const token = await entra.sign(userClaims());
    const asBearer = waysIn(app, token).at(-1);
    await expect(asBearer?.()).rejects.toMatchObject({ status: 401 });
    const refresh = { grant_type: 'refresh_token', refresh_token: token };
    await expect(post(app, '/oauth2/token', refresh)).rejects.toMatchObject({ status: 401 });
  });

  test('a refresh token of one registry is refused by another with the same keys', async () => {
    const { token } = await app.authority.tokens.issueRefresh({ kind: 'admin' }, 'other.example');
    await expectRefused(token);
  });

  test('an Entra token under another user name than the null GUID is a wrong password', async () => {
    const token = await entra.sign(userClaims());
    for (const name of ['admin', 'ada@example.com', '00000000', '']) {
      await expect(get(app, '', basic(name, token))).rejects.toMatchObject({ status: 401 });
    }
  });
});

describe('parameters', () => {
  const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
  const send = (body: string, headers: Record<string, string> = form) =>
    ask(app, request('POST', '/oauth2/exchange', headers, body));

  test.each(['grant_type', 'service', 'tenant', 'access_token', 'refresh_token'])(
    '%s twice is answered 400, although both are the same',
    async (name) => {
      const token = await entra.sign(userClaims());
      const fields = { grant_type: 'access_token', service: host, tenant: tenantId };
      const all: Record<string, string> = { ...fields, access_token: token, refresh_token: token };
      const body = new URLSearchParams([...Object.entries(all), [name, all[name] ?? '']]);
      await expect(send(body.toString())).rejects.toMatchObject({
        status: 400,
        errors: [{ code: 'UNSUPPORTED', message: `${name} is given twice` }],
      });
    },
  );

  test.each([
    '',
    'grant_type=',
    'grant_type=password&username=admin&password=p',
    'grant_type=toString&access_token=a',
    'grant_type=access_token',
    'grant_type=access_token&access_token=',
    'grant_type=access_token_refresh_token&refresh_token=a',
    'grant_type=refresh_token&access_token=a',
  ])('"%s" is answered 400', async (body) => {
    await expect(send(body)).rejects.toMatchObject({
      status: 400,
      errors: [{ code: 'UNSUPPORTED' }],
    });
  });

  test('a good token in the query is not looked at', async () => {
    const query = new URLSearchParams({
      grant_type: 'access_token',
      access_token: await entra.sign(userClaims()),
    });
    const message = request('POST', `/oauth2/exchange?${query.toString()}`, form, '');
    await expect(ask(app, message)).rejects.toMatchObject({ status: 400 });
  });

  test('a token of more than 16 KiB is refused, though signed by the tenant', async () => {
    await expectRefused(await entra.sign(userClaims({ groups: 'g'.repeat(16 * 1024) })));
  });

  test('a form of more than 64 KiB is answered 413, another type 415, another method 405', async () => {
    const large = `grant_type=access_token&access_token=${'a'.repeat(64 * 1024)}`;
    await expect(send(large)).rejects.toMatchObject({ status: 413 });
    const json = { 'Content-Type': 'application/json' };
    await expect(send('{}', json)).rejects.toMatchObject({ status: 415 });
    await expect(ask(app, request('GET', '/oauth2/exchange'))).rejects.toMatchObject({
      status: 405,
      headers: { Allow: 'POST' },
    });
  });

  test('the null-GUID user has no password of its own', async () => {
    for (const password of ['', 'p', tokenUser]) {
      await expect(get(app, '', basic(tokenUser, password))).rejects.toMatchObject({ status: 401 });
    }
  });
});
