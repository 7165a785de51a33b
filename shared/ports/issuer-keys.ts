import type { PublicJwk } from '../domain/public-jwk.ts';
import { Unavailable } from './unavailable.ts';

/** Public keys of OpenID Connect issuers. Asks nothing and loads nothing before it is used. */
export interface IssuerKeys {
  /**
   * The keys an issuer signs with, found by its metadata (OpenID Connect Discovery 1.0, section 4),
   * in which it must call itself the same: over https, following no redirect, of bounded size and
   * time. Kept, and read again when they are old, and when none has that `kid`, then at most every
   * ten seconds. The same array while they are the same read. `issuer` is an https URL that an
   * administrator trusts. Throws IssuerUnavailable when the keys are not known, or when that `kid`
   * may be newer than what is known.
   */
  keysOf(issuer: string, kid: string | undefined): Promise<readonly PublicJwk[]>;
}

/** The issuer did not answer, or not as the standard says: nothing is known of its tokens. */
export class IssuerUnavailable extends Unavailable {
  override readonly name = 'IssuerUnavailable';

  constructor(message: string, options: { cause?: unknown; retryAfterSeconds?: number } = {}) {
    super(message, { retryAfterSeconds: 5, ...options });
  }
}
