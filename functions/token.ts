import { type Credential, parseAuthorization } from '../shared/auth/credential.ts';
import { signIn, type TokenRequest } from '../shared/auth/sign-in.ts';
import { RegistryError } from '../shared/errors.ts';
import { readForm, singleParameter } from '../shared/http/form.ts';
import type { RegistryRequest, RegistryResponse } from '../shared/http/message.ts';
import type { Call, RegistryRoute } from '../shared/http/route.ts';

/**
 * The token endpoint: distribution "Token authentication" (GET) and "OAuth2" (POST), as ACR serves
 * them.
 */
export const tokenRoute: RegistryRoute = {
  name: 'token',
  scope: 'registry',
  templates: ['oauth2/token', 'token'],
  pattern: /^\/(?:oauth2\/)?token$/,
  methods: {
    GET: {
      access: 'open',
      change: 'sign-in',
      handle: (call) => answer(call, fromQuery(call.request)),
    },
    POST: {
      access: 'open',
      change: 'sign-in',
      handle: async (call) => answer(call, await fromForm(call.request)),
    },
  },
};

/** Of what was granted, as the audit trail has it: a line of a log is not endless. */
const maxScopeChars = 2000;

async function answer(call: Call, request: TokenRequest): Promise<RegistryResponse> {
  const { answer: body, who, scope } = await signIn(call.app.authority, request, call.origin);
  return {
    status: 200,
    headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' },
    body: JSON.stringify(body),
    audit: { ...who, scope: scope.slice(0, maxScopeChars) },
  };
}

function fromQuery({ query, headers }: RegistryRequest): TokenRequest {
  return {
    credential: parseAuthorization(headers.get('authorization')),
    scopes: query.getAll('scope'),
    offline: query.get('offline_token') === 'true',
    detailed: true,
  };
}

async function fromForm(request: RegistryRequest): Promise<TokenRequest> {
  const form = await readForm(request);
  return {
    credential: formCredential(form),
    scopes: form.getAll('scope'),
    offline: singleParameter(form, 'access_type') === 'offline',
    detailed: form.has('client_id'),
  };
}

function formCredential(form: URLSearchParams): Credential {
  const grantType = singleParameter(form, 'grant_type');
  if (grantType === 'password') {
    const username = singleParameter(form, 'username');
    const password = singleParameter(form, 'password');
    // Azure's SDK asks so where it has no credential: as anonymous.
    if (username === undefined && password === undefined) return { kind: 'none' };
    if (username === undefined || password === undefined) return { kind: 'malformed' };
    return { kind: 'basic', username, password };
  }
  if (grantType === 'refresh_token') {
    const token = singleParameter(form, 'refresh_token');
    return token === undefined ? { kind: 'malformed' } : { kind: 'refresh', token };
  }
  throw new RegistryError('UNSUPPORTED', {
    status: 400,
    message: 'grant_type must be password or refresh_token',
  });
}
