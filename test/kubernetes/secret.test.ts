import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { applicationClaims, registryAudience, tenantId } from '../auth/entra/test-entra.ts';
import { type RunningAgent, runAgent, startAgent } from './agent.ts';
import { startTestClusterApi, type TestClusterApi } from './cluster-api.ts';
import { kubelet } from './azure-cluster.ts';
import { type ClusterRegistry, startClusterRegistry } from './cluster-registry.ts';
import { startTestTokenEndpoint, type TestTokenEndpoint } from './entra-token-endpoint.ts';

const key = '.dockerconfigjson';

let registry: ClusterRegistry;
let entra: TestTokenEndpoint;
let api: TestClusterApi;
let running: RunningAgent | undefined;

beforeAll(async () => {
  registry = await startClusterRegistry();
  entra = await startTestTokenEndpoint(() =>
    registry.entra.sign(applicationClaims(registryAudience, kubelet)),
  );
});
afterAll(() => Promise.all([registry.stop(), entra.stop()]));

beforeEach(async () => {
  api = await startTestClusterApi();
  await federate('service-account-token');
});
afterEach(async () => {
  await running?.stop();
  running = undefined;
  await api.stop();
});

/** Projects a service account token that Entra trusts. */
async function federate(token: string): Promise<void> {
  entra.assertion = token;
  await writeFile(join(api.serviceAccountFolder, 'azure-identity-token'), `${token}\n`);
}

const args = (...more: string[]) => [
  'secret',
  `--registry=${registry.host}`,
  '--secret=lighter-pull',
  `--service-account-folder=${api.serviceAccountFolder}`,
  ...more,
];

/** What the webhook of Workload ID puts into a pod's environment, beside Kubernetes's own. */
const environment = () => ({
  ...registry.env,
  ...api.env,
  AZURE_CLIENT_ID: kubelet.clientId,
  AZURE_TENANT_ID: tenantId,
  AZURE_FEDERATED_TOKEN_FILE: join(api.serviceAccountFolder, 'azure-identity-token'),
  AZURE_AUTHORITY_HOST: entra.authority,
});
const runOnce = (...more: string[]) => runAgent(args('--once', ...more), { env: environment() });

function configOf(name = 'lighter-pull') {
  const data = api.secrets.get(name)?.data[key] ?? '';
  const config: { auths: Record<string, { auth: string }> } = JSON.parse(
    Buffer.from(data, 'base64').toString(),
  );
  return config;
}

function loginOf(name?: string): [string, string] {
  const auth = configOf(name).auths[registry.host]?.auth ?? '';
  const [username = '', password = ''] = Buffer.from(auth, 'base64').toString().split(':');
  return [username, password];
}

const canPull = async () =>
  (await registry.as(...loginOf()).send('GET', '/v2/team/app/manifests/1')).status === 200;

const encoded = (config: object) => ({
  [key]: Buffer.from(JSON.stringify(config)).toString('base64'),
});

describe('secret', () => {
  test('makes a pull secret with workload identity, and it pulls', async () => {
    const { code, log } = await runOnce();
    expect({ code, log }).toEqual({
      code: 0,
      log: `the Secret team/lighter-pull has a credential for ${registry.host}, good for 180 minutes\n`,
    });
    expect(api.secrets.get('lighter-pull')).toMatchObject({
      metadata: { labels: { 'app.kubernetes.io/managed-by': 'lighter-agent' } },
      type: 'kubernetes.io/dockerconfigjson',
    });
    expect(await canPull()).toBe(true);
  });

  test('asks Entra as Workload ID does, for a token for container registries', async () => {
    await runOnce();
    expect(entra.asked.at(-1)).toEqual({
      path: `/${tenantId}/oauth2/v2.0/token`,
      form: {
        grant_type: 'client_credentials',
        client_id: kubelet.clientId,
        scope: `${registryAudience}/.default`,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: 'service-account-token',
      },
    });
  });

  test('keeps what the Secret has of other registries, and its metadata', async () => {
    api.put('lighter-pull', encoded({ auths: { 'docker.io': { auth: 'dTpw' } } }));
    await runOnce();
    expect(configOf().auths).toMatchObject({ 'docker.io': { auth: 'dTpw' } });
    expect(await canPull()).toBe(true);
  });

  test('a change by another writer in between is kept, and the write is made again', async () => {
    api.put('lighter-pull', encoded({ auths: {} }));
    api.beforeWrite = () => {
      api.beforeWrite = undefined;
      api.put('lighter-pull', encoded({ auths: { 'quay.io': { auth: 'dTpw' } } }));
    };
    expect(await runOnce()).toMatchObject({ code: 0 });
    expect(Object.keys(configOf().auths)).toEqual(['quay.io', registry.host]);
    expect(api.asked.map((each) => each.split(' ')[0])).toEqual(['GET', 'PUT', 'GET', 'PUT']);
  });

  test('another who makes the Secret first is no error', async () => {
    api.beforeWrite = () => {
      api.beforeWrite = undefined;
      api.put('lighter-pull', encoded({ auths: { 'quay.io': { auth: 'dTpw' } } }));
    };
    expect(await runOnce()).toMatchObject({ code: 0 });
    expect(Object.keys(configOf().auths)).toEqual(['quay.io', registry.host]);
  });

  test('a writer who never rests is given up on, in one sentence', async () => {
    api.beforeWrite = () => api.put('lighter-pull', encoded({ auths: {} }));
    expect(await runOnce()).toMatchObject({
      code: 1,
      log: 'the Secret team/lighter-pull is changed by others all the time\n',
    });
  });

  test('names the Secret in service accounts beside what they have', async () => {
    api.serviceAccounts.set('default', ['other']);
    await runOnce('--service-account=default');
    expect(api.serviceAccounts.get('default')).toEqual(['other', 'lighter-pull']);
    expect(await runOnce('--service-account=nobody')).toMatchObject({
      code: 1,
      log: 'the service account team/nobody cannot be changed: 404, serviceaccounts "nobody" not found\n',
    });
  });

  test('a Secret of another type is not touched', async () => {
    api.put('lighter-pull', { password: 'eA==' }, 'Opaque');
    expect(await runOnce()).toMatchObject({
      code: 1,
      log: 'the Secret team/lighter-pull is of the type Opaque, not kubernetes.io/dockerconfigjson\n',
    });
    expect(api.secrets.get('lighter-pull')?.data).toEqual({ password: 'eA==' });
  });

  test('what its role forbids is said in the words of Kubernetes', async () => {
    api.forbidden.add('POST');
    expect(await runOnce()).toMatchObject({
      code: 1,
      log: expect.stringContaining('cannot be written: 403, secrets "" is forbidden'),
    });
  });

  test('what Entra says is passed on, its first line', async () => {
    entra.assertion = 'another';
    expect(await runOnce()).toMatchObject({
      code: 1,
      log: `Entra refuses client id ${kubelet.clientId}: 401, AADSTS700213: No matching federated identity record found for presented assertion subject 'system:serviceaccount:team:puller'.\n`,
    });
  });

  test('renews with the tokens that Kubernetes has renewed meanwhile', async () => {
    running = startAgent(args('--renew-after=0.5'), { env: environment() });
    await running.logged(/has a credential/);
    await Promise.all([api.renewToken(), federate('renewed')]);
    const before = loginOf()[1];
    await expect.poll(() => loginOf()[1], { timeout: 15_000 }).not.toBe(before);
    expect(entra.asked.at(-1)?.form['client_assertion']).toBe('renewed');
  });

  test('outside a pod it says so', async () => {
    const outside: Record<string, string> = environment();
    delete outside['KUBERNETES_SERVICE_HOST'];
    expect(await runAgent(args('--once'), { env: outside })).toMatchObject({
      code: 1,
      log: 'this runs in a pod only: KUBERNETES_SERVICE_HOST is not set\n',
    });
  });

  test('without the label of Workload ID it says what is missing', async () => {
    const { AZURE_CLIENT_ID: _, ...unlabelled } = environment();
    expect(await runAgent(args('--once'), { env: unlabelled })).toMatchObject({
      code: 1,
      log: expect.stringContaining('azure.workload.identity/use'),
    });
  });
});

describe('node --secret', () => {
  const node = (...more: string[]) =>
    runAgent(
      [
        'node',
        `--registry=${registry.host}`,
        `--identity-endpoint=${registry.metadata.endpoint}`,
        `--config=${join(api.serviceAccountFolder, 'config.json')}`,
        `--service-account-folder=${api.serviceAccountFolder}`,
        '--secret=lighter-agent-pull',
        '--once',
        ...more,
      ],
      { env: environment() },
    );

  test('shares the credential, so that nodes that are new can pull the agent itself', async () => {
    expect(await node()).toMatchObject({ code: 0 });
    const login = loginOf('lighter-agent-pull');
    expect((await registry.as(...login).send('GET', '/v2/team/app/manifests/1')).status).toBe(200);
  });

  test('writes nothing while the one that is there is fresh', async () => {
    await node();
    api.asked.length = 0;
    await node();
    expect(api.asked).toEqual(['GET /api/v1/namespaces/team/secrets/lighter-agent-pull']);
  });

  test('a Secret that cannot be written does not keep the node from its credential', async () => {
    api.forbidden.add('POST');
    const { code, log } = await node();
    expect(code).toBe(0);
    expect(log).toMatch(/config.json has a credential .*\nthe Secret .* cannot be written: 403/);
  });
});
