import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runAgent } from './agent.ts';
import { startTestClusterApi, type TestClusterApi } from './cluster-api.ts';
import { type ClusterRegistry, startClusterRegistry } from './cluster-registry.ts';

const issuer = 'https://oidc.cluster.example/';
const subject = 'system:serviceaccount:team:puller';

let registry: ClusterRegistry;
let api: TestClusterApi;
let folder: string;
let sign: (ofSubject?: string) => Promise<string>;

/** A cluster whose service account tokens the registry believes, without asking the cluster. */
beforeAll(async () => {
  registry = await startClusterRegistry();
  api = await startTestClusterApi();
  folder = await mkdtemp(join(tmpdir(), 'lighter-federation-'));
  const { publicKey, privateKey } = await generateKeyPair('RS256');
  sign = (ofSubject = subject) =>
    new SignJWT({
      'kubernetes.io': { namespace: 'team', serviceaccount: { name: 'puller', uid: '1' } },
    })
      .setProtectedHeader({ alg: 'RS256', kid: 'cluster' })
      .setIssuer(issuer)
      .setAudience([registry.host])
      .setSubject(ofSubject)
      .setIssuedAt()
      .setNotBefore('0s')
      .setExpirationTime('1h')
      .sign(privateKey);
  const rule = {
    issuer,
    audience: registry.host,
    claims: { sub: subject },
    rules: [{ repositories: ['team/*'], actions: ['content/read'] }],
    jwks: { keys: [{ ...(await exportJWK(publicKey)), kid: 'cluster', alg: 'RS256' }] },
  };
  const answer = await registry.owner.send('PUT', '/api/v1/federation/cluster', {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(rule),
  });
  expect(answer.status, answer.body.toString()).toBeLessThan(300);
});
afterAll(async () => {
  await Promise.all([registry.stop(), api.stop()]);
  await rm(folder, { recursive: true, force: true });
});

async function pulls(username: string, password: string): Promise<number> {
  return (await registry.as(username, password).send('GET', '/v2/team/app/manifests/1')).status;
}

test("secret: the service account's own token becomes a pull secret, without Azure", async () => {
  const token = join(folder, 'token');
  await writeFile(token, await sign());
  const { code, log } = await runAgent(
    [
      'secret',
      `--registry=${registry.host}`,
      '--secret=lighter-pull',
      '--identity=service-account',
      `--token-file=${token}`,
      `--service-account-folder=${api.serviceAccountFolder}`,
      '--once',
    ],
    { env: { ...registry.env, ...api.env } },
  );
  expect({ code, log }).toMatchObject({ code: 0 });
  const data = api.secrets.get('lighter-pull')?.data['.dockerconfigjson'] ?? '';
  const { auths }: { auths: Record<string, { auth: string }> } = JSON.parse(
    Buffer.from(data, 'base64').toString(),
  );
  const [username = '', password = ''] = Buffer.from(auths[registry.host]?.auth ?? '', 'base64')
    .toString()
    .split(':');
  expect(await pulls(username, password)).toBe(200);
});

const provide = (serviceAccountToken: string) =>
  runAgent(['credential-provider', `--registry=${registry.host}`], {
    env: { ...registry.env },
    input: JSON.stringify({
      apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
      kind: 'CredentialProviderRequest',
      image: `${registry.host}/team/app:1`,
      serviceAccountToken,
    }),
  });

test("credential-provider: the token of the pod's service account becomes a credential", async () => {
  const { code, stdout, log } = await provide(await sign());
  expect({ code, log }).toEqual({ code: 0, log: '' });
  const { auth }: { auth: Record<string, { username: string; password: string }> } =
    JSON.parse(stdout);
  const { username = '', password = '' } = auth[registry.host] ?? {};
  expect(await pulls(username, password)).toBe(200);
});

test('a token of another service account is refused in the words of the registry', async () => {
  const { code, stdout, log } = await provide(await sign('system:serviceaccount:other:puller'));
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(log).toMatch(/^the registry \S+ refuses the identity: 401, the token is refused: .+\n$/);
});
