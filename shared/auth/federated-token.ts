import type { JSONWebKeySet, JWTPayload, JWTVerifyGetKey } from 'jose';
import type { PublicJwk } from '../domain/public-jwk.ts';

/** As with Entra's: GitHub's have some 2 KiB. */
const maxTokenChars = 16 * 1024;
export const clockSkewSeconds = 60;
const jwtPattern = /^[\w-]+\.([\w-]+)\.[\w-]+$/;
/** Asymmetric ones only: with HMAC a public key would be the secret. */
const algorithms = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 EdDSA'.split(' ');

/** The `iss` of a text that has the form of a JWT, unverified; undefined of anything else. */
export function issuerIn(text: string): string | undefined {
  const payload = text.length > maxTokenChars ? undefined : jwtPattern.exec(text)?.[1];
  if (payload === undefined) return undefined;
  try {
    const { iss }: { iss?: unknown } = Object(
      JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')),
    );
    return typeof iss === 'string' ? iss : undefined;
  } catch {
    return undefined;
  }
}

/** Finds the keys to choose from by what the token's header calls its key. */
export type FindKeys = (kid: string | undefined) => Promise<readonly PublicJwk[]>;

/** The claims of a token that was checked, those it must have at hand. */
export interface FederatedClaims {
  readonly payload: JWTPayload;
  readonly subject: string;
  readonly issuedAtMs: number;
}

/**
 * Checks a token of that issuer (RFC 7519 section 7.2, RFC 8725): signature by one of the keys with
 * an asymmetric algorithm, named by `kid` unless there is just one key, and its times with a minute
 * of skew; not yet for whom it was made and what else it says. Nothing that its header says leads
 * to a key. Throws what finding the keys throws.
 */
export async function checkFederatedToken(
  token: string,
  issuer: string,
  findKeys: FindKeys,
  now: Date,
): Promise<FederatedClaims | { readonly refused: string }> {
  const { errors, jwtVerify } = await import('jose');
  const choose: JWTVerifyGetKey = async (header, input) => {
    const keys = await findKeys(header.kid);
    if (header.kid === undefined && keys.length !== 1) throw new errors.JWKSNoMatchingKey();
    const keySet = await keySetOf(keys);
    try {
      return await keySet(header, input);
    } catch (cause) {
      if (cause instanceof errors.JOSEError) throw cause;
      // A key has the members of one and cannot be imported.
      throw new errors.JWKSNoMatchingKey(undefined, { cause });
    }
  };
  try {
    const { payload } = await jwtVerify(token, choose, {
      algorithms,
      issuer,
      clockTolerance: clockSkewSeconds,
      currentDate: now,
      requiredClaims: ['exp', 'iat', 'sub'],
    });
    const { iat = Infinity } = payload;
    // Whatever the library's type says, it may be anything.
    const subject: unknown = payload.sub;
    if (typeof subject !== 'string' || subject === '' || subject.length > maxSubjectChars) {
      return { refused: 'its sub is no text, empty or too long' };
    }
    if (iat * 1000 > now.getTime() + clockSkewSeconds * 1000) {
      return { refused: 'it is not valid yet' };
    }
    return { payload, subject, issuedAtMs: iat * 1000 };
  } catch (error) {
    if (error instanceof errors.JWTExpired) return { refused: 'it has ended' };
    if (error instanceof errors.JWTClaimValidationFailed) {
      return { refused: claimProblem(error.claim, error.reason) };
    }
    if (error instanceof errors.JOSEError) {
      return { refused: 'its signature is by no key of its issuer' };
    }
    throw error;
  }
}

/** GitHub's can be made of many claims. */
const maxSubjectChars = 1_000;

function claimProblem(claim: string, reason: string): string {
  return claim === 'nbf' && reason === 'check_failed'
    ? 'it is not valid yet'
    : `its ${claim} is missing or wrong`;
}

/** Imported keys stay with the array they came from, and go with it. */
const keySets = new WeakMap<readonly PublicJwk[], JWTVerifyGetKey>();

async function keySetOf(keys: readonly PublicJwk[]): Promise<JWTVerifyGetKey> {
  const known = keySets.get(keys);
  if (known !== undefined) return known;
  const { createLocalJWKSet } = await import('jose');
  const keySet: JSONWebKeySet = { keys: keys.map((key) => ({ ...key })) };
  const made = createLocalJWKSet(keySet);
  keySets.set(keys, made);
  return made;
}
