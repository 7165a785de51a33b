import * as v from 'valibot';
import { parsePublicJwk } from '../domain/public-jwk.ts';
import { description, repositoryRules, resourceName } from './repository-rules.ts';
import { uniqueNames } from './scope-maps.ts';

/** Longest life a token may have left or behind it, unless a rule says less. */
export const defaultMaxTokenAgeSeconds = 3600;

/**
 * What a claim must be: exactly this text, in which `*` stands for any characters, or one of
 * several. A claim that is a list fits when one of its elements does.
 */
const claimCondition = v.union([
  v.pipe(v.string(), v.minLength(1), v.maxLength(500)),
  v.pipe(
    v.array(v.pipe(v.string(), v.minLength(1), v.maxLength(500))),
    v.minLength(1),
    v.maxLength(50),
  ),
]);

/** A claim's name, or a JSON pointer to it (RFC 6901): `/kubernetes.io/namespace`. */
const claimName = v.pipe(v.string(), v.minLength(1), v.maxLength(200));

/** Public keys (RFC 7517) of an issuer that the registry cannot reach. */
const keySet = v.strictObject({
  keys: v.pipe(
    v.array(
      v.pipe(
        v.looseObject({ kty: v.picklist(['RSA', 'EC', 'OKP']) }),
        v.check((key) => !('d' in key), 'must be a public key, without its private part'),
        v.check(
          (key) => parsePublicJwk(key) !== undefined,
          'must be a key for signatures: RSA from 2048 bits, P-256, P-384, P-521 or Ed25519',
        ),
      ),
    ),
    v.minLength(1),
    v.maxLength(20),
  ),
});

/**
 * Who shows a token of this issuer, made for this audience, with these claims, may do what the
 * rules say (OpenID Connect Core 1.0, "ID Token"; RFC 7519).
 */
export const federationRule = v.strictObject({
  name: resourceName,
  description,
  issuer: v.pipe(
    v.string(),
    v.maxLength(500),
    v.check(isIssuer, 'must be an https URL without query and fragment, as the tokens have it'),
    v.description('An https URL, exactly as the tokens have it in `iss`.'),
  ),
  audience: v.pipe(
    v.string(),
    v.minLength(1),
    v.maxLength(500),
    v.description('What the tokens are made for: in `aud`, exactly.'),
  ),
  claims: v.pipe(
    v.record(claimName, claimCondition),
    v.check((claims) => Object.keys(claims).length > 0, 'must name at least one claim'),
    v.check((claims) => Object.keys(claims).length <= 20, 'must name at most 20 claims'),
    v.check(
      (claims) => Object.values(claims).some(saysSomething),
      'must ask more of one claim than to be there: the issuer may make tokens for everybody',
    ),
    v.description(
      'What each claim must be: this text, in which `*` stands for any characters, or one of several. All must hold. A name may be a JSON pointer.',
    ),
  ),
  rules: repositoryRules,
  maxTokenAgeSeconds: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(60),
      v.maxValue(86_400),
      v.description('The longest life a token may have left or behind it.'),
    ),
    defaultMaxTokenAgeSeconds,
  ),
  jwks: v.pipe(
    v.optional(keySet),
    v.description('Its public keys, where the registry cannot reach it (RFC 7517).'),
  ),
});
export type FederationRule = v.InferOutput<typeof federationRule>;

export const federationRules = v.pipe(
  v.array(federationRule),
  v.maxLength(200),
  uniqueNames<FederationRule>(),
);

function saysSomething(condition: string | readonly string[]): boolean {
  return (typeof condition === 'string' ? [condition] : condition).every((pattern) =>
    /[^*]/.test(pattern),
  );
}

function isIssuer(text: string): boolean {
  return /^https:\/\/[^?#\s*]+$/.test(text) && URL.canParse(text) && new URL(text).username === '';
}
