import type { CryptoKey } from 'jose';
import type { Clock } from '../ports/clock.ts';
import { EntraUnavailable } from '../ports/entra.ts';
import type { JsonHttp } from './json-http.ts';
import { entraIssuers, type EntraTenant, issuerV2 } from './entra-issuers.ts';
import { KeyCache } from './key-cache.ts';

/**
 * The public keys a tenant signs with, found by its metadata (OpenID Connect Discovery) on the
 * authority's own host: nothing that a token says leads anywhere else. An unknown `kid` makes them
 * be read again, at most every ten seconds, since Entra may replace its keys at any time.
 */
export class EntraKeys {
  readonly #tenant: EntraTenant;
  readonly #http: JsonHttp;
  readonly #keys: KeyCache<ReadonlyMap<string, CryptoKey>>;

  constructor(tenant: EntraTenant, http: JsonHttp, clock: Clock) {
    this.#tenant = tenant;
    this.#http = http;
    this.#keys = new KeyCache(() => this.#fetchKeys(), clock);
  }

  /**
   * The key of that `kid`; undefined when the tenant has none. Throws EntraUnavailable when that is
   * not known: the keys were never read, or too long ago, or could not be read for this `kid`.
   */
  verificationKey(kid: string): Promise<CryptoKey | undefined> {
    return this.#keys.find((keys) => keys.get(kid));
  }

  async #fetchKeys(): Promise<ReadonlyMap<string, CryptoKey>> {
    const keySet = await this.#get(await this.#keysUrl());
    const usable = signingKeys(keySet, this.#keyIssuers());
    // A broken answer must not make good tokens look forged.
    if (usable.length === 0) throw new EntraUnavailable('Entra published no key to verify with');
    const { importJWK } = await import('jose');
    const imported = usable.map(async ({ kid, n, e }): Promise<[string, CryptoKey]> => {
      const key = await importJWK({ kty: 'RSA', n, e }, 'RS256');
      if (key instanceof Uint8Array) throw new EntraUnavailable('a key of Entra is no RSA key');
      return [kid, key];
    });
    return new Map(await Promise.all(imported));
  }

  #keyIssuers(): readonly string[] {
    const anyTenant = { ...this.#tenant, tenantId: '{tenantid}' };
    return [...entraIssuers(this.#tenant), ...entraIssuers(anyTenant)];
  }

  async #keysUrl(): Promise<string> {
    const issuer = issuerV2(this.#tenant);
    const metadata = await this.#get(`${issuer}/.well-known/openid-configuration`);
    const { issuer: named, jwks_uri: keysUrl }: Record<string, unknown> = Object(metadata);
    if (named !== issuer) throw new EntraUnavailable(`${issuer} has metadata of another issuer`);
    if (typeof keysUrl !== 'string' || !keysUrl.startsWith(`${this.#tenant.authority}/`)) {
      throw new EntraUnavailable(`${issuer} has its keys on another host`);
    }
    return keysUrl;
  }

  async #get(url: string): Promise<unknown> {
    const { status, json } = await this.#http(url);
    if (status !== 200) throw new EntraUnavailable(`${url} answered ${status}`);
    return json;
  }
}

interface RsaSigningKey {
  readonly kid: string;
  readonly n: string;
  readonly e: string;
}

/**
 * The RSA keys for signatures of a key set (RFC 7517). Entra says of some keys which issuer they
 * are for, `{tenantid}` standing for any tenant; those of another are not the tenant's word.
 */
function signingKeys(keySet: unknown, issuers: readonly string[]): RsaSigningKey[] {
  const { keys }: { keys?: unknown } = Object(keySet);
  return Array.isArray(keys) ? keys.flatMap((key) => parseSigningKey(key, issuers) ?? []) : [];
}

function parseSigningKey(jwk: unknown, issuers: readonly string[]): RsaSigningKey | undefined {
  const {
    kty,
    kid,
    n,
    e,
    use = 'sig',
    alg = 'RS256',
    issuer,
  }: Record<string, unknown> = Object(jwk);
  if (kty !== 'RSA' || use !== 'sig' || alg !== 'RS256') return undefined;
  if (typeof kid !== 'string' || typeof n !== 'string' || typeof e !== 'string') return undefined;
  if (issuer !== undefined && !(typeof issuer === 'string' && issuers.includes(issuer))) {
    return undefined;
  }
  return { kid, n, e };
}
