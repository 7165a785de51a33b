import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import Provider, { type ClientMetadata, type Configuration } from 'oidc-provider';
import { type IssuerServer, startIssuerServer } from '../issuer-server.ts';

export const audience = 'registry.example.com';

/** The application that gets tokens of its own by its secret. */
export const application = { clientId: 'build-farm', secret: 'a-secret-of-the-build-farm' };

export interface TestIssuer extends Omit<IssuerServer, 'origin'> {
  /** `https://127.0.0.1:<port>` and the path that was asked for. */
  readonly issuer: string;
  readonly privateJwk: IssuerKey;
  /** Signs with the issuer's newest key. `header` adds to or replaces the usual one. */
  sign(claims: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>;
  /** From now on tokens are signed with another key, and only that is published. */
  rotateKeys(): Promise<void>;
}

/**
 * An OpenID Connect issuer on loopback, over TLS: `oidc-provider` publishes its metadata and keys
 * and gives an application tokens; those of jobs are signed here with the same key. This thread
 * trusts it until it stops.
 */
export async function startTestIssuer(path = '', alg = 'RS256'): Promise<TestIssuer> {
  let privateJwk = await makeKey(alg);

  const { origin, ...server } = await startIssuerServer((pathname, request, response) => {
    if (!pathname.startsWith(path)) return void response.writeHead(404).end();
    Object.assign(request, { originalUrl: pathname, url: pathname.slice(path.length) });
    void answer(request, response);
  });
  const issuer = `${origin}${path}`;
  let answer = makeProvider(issuer, privateJwk).callback();

  return {
    ...server,
    issuer,
    get privateJwk() {
      return privateJwk;
    },
    sign: (claims, header) => signWith(privateJwk, claims, header),
    async rotateKeys() {
      privateJwk = await makeKey(alg);
      answer = makeProvider(issuer, privateJwk).callback();
    },
  };
}

const client: ClientMetadata = {
  client_id: application.clientId,
  client_secret: application.secret,
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
  token_endpoint_auth_method: 'client_secret_post',
};

function makeProvider(issuer: string, key: IssuerKey): Provider {
  const configuration: Configuration = {
    jwks: { keys: [key] },
    clients: key.alg === 'RS256' ? [client] : [],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => `https://${audience}`,
        getResourceServerInfo: () => ({
          scope: '',
          audience,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 600,
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    ttl: { ClientCredentials: 600 },
    cookies: { keys: ['unused'] },
  };
  return new Provider(issuer, configuration);
}

export type IssuerKey = JWK & { readonly kid: string; readonly alg: string };

export async function makeKey(alg = 'RS256'): Promise<IssuerKey> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = await exportJWK(privateKey);
  return { ...jwk, kid: await calculateJwkThumbprint(jwk), use: 'sig', alg };
}

export function signWith(
  key: IssuerKey,
  claims: Record<string, unknown>,
  header: Record<string, unknown> = {},
): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ typ: 'JWT', alg: key.alg, kid: key.kid, ...header })
    .sign(key);
}

/** What is published of a key: the members that have no secret. */
export function publicHalf(key: IssuerKey): Record<string, unknown> {
  const isPublic = ([name]: [string, unknown]) => !/^(?:d|p|q|dp|dq|qi)$/.test(name);
  return Object.fromEntries(Object.entries(key).filter(isPublic));
}

const seconds = () => Math.floor(Date.now() / 1000);

/** The token of a GitHub Actions job (GitHub, "OpenID Connect reference"), good for five minutes. */
export function githubClaims(
  issuer: string,
  changed: Record<string, unknown> = {},
): Record<string, unknown> {
  const now = seconds();
  return {
    jti: crypto.randomUUID(),
    sub: 'repo:org/app:ref:refs/heads/main',
    aud: audience,
    ref: 'refs/heads/main',
    sha: 'f5e6d1c0a7b34f5c8e9d0a1b2c3d4e5f60718293',
    repository: 'org/app',
    repository_owner: 'org',
    repository_owner_id: '65',
    run_id: '1234567890',
    run_attempt: '1',
    repository_visibility: 'private',
    repository_id: '74',
    actor: 'octocat',
    workflow: 'release',
    event_name: 'push',
    ref_protected: 'true',
    ref_type: 'branch',
    job_workflow_ref: 'org/app/.github/workflows/release.yml@refs/heads/main',
    runner_environment: 'github-hosted',
    iss: issuer,
    nbf: now - 600,
    exp: now + 300,
    iat: now,
    ...changed,
  };
}

/** The ID token of a GitLab job (GitLab, "OpenID Connect (OIDC) authentication using ID tokens"). */
export function gitlabClaims(
  issuer: string,
  changed: Record<string, unknown> = {},
): Record<string, unknown> {
  const now = seconds();
  return {
    namespace_id: '72',
    namespace_path: 'my-group',
    project_id: '20',
    project_path: 'my-group/my-project',
    user_login: 'sample-user',
    groups_direct: ['my-group', 'release-engineers'],
    pipeline_id: '574',
    pipeline_source: 'push',
    job_id: '302',
    ref: 'main',
    ref_type: 'branch',
    ref_path: 'refs/heads/main',
    ref_protected: 'true',
    runner_id: 1,
    runner_environment: 'gitlab-hosted',
    sha: '714a629c0b401fdce83e847fc9589983fc6f46bc',
    jti: crypto.randomUUID(),
    iss: issuer,
    iat: now,
    nbf: now - 5,
    exp: now + 3600,
    sub: 'project_path:my-group/my-project:ref_type:branch:ref:main',
    aud: audience,
    ...changed,
  };
}

/** A service account's token (Kubernetes, "Configure Service Accounts for Pods"). */
export function kubernetesClaims(
  issuer: string,
  changed: Record<string, unknown> = {},
): Record<string, unknown> {
  const now = seconds();
  return {
    aud: [audience],
    exp: now + 3607,
    iat: now,
    iss: issuer,
    jti: crypto.randomUUID(),
    'kubernetes.io': {
      namespace: 'apps',
      node: { name: 'node-1', uid: '646e7c5e-32d6-4d42-9dbd-e504e6cbe6b1' },
      pod: { name: 'web-0', uid: '5e0bd49b-f040-43b0-99b7-22765a53f7f3' },
      serviceaccount: { name: 'builder', uid: '14ee3fa4-a7e2-420f-9f9a-dbc4507c3798' },
      warnafter: now + 3607,
    },
    nbf: now,
    sub: 'system:serviceaccount:apps:builder',
    ...changed,
  };
}
