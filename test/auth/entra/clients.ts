import { decodeJwt } from 'jose';
import type { App } from '../../../shared/http/app.ts';
import { ask, basic, bearer, host, jsonOf, request, tokenUser } from '../sign-in-app.ts';

const form = { 'Content-Type': 'application/x-www-form-urlencoded' };

type Fields = Readonly<Record<string, string>>;

/** Posts a form and reads the answer as External Secrets does: a map of strings, or an error. */
export async function post(app: App, path: string, fields: Fields): Promise<Fields> {
  const answer = await postForJson(app, path, fields);
  const strings = Object.entries(answer).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  if (strings.length < Object.keys(answer).length) throw new Error('a value is no string');
  return Object.fromEntries(strings);
}

/** Posts a form. Throws Refused unless the answer is 200. */
export async function postForJson(
  app: App,
  path: string,
  fields: Fields,
): Promise<Record<string, unknown>> {
  const body = new URLSearchParams(fields).toString();
  return jsonOf(await ask(app, request('POST', path, form, body)));
}

export function exchange(app: App, token: string, fields: Fields = {}): Promise<Fields> {
  const usual = { grant_type: 'access_token', service: host, access_token: token };
  return post(app, '/oauth2/exchange', { ...usual, ...fields });
}

/** `GET /oauth2/token` with Basic, as docker sends it. */
export async function get(
  app: App,
  query: string,
  authorization: string,
): Promise<Record<string, unknown>> {
  const message = request('GET', `/oauth2/token?service=${host}&${query}`, {
    Authorization: authorization,
  });
  return jsonOf(await ask(app, message));
}

export async function base(app: App, authorization: string): Promise<number> {
  return (await ask(app, request('GET', '/v2/', { Authorization: authorization }))).status;
}

/** Every way in that a token might be tried at, each refused as one. */
export function waysIn(app: App, token: string): readonly (() => Promise<unknown>)[] {
  const password = { grant_type: 'password', username: tokenUser, password: token };
  const refresh = { grant_type: 'refresh_token', refresh_token: token };
  return [
    () => exchange(app, token),
    () => exchange(app, token, { ...refresh, grant_type: 'access_token_refresh_token' }),
    () => post(app, '/oauth2/exchange', refresh),
    () => post(app, '/oauth2/token', password),
    () => post(app, '/oauth2/token', refresh),
    () => get(app, 'scope=repository:public/app:pull', basic(tokenUser, token)),
    () => base(app, basic(tokenUser, token)),
    () => base(app, bearer(token)),
  ];
}

export function accessOf({ access_token }: Readonly<Record<string, unknown>>): unknown {
  return decodeJwt(String(access_token))['access'];
}
