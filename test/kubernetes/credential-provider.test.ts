import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { applicationClaims, registryAudience, tenantId } from '../auth/entra/test-entra.ts';
import { runAgent } from './agent.ts';
import { kubelet } from './azure-cluster.ts';
import { type ClusterRegistry, startClusterRegistry } from './cluster-registry.ts';
import { startTestTokenEndpoint, type TestTokenEndpoint } from './entra-token-endpoint.ts';

let registry: ClusterRegistry;
let entra: TestTokenEndpoint;

beforeAll(async () => {
  registry = await startClusterRegistry();
  entra = await startTestTokenEndpoint(() =>
    registry.entra.sign(applicationClaims(registryAudience, kubelet)),
  );
});
afterAll(() => Promise.all([registry.stop(), entra.stop()]));
afterEach(() => {
  registry.metadata.fault = undefined;
});

/** Kubernetes reference, "Kubelet CredentialProvider (v1)". */
interface Response {
  readonly apiVersion: string;
  readonly kind: string;
  readonly cacheKeyType: string;
  readonly cacheDuration: string;
  readonly auth: Readonly<Record<string, { readonly username: string; readonly password: string }>>;
}

async function provide(fields: object, ...args: string[]): Promise<Response> {
  const { code, stdout, log } = await ask(fields, ...args);
  expect({ code, log }).toEqual({ code: 0, log: '' });
  return JSON.parse(stdout);
}

/** Like the kubelet: the program with its arguments, and one request on stdin. */
const ask = (fields: object, ...args: string[]) =>
  runAgent(['credential-provider', `--registry=${registry.host}`, ...args], {
    env: { ...registry.env, AZURE_AUTHORITY_HOST: entra.authority },
    input: JSON.stringify({
      apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
      kind: 'CredentialProviderRequest',
      image: `${registry.host}/team/app:1`,
      ...fields,
    }),
  });

async function pulls({ auth }: Response): Promise<number> {
  const { username = '', password = '' } = auth[registry.host] ?? {};
  return (await registry.as(username, password).send('GET', '/v2/team/app/manifests/1')).status;
}

describe('credential-provider', () => {
  test("answers a service account's token with a credential that pulls, for the whole registry", async () => {
    // Stands for a token of an issuer that the registry trusts.
    const serviceAccountToken = await registry.entra.sign(
      applicationClaims(registryAudience, kubelet),
    );
    const response = await provide({ serviceAccountToken });
    expect(response).toEqual({
      apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
      kind: 'CredentialProviderResponse',
      cacheKeyType: 'Registry',
      cacheDuration: '3600s',
      auth: { [registry.host]: { username: expect.any(String), password: expect.any(String) } },
    });
    expect(await pulls(response)).toBe(200);
  });

  test('trades it at Entra for the identity that the service account names', async () => {
    entra.assertion = 'a-projected-token';
    const response = await provide(
      {
        serviceAccountToken: 'a-projected-token',
        serviceAccountAnnotations: { 'azure.workload.identity/client-id': kubelet.clientId },
      },
      '--identity=workload-identity',
      `--tenant-id=${tenantId}`,
    );
    expect(entra.asked.at(-1)?.form).toMatchObject({
      client_id: kubelet.clientId,
      client_assertion: 'a-projected-token',
    });
    expect(await pulls(response)).toBe(200);
  });

  test('uses the managed identity of the machine where it is told to', async () => {
    const response = await provide(
      {},
      '--identity=managed-identity',
      `--identity-endpoint=${registry.metadata.endpoint}`,
    );
    expect(await pulls(response)).toBe(200);
  });

  test.each(['v1', 'v1beta1', 'v1alpha1'])('answers in %s when asked in it', async (version) => {
    const apiVersion = `credentialprovider.kubelet.k8s.io/${version}`;
    const image = 'docker.io/library/busybox';
    expect(await provide({ apiVersion, image })).toMatchObject({ apiVersion });
  });

  test('has no credential for an image of another registry, and asks nobody', async () => {
    registry.metadata.asked.length = 0;
    const response = await provide(
      { image: `${registry.host}.example.com/team/app:1` },
      '--identity=managed-identity',
      `--identity-endpoint=${registry.metadata.endpoint}`,
    );
    expect(response.auth).toEqual({});
    expect(registry.metadata.asked).toEqual([]);
  });

  test.each([
    [{}, 'the kubelet sent no service account token: its configuration needs tokenAttributes'],
    [
      { kind: 'Pod' },
      'stdin has no CredentialProviderRequest of credentialprovider.kubelet.k8s.io',
    ],
    [
      { apiVersion: 'credentialprovider.kubelet.k8s.io/v2' },
      'stdin has no CredentialProviderRequest of credentialprovider.kubelet.k8s.io',
    ],
    [{ image: '' }, 'the CredentialProviderRequest names no image'],
    [{ serviceAccountToken: 'x.y.z' }, 'refuses the identity: 401, '],
  ])('fails with one sentence for %j', async (fields, sentence) => {
    const { code, stdout, log } = await ask(fields);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(log).toContain(sentence);
    expect(log.trimEnd().split('\n')).toHaveLength(1);
  });

  test('never writes a token to its log', async () => {
    const { log } = await ask({
      serviceAccountToken: 'secret-header.secret-body.secret-signature',
    });
    expect(log).not.toContain('secret-');
  });
});
