import { exchange } from '../shared/auth/exchange.ts';
import { RegistryError } from '../shared/errors.ts';
import { readForm, singleParameter } from '../shared/http/form.ts';
import type { RegistryResponse } from '../shared/http/message.ts';
import type { Call, RegistryRoute } from '../shared/http/route.ts';

/**
 * Trades an Entra token for a refresh token of the registry, as ACR's endpoint of that name does.
 */
export const exchangeRoute: RegistryRoute = {
  name: 'exchange',
  scope: 'registry',
  templates: ['oauth2/exchange'],
  pattern: /^\/oauth2\/exchange$/,
  methods: { POST: { access: 'open', change: 'sign-in', handle: answer } },
};

async function answer({ app, request, origin }: Call): Promise<RegistryResponse> {
  const token = entraToken(await readForm(request));
  const { answer: body, who } = await exchange(app.authority, token, origin);
  return {
    status: 200,
    headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' },
    body: JSON.stringify(body),
    audit: who,
  };
}

/**
 * The field that has the Entra access token, by grant type. AKS sends the second with the token in
 * both fields. `service` and `tenant` help ACR to find its way; here the token itself says its
 * tenant.
 */
const tokenFields: Readonly<Record<string, string>> = {
  access_token: 'access_token',
  access_token_refresh_token: 'access_token',
  refresh_token: 'refresh_token',
};
const once = ['grant_type', 'service', 'tenant', 'access_token', 'refresh_token'];

function entraToken(form: URLSearchParams): string {
  once.forEach((name) => singleParameter(form, name));
  const grantType = form.get('grant_type') ?? '';
  const field = Object.hasOwn(tokenFields, grantType) ? tokenFields[grantType] : undefined;
  if (field === undefined) {
    throw invalid(`grant_type must be one of ${Object.keys(tokenFields).join(', ')}`);
  }
  const token = form.get(field);
  if (!token) throw invalid(`${field} is missing`);
  return token;
}

function invalid(message: string): RegistryError {
  return new RegistryError('UNSUPPORTED', { status: 400, message });
}
