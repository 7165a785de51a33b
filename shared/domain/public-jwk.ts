import { isObject } from './json.ts';

/** A public key for signatures (RFC 7517; RFC 7518 section 6; RFC 8037), nothing secret in it. */
export type PublicJwk = Readonly<Record<string, string>> & { readonly kty: string };

/** What makes the key, by its type. */
const members: Readonly<Record<string, readonly string[]>> = {
  RSA: ['n', 'e'],
  EC: ['crv', 'x', 'y'],
  OKP: ['crv', 'x'],
};
const curves: Readonly<Record<string, readonly string[]>> = {
  EC: ['P-256', 'P-384', 'P-521'],
  OKP: ['Ed25519'],
};
/** RFC 7518 section 3.3: RSA keys have 2048 bits or more, in base64url. */
const minModulusChars = Math.ceil((2048 / 8) * (4 / 3));
const maxModulusChars = Math.ceil((16_384 / 8) * (4 / 3));

/**
 * The public half of a JWK, when it is for signatures: RSA from 2048 bits, EC of the three NIST
 * curves, or Ed25519. Undefined for anything else, symmetric keys above all.
 */
export function parsePublicJwk(jwk: unknown): PublicJwk | undefined {
  if (!isObject(jwk)) return undefined;
  const { kty, crv, n, use = 'sig', kid, alg } = jwk;
  const names = typeof kty === 'string' && Object.hasOwn(members, kty) ? members[kty] : undefined;
  if (typeof kty !== 'string' || names === undefined || use !== 'sig') return undefined;
  if (kty === 'RSA' && !isModulus(n)) return undefined;
  if (kty !== 'RSA' && !(typeof crv === 'string' && curves[kty]?.includes(crv))) return undefined;
  const made: Record<string, string> = {};
  for (const name of names) {
    const value = jwk[name];
    if (typeof value !== 'string' || value === '') return undefined;
    made[name] = value;
  }
  if (typeof kid === 'string') made['kid'] = kid;
  if (typeof alg === 'string') made['alg'] = alg;
  return { ...made, kty };
}

function isModulus(n: unknown): boolean {
  return typeof n === 'string' && n.length >= minModulusChars && n.length <= maxModulusChars;
}

/** The keys of a set that tokens can be checked with (RFC 7517 section 5: others are ignored). */
export function publicJwks(keySet: unknown): readonly PublicJwk[] {
  const { keys }: { keys?: unknown } = Object(keySet);
  return Array.isArray(keys) ? keys.flatMap((key) => parsePublicJwk(key) ?? []) : [];
}
