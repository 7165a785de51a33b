import { baseRoute } from '../../functions/base.ts';
import { exchangeRoute } from '../../functions/exchange.ts';
import { jwksRoute } from '../../functions/jwks.ts';
import { tokenRoute } from '../../functions/token.ts';
import { connectArm } from '../../shared/adapters/arm.ts';
import { connectEntra } from '../../shared/adapters/entra.ts';
import { connectIssuerKeys } from '../../shared/adapters/issuer-keys.ts';
import { composeAuthority } from '../../shared/auth/authority.ts';
import { AzureRoles } from '../../shared/auth/role-permissions.ts';
import { type Config, readConfig } from '../../shared/config.ts';
import type { App } from '../../shared/http/app.ts';
import type { RegistryRequest, RegistryResponse } from '../../shared/http/message.ts';
import type { Method } from '../../shared/http/route.ts';
import { serve } from '../../shared/http/serve.ts';
import { type Clock, systemClock } from '../../shared/ports/clock.ts';
import type { TableStore } from '../../shared/ports/table-store.ts';

export const host = 'registry.example.com';
export const origin = `https://${host}`;
export const tokenUser = '00000000-0000-0000-0000-000000000000';

export interface AppOptions {
  readonly adminPassword?: string;
  readonly anonymousPull?: string;
  readonly clock?: Clock;
  /** The longest a request to another issuer may take. */
  readonly issuerLimitMs?: number;
  /** Settings of Entra sign-in and of role assignments. */
  readonly entra?: Readonly<Record<string, string>>;
}

/** An application that can sign in and nothing else; touching the registry is an error. */
export function signInApp(tables: TableStore, options: AppOptions = {}): App {
  const config: Config = readConfig({
    LIGHTER_STORAGE_BLOB_URL: 'http://127.0.0.1:1/account',
    LIGHTER_STORAGE_TABLE_URL: 'http://127.0.0.1:1/account',
    LIGHTER_PUBLIC_URL: origin,
    LIGHTER_ADMIN_PASSWORD: options.adminPassword,
    LIGHTER_ANONYMOUS_PULL: options.anonymousPull,
    ...options.entra,
  });
  const clock = options.clock ?? systemClock;
  const entra = config.entra && connectEntra(config.entra, clock);
  const arm = config.roleAssignments;
  const roles = arm && new AzureRoles(connectArm(arm, clock), arm.resourceId, clock);
  return {
    config,
    authority: composeAuthority(config, tables, clock, {
      entra,
      roles,
      issuerKeys: connectIssuerKeys(clock, options.issuerLimitMs),
    }),
    get registry(): never {
      throw new Error('signing in needs no registry');
    },
    get diagnostics(): never {
      throw new Error('signing in asks nobody how it is');
    },
  };
}

export function request(
  method: Method,
  target: string,
  headers: Record<string, string> = {},
  body?: string | Uint8Array,
): RegistryRequest {
  const url = new URL(target, origin);
  return {
    method,
    path: url.pathname,
    query: url.searchParams,
    origin: 'http://not.believed',
    headers: new Headers(headers),
    body: body === undefined ? undefined : inChunks(Buffer.from(body)),
    id: 'request-id',
  };
}

/** A body as a network brings it: in pieces that know nothing of characters. */
async function* inChunks(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  for (let start = 0; start < bytes.byteLength; start += 7919) {
    yield await Promise.resolve(bytes.subarray(start, start + 7919));
  }
}

/** A response that is no success. */
export class Refused extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly errors: unknown;

  constructor(answer: RegistryResponse) {
    super(`answered ${answer.status}`);
    this.status = answer.status;
    this.headers = answer.headers;
    this.errors = jsonOf(answer)['errors'];
  }
}

const signInRoutes = [baseRoute, tokenRoute, exchangeRoute, jwksRoute];

/**
 * Sends a request the whole way, from its path to the response. Throws Refused unless that is 200.
 */
export async function ask(app: App, message: RegistryRequest): Promise<RegistryResponse> {
  const answer = await serve(signInRoutes, app, message, () => undefined);
  if (answer.status !== 200) throw new Refused(answer);
  return answer;
}

/** The JSON of a response whose body is text. */
export function jsonOf({ body }: RegistryResponse): Record<string, unknown> {
  if (typeof body !== 'string') throw new Error('the body is no text');
  return JSON.parse(body);
}

export function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

export function bearer(token: string): string {
  return `Bearer ${token}`;
}
