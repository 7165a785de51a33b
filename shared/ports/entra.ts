import { Unavailable } from './unavailable.ts';

/** Who an Entra access token speaks of. Ids are lower-case GUIDs. */
export interface EntraPrincipal {
  readonly tenantId: string;
  /** `oid`: a user's, service principal's or managed identity's object in the tenant. */
  readonly objectId: string;
  /** The application that asked for the token (`appid` or `azp`). */
  readonly clientId: string;
  /** The application itself is the principal: no user stands behind the token. */
  readonly isApplication: boolean;
  /** What people call the user, for logs; absent for applications. */
  readonly name: string | undefined;
  /** When the token ends, in milliseconds. */
  readonly expiresAtMs: number;
}

/** A token of this tenant, or one that says so, that is not accepted. */
export interface EntraRefusal {
  readonly refused: string;
}

/** What the registry asks Microsoft Entra. Asks nothing and loads nothing before it is used. */
export interface Entra {
  /** The one tenant it knows. */
  readonly tenantId: string;
  /** Every `iss` that a token of the tenant may have. */
  readonly issuers: readonly string[];
  /**
   * Checks an access token (Microsoft identity platform, "Access tokens", validation): signature by
   * a key of the tenant with RS256, issuer (v1 or v2) and tenant, times with a minute of skew, and
   * that it was made for this registry. `not-mine`: no issuer of the tenant is named in it, another
   * may know it. The reason of a refusal may be told to its bearer. Throws EntraUnavailable when it
   * cannot be decided because the tenant's keys cannot be had.
   */
  verify(token: string): Promise<EntraPrincipal | EntraRefusal | 'not-mine'>;
  /**
   * Whether the secret is the application's: a client credentials grant (RFC 6749 section 4.4) at
   * the tenant, the token checked as above and thrown away. `refused` is Entra's word, wrong secret
   * or no such application alike. Throws EntraUnavailable when Entra gives no word.
   */
  signInApplication(clientId: string, secret: string): Promise<EntraPrincipal | 'refused'>;
}

/** Entra did not answer, or not as documented: nothing is known of the credential. */
export class EntraUnavailable extends Unavailable {
  override readonly name = 'EntraUnavailable';

  constructor(message: string, options: { cause?: unknown; retryAfterSeconds?: number } = {}) {
    super(message, { retryAfterSeconds: 5, ...options });
  }
}

export function isRefusal(outcome: EntraPrincipal | EntraRefusal): outcome is EntraRefusal {
  return 'refused' in outcome;
}
