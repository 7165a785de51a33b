import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import {
  createLocalJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  jwtVerify,
  SignJWT,
  UnsecuredJWT,
} from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Authority, composeAuthority } from '../../shared/auth/authority.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import { systemClock } from '../../shared/ports/clock.ts';
import { counted, deleteSigningKeys, movableClock } from './registry-tables.ts';
import { testTables } from './test-tables.ts';

const host = 'registry.example.com';
const access = [{ type: 'repository', name: 'team/app', actions: ['pull', 'push'] }];
const request = { subject: 'admin', audience: host, access, expiresAtMostMs: undefined };

const tables = testTables();
let authority: Authority;

beforeAll(() => {
  authority = authorityAt(systemClock);
});

const authorityAt = (clock: Clock, store = tables) =>
  composeAuthority({ adminPassword: 'secret', anonymousPull: [] }, store, clock);

describe('an access token', () => {
  test('is a JWT with the claims of an ACR access token, which lives 75 minutes', async () => {
    const { token, expiresInSeconds } = await authority.tokens.issueAccess(request);
    const { kid } = await authority.keys.current();
    const claims = decodeJwt(token);
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'ES256', typ: 'JWT', kid });
    expect(claims).toEqual({
      jti: expect.any(String),
      sub: 'admin',
      nbf: expect.any(Number),
      exp: (claims.nbf ?? 0) + 4500,
      iat: claims.nbf,
      iss: 'Lighter',
      aud: host,
      version: '1.0',
      grant_type: 'access_token',
      access,
      roles: [],
    });
    expect(expiresInSeconds).toBe(4500);
  });

  test('has an id of its own', async () => {
    const [one, other] = await Promise.all([
      authority.tokens.issueAccess(request),
      authority.tokens.issueAccess(request),
    ]);
    expect(decodeJwt(one.token).jti).not.toBe(decodeJwt(other.token).jti);
  });

  test('is accepted by another instance on the same storage', async () => {
    const { token } = await authority.tokens.issueAccess(request);
    expect(await authorityAt(systemClock).tokens.verifyAccess(token, host)).toMatchObject({
      subject: 'admin',
      access,
    });
  });

  test('is refused for another host', async () => {
    const { token } = await authority.tokens.issueAccess(request);
    const verifier = authorityAt(systemClock).tokens;
    expect(await verifier.verifyAccess(token, 'other.example.com')).toBeUndefined();
    expect(await verifier.verifyAccess(token, host)).toBeDefined();
    expect(await verifier.verifyAccess(token, 'other.example.com')).toBeUndefined();
  });

  test('ends, also for an instance that has seen it before', async () => {
    const clock = movableClock();
    const { tokens } = authorityAt(clock);
    const { token } = await tokens.issueAccess(request);
    expect(await tokens.verifyAccess(token, host)).toBeDefined();
    clock.advance(4500 + 31);
    expect(await tokens.verifyAccess(token, host)).toBeUndefined();
    expect(await authorityAt(clock).tokens.verifyAccess(token, host)).toBeUndefined();
  });

  test('is accepted by an instance whose clock is 20 seconds off, not by one that is minutes off', async () => {
    const { token } = await authority.tokens.issueAccess(request);
    const verifiedBy = async (seconds: number) => {
      const clock = movableClock();
      clock.advance(seconds);
      return (await authorityAt(clock).tokens.verifyAccess(token, host)) !== undefined;
    };
    expect(await verifiedBy(-20)).toBe(true);
    expect(await verifiedBy(4500 + 20)).toBe(true);
    expect(await verifiedBy(-120)).toBe(false);
    expect(await verifiedBy(4500 + 120)).toBe(false);
  });

  test('costs no storage operation and one signature check, however often it is used', async () => {
    const { token } = await authority.tokens.issueAccess(request);
    const store = counted(tables);
    const { tokens } = authorityAt(systemClock, store);
    const claims = await tokens.verifyAccess(token, host);
    for (let use = 0; use < 10; use += 1) {
      expect(await tokens.verifyAccess(token, host)).toBe(claims);
    }
    expect(store.asked).toEqual(['list']);
  });

  test('is refused once its key was taken away, also where it was seen before', async () => {
    const clock = movableClock();
    const verifier = authorityAt(clock).tokens;
    const { token } = await authorityAt(clock).tokens.issueAccess(request);
    expect(await verifier.verifyAccess(token, host)).toBeDefined();
    await deleteSigningKeys(tables);
    const fresh = await authorityAt(clock).tokens.issueAccess(request);
    clock.advance(301);
    expect(await verifier.verifyAccess(fresh.token, host)).toBeDefined();
    expect(await verifier.verifyAccess(token, host)).toBeUndefined();
  });
});

describe('a refresh token', () => {
  test('is a JWT with the claims of an ACR refresh token, which lives 3 hours', async () => {
    const { token } = await authority.tokens.issueRefresh({ kind: 'admin' }, host);
    const claims = decodeJwt(token);
    expect(claims).toMatchObject({
      iss: 'Lighter',
      aud: host,
      sub: 'admin',
      grant_type: 'refresh_token',
      version: '1.0',
    });
    expect((claims.exp ?? 0) - (claims.nbf ?? 0)).toBe(3 * 3600);
    expect(claims).not.toHaveProperty('aad_identity');
  });

  test('says who its bearer is', async () => {
    const { token } = await authority.tokens.issueRefresh({ kind: 'admin' }, host);
    const claims = await authority.tokens.verifyRefresh(token, host);
    expect(claims?.identity).toEqual({ kind: 'admin' });
  });

  test('is no access token, and an access token is no refresh token', async () => {
    const refresh = await authority.tokens.issueRefresh({ kind: 'admin' }, host);
    const { token } = await authority.tokens.issueAccess(request);
    expect(await authority.tokens.verifyAccess(refresh.token, host)).toBeUndefined();
    expect(await authority.tokens.verifyRefresh(token, host)).toBeUndefined();
  });
});

describe('a token is refused', () => {
  const claims = {
    jti: 'x',
    sub: 'admin',
    version: '1.0',
    grant_type: 'access_token',
    access,
    roles: [],
  };
  const forged = (header: { alg: string; kid: string; typ?: string }) =>
    new SignJWT(claims)
      .setProtectedHeader({ typ: 'JWT', ...header })
      .setIssuer('Lighter')
      .setAudience(host)
      .setIssuedAt()
      .setNotBefore('0s')
      .setExpirationTime('1h');

  async function refused(token: string): Promise<void> {
    expect(await authority.tokens.verifyAccess(token, host)).toBeUndefined();
  }

  test('without a signature (alg none)', async () => {
    const token = new UnsecuredJWT(claims)
      .setIssuer('Lighter')
      .setAudience(host)
      .setNotBefore('0s')
      .setExpirationTime('1h')
      .encode();
    await refused(token);
  });

  test('signed with HMAC under the public key (alg confusion)', async () => {
    const [published] = await authority.keys.published();
    const secret = new TextEncoder().encode(JSON.stringify(published));
    await refused(await forged({ alg: 'HS256', kid: published?.kid ?? '' }).sign(secret));
  });

  test('signed by a stranger who names our kid', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const { kid } = await authority.keys.current();
    await refused(await forged({ alg: 'ES256', kid }).sign(privateKey));
  });

  test('with a key of its own in the header', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const jwk = publicKey.export({ format: 'jwk' });
    const token = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', typ: 'JWT', kid: 'mine', jwk })
      .setIssuer('Lighter')
      .setAudience(host)
      .setNotBefore('0s')
      .setExpirationTime('1h')
      .sign(privateKey);
    await refused(token);
  });

  test('that says it is of the other kind, whatever else it says', async () => {
    const { kid, privateKey } = await authority.keys.current();
    const both = (grant_type: string) =>
      new SignJWT({ ...claims, grant_type, identity: { kind: 'admin' } })
        .setProtectedHeader({ alg: 'ES256', typ: 'JWT', kid })
        .setIssuer('Lighter')
        .setAudience(host)
        .setNotBefore('0s')
        .setExpirationTime('1h')
        .sign(privateKey);
    const [accessToken, refreshToken] = [await both('access_token'), await both('refresh_token')];
    expect(await authority.tokens.verifyAccess(accessToken, host)).toBeDefined();
    expect(await authority.tokens.verifyRefresh(refreshToken, host)).toBeDefined();
    expect(await authority.tokens.verifyAccess(refreshToken, host)).toBeUndefined();
    expect(await authority.tokens.verifyRefresh(accessToken, host)).toBeUndefined();
  });

  test('without an end', async () => {
    const { kid, privateKey } = await authority.keys.current();
    const token = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', typ: 'JWT', kid })
      .setIssuer('Lighter')
      .setAudience(host)
      .setNotBefore('0s')
      .sign(privateKey);
    await refused(token);
  });

  test('from another issuer', async () => {
    const { kid, privateKey } = await authority.keys.current();
    await refused(
      await forged({ alg: 'ES256', kid }).setIssuer('Azure Container Registry').sign(privateKey),
    );
  });

  test('when any one character of it was changed', async () => {
    const { token } = await authority.tokens.issueAccess(request);
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    // The last character of a signature carries bits that base64url leaves unused.
    const positions = fc.nat(token.length - 2);
    await fc.assert(
      fc.asyncProperty(
        positions,
        fc.constantFrom(...alphabet.split('')),
        async (position, character) => {
          fc.pre(token[position] !== character);
          await refused(token.slice(0, position) + character + token.slice(position + 1));
        },
      ),
      { numRuns: 200 },
    );
  });

  test('when it is no token at all', async () => {
    await fc.assert(fc.asyncProperty(fc.string({ unit: 'binary-ascii' }), refused));
  });
});

test('a third party can check a token with the published keys', async () => {
  const { token } = await authority.tokens.issueAccess(request);
  const jwks = { keys: await authority.keys.published() };
  const { payload } = await jwtVerify(token, createLocalJWKSet(jwks), { audience: host });
  expect(payload.sub).toBe('admin');
});
