import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import Provider, { type Configuration } from 'oidc-provider';
import { type IssuerServer, startIssuerServer } from '../issuer-server.ts';

export const tenantId = '7e1a0c52-3f0e-4b5a-9d55-5a5b0c9d2f10';
export const issuerV1 = `https://sts.windows.net/${tenantId}/`;
export const registryAudience = 'https://containerregistry.azure.net';
/** The Azure CLI's own client id. */
export const azureCli = '04b07795-8ddb-4619-bbee-02f9e1bf7b46';

export interface TestApplication {
  readonly clientId: string;
  readonly secret: string;
  readonly objectId: string;
}

export interface TestEntra extends Omit<IssuerServer, 'origin'> {
  /** `https://127.0.0.1:<port>` */
  readonly authority: string;
  readonly issuerV2: string;
  /** The settings that make a registry trust it. */
  readonly settings: Readonly<Record<string, string>>;
  readonly privateJwk: TestKey;
  /** Signs with the tenant's newest key. `header` adds to or replaces the usual one. */
  sign(claims: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>;
  /** From now on tokens are signed with another key, and only that is published. */
  rotateKeys(): Promise<void>;
  /** The applications with their secrets, in place of those before. */
  register(applications: readonly TestApplication[]): void;
}

/**
 * A tenant of Entra on loopback, over TLS: `oidc-provider` with Entra's paths and the claims of its
 * tokens (Microsoft identity platform, "Access token claims reference"). This thread trusts it
 * until it stops.
 */
export async function startTestEntra(): Promise<TestEntra> {
  let privateJwk = await makeKey();
  let applications: readonly TestApplication[] = [];

  const { origin: authority, ...server } = await startIssuerServer(
    (pathname, request, response) => {
      // The provider is mounted at the tenant's path; its metadata lies where Entra has that of 2.0.
      const url = pathname.replace('/v2.0/.well-known/', '/.well-known/');
      Object.assign(request, { originalUrl: url, url: url.replace(`/${tenantId}`, '') });
      void answer(request, response);
    },
  );
  const issuerV2 = `${authority}/${tenantId}/v2.0`;

  let answer = makeProvider().callback();
  function restart(): void {
    answer = makeProvider().callback();
  }

  function makeProvider(): Provider {
    const arm = 'https://management.azure.com';
    const configuration: Configuration = {
      jwks: { keys: [privateJwk] },
      clients: applications.map(({ clientId, secret }) => ({
        client_id: clientId,
        client_secret: secret,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        token_endpoint_auth_method: 'client_secret_post',
      })),
      routes: { jwks: '/discovery/v2.0/keys', token: '/oauth2/v2.0/token' },
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        resourceIndicators: {
          enabled: true,
          defaultResource: () => arm,
          getResourceServerInfo: () => ({
            scope: `${arm}/.default`,
            audience: arm,
            accessTokenFormat: 'jwt',
            accessTokenTTL: 3600,
            jwt: { sign: { alg: 'RS256' } },
          }),
        },
      },
      formats: {
        customizers: {
          jwt(_context, token, parts) {
            const application = applications.find(({ clientId }) => clientId === token.clientId);
            parts.payload = applicationClaims(arm, application);
          },
        },
      },
      ttl: { ClientCredentials: 3600 },
      cookies: { keys: ['unused'] },
    };
    return new Provider(issuerV2, configuration);
  }

  return {
    ...server,
    authority,
    issuerV2,
    settings: { LIGHTER_TENANT_ID: tenantId, LIGHTER_ENTRA_AUTHORITY: authority },
    get privateJwk() {
      return privateJwk;
    },
    sign: (claims, header) =>
      new SignJWT(claims)
        .setProtectedHeader({ typ: 'JWT', alg: 'RS256', kid: privateJwk.kid, ...header })
        .sign(privateJwk),
    async rotateKeys() {
      privateJwk = await makeKey();
      restart();
    },
    register(given) {
      applications = given;
      restart();
    },
  };
}

/** A user's token as the Azure CLI gets it: version 1.0. Times are in seconds. */
export function userClaims(changed: Record<string, unknown> = {}): Record<string, unknown> {
  const now = Math.floor(Date.now() / 1000);
  return {
    aud: registryAudience,
    iss: issuerV1,
    iat: now,
    nbf: now,
    exp: now + 4500,
    acr: '1',
    amr: ['pwd', 'mfa'],
    appid: azureCli,
    appidacr: '0',
    idp: issuerV1,
    name: 'Ada Lovelace',
    oid: '0C5F5A0D-6A3E-4C1B-8C60-33F1C9A7D001',
    scp: 'user_impersonation',
    sub: 'pairwise-subject-of-this-application',
    tid: tenantId,
    unique_name: 'ada@example.com',
    upn: 'ada@example.com',
    uti: 'c3Rm',
    ver: '1.0',
    ...changed,
  };
}

/** What an application's own token says, a managed identity's included: version 1.0. */
export function applicationClaims(
  audience: string,
  { clientId, objectId }: Omit<TestApplication, 'secret'> = { clientId: '', objectId: '' },
): Record<string, unknown> {
  return userClaims({
    aud: audience,
    amr: undefined,
    name: undefined,
    scp: undefined,
    unique_name: undefined,
    upn: undefined,
    appid: clientId,
    appidacr: '1',
    idtyp: 'app',
    oid: objectId,
    sub: objectId,
  });
}

export type TestKey = JWK & { readonly kid: string };

/** What the tenant publishes of a key. */
export function publicHalf({ kty, n = '', e = '', kid, use = 'sig' }: TestKey) {
  return { kty, n, e, kid, use };
}

/** A key pair as a tenant has them, without `alg`. */
export async function makeKey(): Promise<TestKey> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const jwk = await exportJWK(privateKey);
  return { ...jwk, kid: await calculateJwkThumbprint(jwk), use: 'sig' };
}
