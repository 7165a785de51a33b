import type { JWTPayload } from 'jose';
import type { ResourceScope } from '../domain/scope.ts';
import { type Identity, parseIdentity } from './identity.ts';

/** What every token of ours says (RFC 7519 names, in our own words). */
interface TokenClaims {
  readonly tokenId: string;
  readonly subject: string;
  /** `kid` of the key that signed it. */
  readonly keyId: string;
  readonly audience: string;
  readonly expiresAtMs: number;
}

/** What an access token says: what its bearer may do, whoever that is. */
export interface AccessClaims extends TokenClaims {
  readonly access: readonly ResourceScope[];
  /** Patterns of repositories a push under this token may mount blobs from. */
  readonly mountFrom: readonly string[];
  /** Patterns of repositories in which a pull under this token sees what is in quarantine. */
  readonly sees: readonly string[];
}

/** What a refresh token says: who its bearer is; what that permits is asked when it is used. */
export interface RefreshClaims extends TokenClaims {
  readonly identity: Identity;
}

/** Undefined when the payload, whose signature was checked, is not an access token. */
export function parseAccessClaims(payload: JWTPayload, keyId: string): AccessClaims | undefined {
  const common = parseCommonClaims(payload, keyId);
  const access = parseAccess(payload['access']);
  if (common === undefined || access === undefined) return undefined;
  if (payload['grant_type'] !== 'access_token') return undefined;
  const mountFrom = parseStrings(payload['mount_from']);
  return { ...common, access, mountFrom, sees: parseStrings(payload['quarantine_read']) };
}

/** Undefined when the payload, whose signature was checked, is not a refresh token. */
export function parseRefreshClaims(payload: JWTPayload, keyId: string): RefreshClaims | undefined {
  const common = parseCommonClaims(payload, keyId);
  const identity = parseIdentity(payload['identity']);
  if (common === undefined || identity === undefined) return undefined;
  return payload['grant_type'] === 'refresh_token' ? { ...common, identity } : undefined;
}

function parseCommonClaims(
  { jti, sub, aud, exp }: JWTPayload,
  keyId: string,
): TokenClaims | undefined {
  if (jti === undefined || sub === undefined || exp === undefined) return undefined;
  if (typeof aud !== 'string') return undefined;
  return {
    tokenId: jti,
    subject: sub,
    keyId,
    audience: aud,
    expiresAtMs: exp * 1000,
  };
}

function parseAccess(claim: unknown): ResourceScope[] | undefined {
  if (!Array.isArray(claim)) return undefined;
  const scopes = claim.map(parseResourceScope);
  return scopes.every((scope) => scope !== undefined) ? scopes : undefined;
}

function parseResourceScope(value: unknown): ResourceScope | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (!('type' in value && 'name' in value && 'actions' in value)) return undefined;
  const { type, name, actions } = value;
  if (typeof type !== 'string' || typeof name !== 'string' || !Array.isArray(actions)) {
    return undefined;
  }
  return { type, name, actions: parseStrings(actions) };
}

function parseStrings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}
