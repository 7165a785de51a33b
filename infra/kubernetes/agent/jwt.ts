import { jsonFields } from './http.ts';

/** Times in seconds since 1970, as RFC 7519 section 4.1 has them. */
export interface TokenTimes {
  readonly issuedAt: number | undefined;
  readonly expiresAt: number | undefined;
}

/** When a JWT was made and ends, by its own words: nothing is verified. */
export function tokenTimes(token: string): TokenTimes {
  const [, payload = ''] = token.split('.');
  const { iat, exp } = jsonFields(Buffer.from(payload, 'base64url').toString());
  return { issuedAt: numberOf(iat), expiresAt: numberOf(exp) };
}

const numberOf = (value: unknown) => (typeof value === 'number' ? value : undefined);
