import * as v from 'valibot';
import { CliError } from '../cli-error.ts';
import type { StoredCredential } from '../credentials/credential.ts';
import { unanswered } from './connection-error.ts';
import { errorOf, type Shown } from './http-error.ts';

export interface RequestOptions {
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** How long to wait for the answer. */
  readonly timeoutMs?: number;
}

export interface JsonAnswer<T> {
  readonly value: T;
  readonly headers: Headers;
}

/**
 * What a token is asked for: `repository:team/app:pull`, `registry:management:*`. `undefined`: no
 * token, the credential itself.
 */
export type Scope = string | undefined;
export const managementScope = 'registry:management:*';
export const catalogScope = 'registry:catalog:*';

const tokenAnswer = v.object({ access_token: v.string() });
const refreshAnswer = v.object({ refresh_token: v.string() });
const defaultTimeoutMs = 60_000;
const userAgent = 'lighter-cli';

/**
 * One registry as one user sees it. Gets a token for each scope (distribution "Token
 * authentication"), keeps it for the process, and turns every failure into a CliError that says
 * what a person can do.
 */
export class RegistryClient {
  /** `https://host[:port]` */
  readonly origin: string;
  readonly #credential: StoredCredential | undefined;
  readonly #tokens = new Map<string, Promise<string | undefined>>();

  constructor(origin: string, credential: StoredCredential | undefined) {
    this.origin = origin;
    this.#credential = credential;
  }

  /** Sends a request and parses its JSON by the schema. */
  async json<Schema extends v.GenericSchema>(
    path: string,
    scope: Scope,
    schema: Schema,
    options: RequestOptions = {},
  ): Promise<JsonAnswer<v.InferOutput<Schema>>> {
    const response = await this.request(path, scope, options);
    return { value: await this.#parse(path, schema, response), headers: response.headers };
  }

  /**
   * Sends a request; throws unless its status is one of success. A token that was good before may
   * have ended meanwhile, so where one is refused there is a second try with a new one.
   */
  async request(path: string, scope: Scope, options: RequestOptions = {}): Promise<Response> {
    if (scope === undefined) {
      const response = await this.#sendWith(this.#basic(), path, options);
      if (response.ok) return response;
      throw await errorOf(response, this.#shown());
    }
    const known = this.#tokens.get(scope);
    let response = await this.#sendWith(await this.#bearer(scope), path, options);
    if (response.status === 401 && known !== undefined) {
      if (this.#tokens.get(scope) === known) this.#tokens.delete(scope);
      response = await this.#sendWith(await this.#bearer(scope), path, options);
    }
    if (response.ok) return response;
    throw await errorOf(response, this.#trusted());
  }

  /** Sends a request as it is and returns whatever the answer is. */
  async send(
    path: string,
    { method = 'GET', headers, body, timeoutMs = defaultTimeoutMs }: RequestOptions,
  ): Promise<Response> {
    try {
      return await fetch(new URL(path, this.origin), {
        method,
        redirect: 'follow',
        headers: {
          ...(body !== undefined && { 'Content-Type': 'application/json' }),
          'User-Agent': userAgent,
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(timeoutMs),
      });
    } catch (error) {
      throw unanswered(this.origin, error);
    }
  }

  /** An access token to the scope; undefined when nobody is signed in and nothing is open. */
  token(scope: string): Promise<string | undefined> {
    const known = this.#tokens.get(scope) ?? this.#fetchToken(scope);
    this.#tokens.set(scope, known);
    return known;
  }

  /** Trades an Entra or another issuer's token for a refresh token of the registry. */
  async exchange(foreignToken: string): Promise<string> {
    const response = await fetch(new URL('/oauth2/exchange', this.origin), {
      method: 'POST',
      headers: { 'User-Agent': userAgent },
      body: new URLSearchParams({
        grant_type: 'access_token',
        service: new URL(this.origin).host,
        access_token: foreignToken,
      }),
      signal: AbortSignal.timeout(defaultTimeoutMs),
    }).catch((cause: unknown) => {
      throw unanswered(this.origin, cause);
    });
    if (!response.ok) throw await errorOf(response, 'foreign-token');
    return (await this.#parse('/oauth2/exchange', refreshAnswer, response)).refresh_token;
  }

  async #parse<Schema extends v.GenericSchema>(
    path: string,
    schema: Schema,
    response: Response,
  ): Promise<v.InferOutput<Schema>> {
    const parsed = v.safeParse(schema, await response.json().catch(() => undefined));
    if (parsed.success) return parsed.output;
    throw new CliError(`${this.origin}${path} answered something else than expected`, undefined, {
      details: [`${v.getDotPath(parsed.issues[0]) ?? 'the body'}: ${parsed.issues[0].message}`],
    });
  }

  #sendWith(
    authorization: Readonly<Record<string, string>>,
    path: string,
    options: RequestOptions,
  ): Promise<Response> {
    return this.send(path, { ...options, headers: { ...options.headers, ...authorization } });
  }

  async #bearer(scope: string): Promise<Record<string, string>> {
    const token = await this.token(scope);
    return token === undefined ? {} : { Authorization: `Bearer ${token}` };
  }

  async #fetchToken(scope: string): Promise<string | undefined> {
    const query = new URLSearchParams({ service: new URL(this.origin).host, scope });
    const response = await this.send(`/oauth2/token?${query.toString()}`, {
      headers: this.#basic(),
    });
    if (response.status === 401 && this.#credential === undefined) return undefined;
    if (!response.ok) throw await errorOf(response, this.#shown());
    return (await this.#parse('/oauth2/token', tokenAnswer, response)).access_token;
  }

  #shown(): Shown {
    return this.#credential === undefined ? 'nothing' : 'credential';
  }

  /** The registry took the credential and gave a token. */
  #trusted(): Shown {
    return this.#credential === undefined ? 'nothing' : 'token';
  }

  #basic(): Record<string, string> {
    if (this.#credential === undefined) return {};
    const { username, password } = this.#credential;
    const pair = Buffer.from(`${username}:${password}`, 'utf8').toString('base64');
    return { Authorization: `Basic ${pair}` };
  }
}
