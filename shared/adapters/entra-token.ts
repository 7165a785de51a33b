import type { JWTPayload } from 'jose';
import type { Clock } from '../ports/clock.ts';
import type { EntraPrincipal, EntraRefusal } from '../ports/entra.ts';
import { entraIssuers, type EntraTenant } from './entra-issuers.ts';
import type { EntraKeys } from './entra-keys.ts';

/** With two hundred groups, the most Entra puts into one, a token has 11 KiB. */
const maxTokenChars = 16 * 1024;
const clockSkewSeconds = 60;
const guidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export interface EntraTokenRules extends EntraTenant {
  /** The token's `aud` must be one of these. */
  readonly audiences: readonly string[];
}

/** `Entra.verify` of the port, for any audiences. */
export async function checkEntraToken(
  token: string,
  rules: EntraTokenRules,
  keys: EntraKeys,
  clock: Clock,
): Promise<EntraPrincipal | EntraRefusal | 'not-mine'> {
  if (token.length > maxTokenChars) return 'not-mine';
  const { decodeJwt, errors, jwtVerify } = await import('jose');
  const issuers = entraIssuers(rules);
  try {
    // Nobody's junk makes the keys be asked for.
    if (!issuers.includes(decodeJwt(token).iss ?? '')) return 'not-mine';
  } catch {
    return 'not-mine';
  }
  try {
    const { payload } = await jwtVerify(
      token,
      async ({ kid }) => {
        const key = kid === undefined ? undefined : await keys.verificationKey(kid);
        if (key === undefined) throw new errors.JWKSNoMatchingKey();
        return key;
      },
      {
        algorithms: ['RS256'],
        issuer: [...issuers],
        audience: [...rules.audiences],
        clockTolerance: clockSkewSeconds,
        currentDate: clock.now(),
        requiredClaims: ['exp', 'nbf'],
      },
    );
    return principalOf(payload, rules.tenantId) ?? { refused: 'it is no access token' };
  } catch (error) {
    if (error instanceof errors.JWTExpired) return { refused: 'it has ended' };
    if (error instanceof errors.JWTClaimValidationFailed) return { refused: reasonOf(error.claim) };
    if (error instanceof errors.JOSEError) return { refused: 'its signature is not valid' };
    throw error;
  }
}

function reasonOf(claim: string): string {
  if (claim === 'nbf') return 'it is not valid yet';
  if (claim === 'aud') return 'it was made for another audience';
  return `its claim ${claim} is not valid`;
}

/**
 * Undefined when claims are missing that every access token has. An ID token, which a client may
 * leak without a thought, has neither `appid` (version 1.0) nor `azp` (2.0).
 */
function principalOf(payload: JWTPayload, tenantId: string): EntraPrincipal | undefined {
  const { aud, exp = 0, sub, oid, tid, idtyp } = payload;
  const clientId = guidOf(payload['appid'] ?? payload['azp']);
  const objectId = guidOf(oid);
  if (typeof aud !== 'string' || guidOf(tid) !== tenantId) return undefined;
  if (clientId === undefined || objectId === undefined) return undefined;
  return {
    tenantId,
    objectId,
    clientId,
    isApplication: idtyp === 'app' || sub === oid,
    name: nameOf(payload),
    expiresAtMs: exp * 1000,
  };
}

function guidOf(claim: unknown): string | undefined {
  const text = typeof claim === 'string' ? claim.toLowerCase() : '';
  return guidPattern.test(text) ? text : undefined;
}

function nameOf(payload: JWTPayload): string | undefined {
  const names = [payload['preferred_username'], payload['upn'], payload['unique_name']];
  return names.find((name): name is string => typeof name === 'string')?.slice(0, 256);
}
