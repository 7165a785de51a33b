import { LRUCache } from 'lru-cache';
import { type PublicJwk, publicJwks } from '../domain/public-jwk.ts';
import type { Clock } from '../ports/clock.ts';
import { type IssuerKeys, IssuerUnavailable } from '../ports/issuer-keys.ts';
import { type JsonHttp, jsonHttp } from './json-http.ts';
import { KeyCache } from './key-cache.ts';

/** As many as the policy can have rules. */
const maxIssuers = 200;

/** `limitMs`: the longest that a request to an issuer may take. */
export function connectIssuerKeys(clock: Clock, limitMs?: number): IssuerKeys {
  const http = jsonHttp((message, options) => new IssuerUnavailable(message, options), limitMs);
  const issuers = new LRUCache<string, KeyCache<readonly PublicJwk[]>>({ max: maxIssuers });

  function cacheOf(issuer: string): KeyCache<readonly PublicJwk[]> {
    const known = issuers.get(issuer);
    if (known !== undefined) return known;
    const made = new KeyCache(() => discoverKeys(issuer, http), clock);
    issuers.set(issuer, made);
    return made;
  }

  return {
    async keysOf(issuer, kid) {
      const has = (key: PublicJwk) => kid === undefined || key['kid'] === kid;
      return (await cacheOf(issuer).find((keys) => (keys.some(has) ? keys : undefined))) ?? [];
    },
  };
}

async function discoverKeys(issuer: string, http: JsonHttp): Promise<readonly PublicJwk[]> {
  // Section 4.1: a slash at the end of the issuer is left away first.
  const metadata = await get(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, http);
  const { issuer: named, jwks_uri: keysUrl }: Record<string, unknown> = Object(metadata);
  if (named !== issuer) throw new IssuerUnavailable(`${issuer} has metadata of another issuer`);
  if (typeof keysUrl !== 'string') throw new IssuerUnavailable(`${issuer} does not name its keys`);
  const keys = publicJwks(await get(keysUrl, http));
  // A broken answer must not make good tokens look forged.
  if (keys.length === 0) throw new IssuerUnavailable(`${issuer} publishes no key to verify with`);
  return keys;
}

/** Nothing but https is ever asked, whoever named the address. */
async function get(url: string, http: JsonHttp): Promise<unknown> {
  const { protocol, username, password } = URL.canParse(url) ? new URL(url) : nowhere;
  if (protocol !== 'https:' || username !== '' || password !== '') {
    throw new IssuerUnavailable(`${url} is no https address`);
  }
  const { status, json } = await http(url);
  if (status !== 200) throw new IssuerUnavailable(`${url} answered ${status}`);
  return json;
}

const nowhere = { protocol: '', username: '', password: '' };
