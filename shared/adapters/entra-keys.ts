import type { CryptoKey } from 'jose';
import type { Clock } from '../ports/clock.ts';
import { EntraUnavailable } from '../ports/entra.ts';
import type { EntraHttp } from './entra-http.ts';
import { entraIssuers, type EntraTenant, issuerV2 } from './entra-issuers.ts';

const hourMs = 3_600_000;
/** Keys are read again behind the back of who uses them when they are this old. */
const refreshMs = hourMs;
/** For so long keys verify while Entra cannot be asked: it takes leaked keys away. */
const maxAgeMs = 24 * hourMs;
/** The least time between two reads. */
const retryMs = 10_000;

/**
 * The public keys a tenant signs with, found by its metadata (OpenID Connect Discovery) on the
 * authority's own host: nothing that a token says leads anywhere else. An unknown `kid` makes them
 * be read again, at most every ten seconds, since Entra may replace its keys at any time.
 */
export class EntraKeys {
  readonly #tenant: EntraTenant;
  readonly #http: EntraHttp;
  readonly #clock: Clock;
  #keys: ReadonlyMap<string, CryptoKey> = new Map();
  #readAtMs = -Infinity;
  #triedAtMs = -Infinity;
  #failure: unknown;
  #reading: Promise<void> | undefined;

  constructor(tenant: EntraTenant, http: EntraHttp, clock: Clock) {
    this.#tenant = tenant;
    this.#http = http;
    this.#clock = clock;
  }

  /**
   * The key of that `kid`; undefined when the tenant has none. Throws EntraUnavailable when that is
   * not known: the keys were never read, or too long ago, or could not be read for this `kid`.
   */
  async verificationKey(kid: string): Promise<CryptoKey | undefined> {
    const ageMs = this.#nowMs() - this.#readAtMs;
    const known = ageMs < maxAgeMs ? this.#keys.get(kid) : undefined;
    if (known === undefined) {
      await this.#readAgain();
      return this.#keys.get(kid);
    }
    if (ageMs >= refreshMs) void this.#readAgain().catch(() => undefined);
    return known;
  }

  /** Reads the keys unless that was tried just now; then its outcome stands. */
  async #readAgain(): Promise<void> {
    if (this.#reading === undefined && this.#nowMs() - this.#triedAtMs < retryMs) {
      if (this.#failure !== undefined) throw this.#failure;
      return;
    }
    this.#reading ??= this.#read().finally(() => (this.#reading = undefined));
    await this.#reading;
  }

  async #read(): Promise<void> {
    this.#triedAtMs = this.#nowMs();
    try {
      this.#keys = await this.#fetchKeys();
      this.#readAtMs = this.#nowMs();
      this.#failure = undefined;
    } catch (error) {
      this.#failure = error;
      throw error;
    }
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

  #nowMs(): number {
    return this.#clock.now().getTime();
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
