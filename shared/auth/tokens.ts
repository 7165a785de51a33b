import { randomUUID } from 'node:crypto';
import type { JWTPayload, JWTVerifyResult } from 'jose';
import type { ResourceScope } from '../domain/scope.ts';
import type { Clock } from '../ports/clock.ts';
import { type Identity, subjectOf } from './identity.ts';
import type { SigningKeys } from './signing-keys.ts';
import { TokenCache } from './token-cache.ts';
import {
  type AccessClaims,
  parseAccessClaims,
  parseRefreshClaims,
  type RefreshClaims,
} from './token-claims.ts';

const issuer = 'Lighter';
/** ACR's lifetimes. */
const accessTokenSeconds = 75 * 60;
const refreshTokenSeconds = 3 * 60 * 60;
/** Of who signed in with a token that itself lives for minutes. */
const federatedRefreshTokenSeconds = 60 * 60;
/** By how much the clocks of two instances may disagree. */
const clockSkewSeconds = 30;
const maxCachedTokens = 5_000;

export interface IssuedToken {
  readonly token: string;
  readonly issuedAt: Date;
  readonly expiresInSeconds: number;
}

export interface AccessTokenRequest {
  readonly subject: string;
  /** The registry's host as this client knows it, port included; a token is good there only. */
  readonly audience: string;
  readonly access: readonly ResourceScope[];
  readonly mountFrom?: readonly string[];
  readonly sees?: readonly string[];
  /** The token ends then at the latest, in milliseconds. */
  readonly expiresAtMostMs: number | undefined;
}

/**
 * Issues and checks the registry's JWTs, shaped as ACR's: clients read `exp` without checking
 * anything. Checking returns undefined for whatever is not a token of that kind, for that audience,
 * signed by a key of ours with ES256, valid now; it throws StorageUnavailable only while the keys
 * were never read.
 */
export class Tokens {
  readonly #keys: SigningKeys;
  readonly #clock: Clock;
  readonly #checked = new TokenCache<AccessClaims>(maxCachedTokens);

  constructor(keys: SigningKeys, clock: Clock) {
    this.#keys = keys;
    this.#clock = clock;
  }

  async issueAccess(request: AccessTokenRequest): Promise<IssuedToken> {
    const { subject, audience, access, mountFrom = [], sees = [] } = request;
    const { expiresAtMostMs = Infinity } = request;
    const remaining = Math.floor((expiresAtMostMs - this.#clock.now().getTime()) / 1000);
    const seconds = Math.max(1, Math.min(accessTokenSeconds, remaining));
    return this.#sign(subject, audience, seconds, {
      grant_type: 'access_token',
      access,
      ...(mountFrom.length > 0 && { mount_from: mountFrom }),
      ...(sees.length > 0 && { quarantine_read: sees }),
    });
  }

  async issueRefresh(identity: Identity, audience: string): Promise<IssuedToken> {
    const isFederated = identity.kind === 'federated';
    const seconds = isFederated ? federatedRefreshTokenSeconds : refreshTokenSeconds;
    return this.#sign(subjectOf(identity), audience, seconds, {
      grant_type: 'refresh_token',
      ...(identity.kind === 'entra' && { tenant: identity.tenantId }),
      identity,
    });
  }

  async verifyAccess(token: string, audience: string): Promise<AccessClaims | undefined> {
    const known = this.#checked.get(token);
    if (known !== undefined) return (await this.#stillHolds(known, audience)) ? known : undefined;
    const verified = await this.#verify(token, audience);
    const claims = verified && parseAccessClaims(verified.payload, keyIdOf(verified));
    if (claims !== undefined) this.#checked.set(token, claims);
    return claims;
  }

  async verifyRefresh(token: string, audience: string): Promise<RefreshClaims | undefined> {
    const verified = await this.#verify(token, audience);
    return verified && parseRefreshClaims(verified.payload, keyIdOf(verified));
  }

  async #sign(
    subject: string,
    audience: string,
    lifetimeSeconds: number,
    claims: JWTPayload,
  ): Promise<IssuedToken> {
    const { SignJWT } = await import('jose');
    const { kid, privateKey } = await this.#keys.current();
    const issuedAt = this.#clock.now();
    const iat = Math.floor(issuedAt.getTime() / 1000);
    const token = await new SignJWT({
      jti: randomUUID(),
      sub: subject,
      nbf: iat,
      exp: iat + lifetimeSeconds,
      iat,
      iss: issuer,
      aud: audience,
      version: '1.0',
      roles: [],
      ...claims,
    })
      .setProtectedHeader({ alg: 'ES256', typ: 'JWT', kid })
      .sign(privateKey);
    return { token, issuedAt, expiresInSeconds: lifetimeSeconds };
  }

  async #verify(token: string, audience: string): Promise<JWTVerifyResult | undefined> {
    const { errors, jwtVerify } = await import('jose');
    try {
      return await jwtVerify(
        token,
        async ({ kid }) => {
          const key = kid === undefined ? undefined : await this.#keys.verificationKey(kid);
          if (key === undefined) throw new errors.JWKSNoMatchingKey();
          return key;
        },
        {
          algorithms: ['ES256'],
          issuer,
          audience,
          clockTolerance: clockSkewSeconds,
          currentDate: this.#clock.now(),
          requiredClaims: ['jti', 'sub', 'exp'],
        },
      );
    } catch (error) {
      if (error instanceof errors.JOSEError) return undefined;
      throw error;
    }
  }

  /** What a signature check found stays true; time, the audience and a key taken away do not. */
  async #stillHolds(claims: AccessClaims, audience: string): Promise<boolean> {
    const nowMs = this.#clock.now().getTime();
    const skewMs = clockSkewSeconds * 1000;
    return (
      claims.audience === audience &&
      nowMs < claims.expiresAtMs + skewMs &&
      (await this.#keys.verificationKey(claims.keyId)) !== undefined
    );
  }
}

function keyIdOf({ protectedHeader }: JWTVerifyResult): string {
  return protectedHeader.kid ?? '';
}
