import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import https from 'node:https';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import Provider, { type Configuration } from 'oidc-provider';
import { makeTestCertificate, trustCertificate } from '../../harness/certificate.ts';

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

/**
 * What happens to requests whose path ends so: an answer of one's own, a cut connection, or
 * silence.
 */
export type Fault =
  | { readonly status: number; readonly json: unknown; readonly headers?: Record<string, string> }
  | 'cut'
  | 'silence';

export interface TestEntra {
  /** `https://127.0.0.1:<port>` */
  readonly authority: string;
  readonly issuerV2: string;
  /** The settings that make a registry trust it. */
  readonly settings: Readonly<Record<string, string>>;
  /** PEM of its certificate, for other processes: NODE_EXTRA_CA_CERTS. */
  readonly certFile: string;
  /** Paths that were asked for, in order. */
  readonly asked: string[];
  readonly privateJwk: TestKey;
  readonly faults: Map<string, Fault>;
  /** Signs with the tenant's newest key. `header` adds to or replaces the usual one. */
  sign(claims: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>;
  /** From now on tokens are signed with another key, and only that is published. */
  rotateKeys(): Promise<void>;
  /** The applications with their secrets, in place of those before. */
  register(applications: readonly TestApplication[]): void;
  stop(): Promise<void>;
}

/**
 * A tenant of Entra on loopback, over TLS: `oidc-provider` with Entra's paths and the claims of its
 * tokens (Microsoft identity platform, "Access token claims reference"). This thread trusts it
 * until it stops.
 */
export async function startTestEntra(): Promise<TestEntra> {
  const certificate = await makeTestCertificate();
  const distrust = trustCertificate(certificate.certificate);
  const asked: string[] = [];
  const faults = new Map<string, Fault>();
  let privateJwk = await makeKey();
  let applications: readonly TestApplication[] = [];

  const server = https.createServer({
    cert: certificate.certificate,
    key: await readFile(certificate.keyFile),
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the provider has no port');
  const authority = `https://127.0.0.1:${address.port}`;
  const issuerV2 = `${authority}/${tenantId}/v2.0`;

  let answer = makeProvider().callback();
  function restart(): void {
    answer = makeProvider().callback();
  }

  server.on('request', (request, response) => {
    const { pathname } = new URL(request.url ?? '/', authority);
    asked.push(pathname);
    const fault = [...faults].find(([suffix]) => pathname.endsWith(suffix))?.[1];
    if (fault === 'cut') return void request.destroy();
    if (fault === 'silence') return;
    if (fault !== undefined) {
      response.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers });
      return void response.end(JSON.stringify(fault.json));
    }
    // The provider is mounted at the tenant's path; its metadata lies where Entra has that of 2.0.
    const url = pathname.replace('/v2.0/.well-known/', '/.well-known/');
    Object.assign(request, { originalUrl: url, url: url.replace(`/${tenantId}`, '') });
    void answer(request, response);
  });

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
    authority,
    issuerV2,
    settings: { LIGHTER_TENANT_ID: tenantId, LIGHTER_ENTRA_AUTHORITY: authority },
    certFile: certificate.certFile,
    asked,
    get privateJwk() {
      return privateJwk;
    },
    faults,
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
    async stop() {
      distrust();
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
      await certificate.remove();
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
