import type { Who } from '../errors.ts';

/**
 * What a client offered to prove who it is, before anybody looked whether it is true. `refresh`
 * comes from the token endpoint's form only; the others from `Authorization`.
 */
export type Credential =
  | { readonly kind: 'none' }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | { readonly kind: 'bearer'; readonly token: string }
  | { readonly kind: 'refresh'; readonly token: string };

/** The user name that says "the password is a token", as with ACR. */
export const tokenUsername = '00000000-0000-0000-0000-000000000000';

const basicPattern = /^basic +([a-z0-9+/]+={0,2})$/i;
const bearerPattern = /^bearer +([a-z0-9._~+/-]+=*)$/i;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Parses an `Authorization` header: Basic (RFC 7617, UTF-8, the first colon divides) or Bearer (RFC
 * 6750). Never throws; anything else, another scheme included, is `malformed`, and an absent header
 * is `none`.
 */
export function parseAuthorization(header: string | null): Credential {
  if (header === null) return { kind: 'none' };
  const value = header.trim();

  const token = bearerPattern.exec(value)?.[1];
  if (token !== undefined) return { kind: 'bearer', token };

  const encoded = basicPattern.exec(value)?.[1];
  const pair = encoded === undefined ? undefined : decodeUtf8(Buffer.from(encoded, 'base64'));
  const colon = pair?.indexOf(':') ?? -1;
  if (pair === undefined || colon < 0) return { kind: 'malformed' };
  return { kind: 'basic', username: pair.slice(0, colon), password: pair.slice(colon + 1) };
}

/** What the audit trail tells of a credential. */
export function whoShowed(credential: Credential): Who {
  const claimed = claimedName(credential);
  return { credential: wordFor(credential), ...(claimed !== undefined && { claimed }) };
}

function wordFor(credential: Credential): string {
  if (credential.kind === 'bearer') return 'access-token';
  if (credential.kind === 'refresh') return 'refresh-token';
  if (credential.kind !== 'basic') return credential.kind;
  return credential.username === tokenUsername ? 'token-as-password' : 'password';
}

/** People type passwords where a user name belongs, so that only what can be none is told. */
function claimedName(credential: Credential): string | undefined {
  if (credential.kind !== 'basic' || credential.username === tokenUsername) return undefined;
  const isTold = /^(?:admin|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;
  return isTold.test(credential.username) ? credential.username : undefined;
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}
