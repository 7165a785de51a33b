import { existsSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { attach, type AttachOptions } from '../../cli/aks/attach.ts';
import { check, type CheckOptions } from '../../cli/aks/check.ts';
import { detach, type DetachOptions } from '../../cli/aks/detach.ts';
import { childRunner, type Runner } from '../../cli/aks/runner.ts';
import { withCluster } from '../../cli/aks/session.ts';
import { type FakePrograms, makeFakePrograms } from './fake-programs.ts';

const kubelet = {
  clientId: 'b7d1e2f3-0000-4000-8000-00000000aaaa',
  objectId: 'd3a1e2f3-0000-4000-8000-00000000bbbb',
};
const acrPull = '7f951dda-4ed3-4680-a7ca-43fe172d538d';
const registryResourceId =
  '/subscriptions/s1/resourceGroups/registry/providers/Microsoft.Web/sites/lighter';
const clusterId =
  '/subscriptions/s2/resourceGroups/clusters/providers/Microsoft.ContainerService/managedClusters/blue';

let fakes: FakePrograms;
let run: Runner;
let steps: string[];

beforeEach(async () => {
  fakes = await makeFakePrograms();
  run = childRunner(fakes.environment);
  steps = [];
  await fakes.answer({
    words: 'az aks show',
    stdout: JSON.stringify({
      id: clusterId,
      identityProfile: { kubeletidentity: { ...kubelet, resourceId: '/x' } },
    }),
  });
});
afterEach(() => fakes.remove());

const common = {
  cluster: 'blue',
  resourceGroup: 'clusters',
  registry: 'registry.example.com',
  registryResourceId,
  agentImage: 'lighter/agent:0.1.0',
  manifests: fileURLToPath(new URL('../../infra/kubernetes', import.meta.url)),
  timeoutSeconds: 300,
  onStep: (done: string) => void steps.push(done),
};
const attaching = (changed: Partial<AttachOptions> = {}) => attach(run, { ...common, ...changed });
const detaching = (changed: Partial<DetachOptions> = {}) => detach(run, { ...common, ...changed });
const checking = (changed: Partial<CheckOptions> = {}) => check(run, { ...common, ...changed });

/** Command lines without what differs every time. */
const lines = async () =>
  (await fakes.calls()).map(({ program, args }) =>
    [program, ...args]
      .join(' ')
      .replaceAll(/\/\S*\/lighter-aks-\w+/g, 'TEMP')
      .replaceAll(/overlay-\w+/g, 'OVERLAY'),
  );
const kustomizations = async () =>
  (await fakes.calls()).flatMap(({ kustomization }) =>
    kustomization === undefined ? [] : [kustomization],
  );

describe('attach', () => {
  test('gives the kubelet AcrPull, pushes the agent, puts it on the nodes and waits for them', async () => {
    await attaching({ pushAgent: () => Promise.resolve() });
    const kubectl = 'kubectl --kubeconfig TEMP/kubeconfig';
    expect(await lines()).toEqual([
      'az aks show --name blue --resource-group clusters --output json',
      `az role assignment create --role ${acrPull} --assignee-object-id ${kubelet.objectId} --assignee-principal-type ServicePrincipal --scope ${registryResourceId}`,
      'az aks get-credentials --name blue --resource-group clusters --file TEMP/kubeconfig',
      `${kubectl} apply --kustomize TEMP/OVERLAY`,
      `${kubectl} apply --kustomize TEMP/OVERLAY`,
      `${kubectl} --namespace lighter-system rollout status daemonset/lighter-node --timeout=300s`,
    ]);
    expect(steps).toEqual([
      `the kubelet of blue is ${kubelet.clientId}`,
      `it has AcrPull on ${registryResourceId}`,
      'registry.example.com/lighter/agent:0.1.0 is pushed',
      'the agent is on its nodes',
      'every node has a credential',
    ]);
  });

  test("sets the registry, the kubelet's client id and the image on the base", async () => {
    await attaching();
    const [namespace, node] = await kustomizations();
    expect(namespace).toMatchObject({ resources: ['../base/namespace'] });
    expect(node).toMatchObject({
      resources: ['../base/node-credential'],
      images: [
        { name: 'lighter/agent', newName: 'registry.example.com/lighter/agent', newTag: '0.1.0' },
      ],
      configMapGenerator: [
        {
          name: 'lighter-node-settings',
          behavior: 'merge',
          literals: ['registry=registry.example.com', `client-id=${kubelet.clientId}`],
        },
      ],
    });
  });

  test('takes a cluster of another subscription by its resource id', async () => {
    await attaching({ cluster: clusterId, resourceGroup: 'ignored', subscription: 'ignored' });
    expect((await lines())[0]).toBe(
      'az aks show --name blue --resource-group clusters --subscription s2 --output json',
    );
  });

  test('takes the subscription of a cluster that is named by its name', async () => {
    await attaching({ subscription: 's3' });
    expect((await lines())[0]).toContain('--subscription s3');
  });

  test('hands the first pull secret to kubectl on stdin, never on a command line', async () => {
    await attaching({ bootstrap: { username: 'u', password: 'very-secret' } });
    const calls = await fakes.calls();
    expect(JSON.stringify(calls.map(({ args }) => args))).not.toContain('very-secret');
    const input = calls.find(({ args }) => args.includes('--filename'))?.input ?? '';
    const secret: { stringData: Record<string, string> } = JSON.parse(input);
    expect(secret).toMatchObject({
      kind: 'Secret',
      metadata: { name: 'lighter-agent-pull', namespace: 'lighter-system' },
      type: 'kubernetes.io/dockerconfigjson',
    });
    expect(JSON.parse(secret.stringData['.dockerconfigjson'] ?? '')).toEqual({
      auths: { 'registry.example.com': { auth: Buffer.from('u:very-secret').toString('base64') } },
    });
  });

  test('uses a kubeconfig that it is given, and leaves roles alone when told to', async () => {
    await attaching({ kubeconfig: '/home/me/config', skipRoleAssignment: true });
    const all = (await lines()).join('\n');
    expect(all).not.toContain('get-credentials');
    expect(all).not.toContain('role assignment');
    expect(all).toContain('kubectl --kubeconfig /home/me/config apply');
  });

  test('leaves no file behind', async () => {
    await attaching();
    const [file = ''] = (await fakes.calls()).flatMap(({ args }) =>
      args.filter((arg) => arg.endsWith('/kubeconfig')),
    );
    expect(file).not.toBe('');
    expect(existsSync(file)).toBe(false);
  });

  test('says what az said when the role may not be assigned, and stops there', async () => {
    await fakes.answer({
      words: 'role assignment create',
      code: 1,
      stderr: '(AuthorizationFailed) The client does not have authorization\n',
    });
    await expect(attaching()).rejects.toMatchObject({
      message: 'role assignment: az ended with 1',
      details: ['(AuthorizationFailed) The client does not have authorization'],
    });
    expect((await lines()).join('\n')).not.toContain('kubectl');
  });

  test('shows what the nodes say when they get no credential', async () => {
    await fakes.answer(
      { words: 'rollout status', code: 1, stderr: 'timed out' },
      { words: ' logs ', stdout: '[pod/lighter-node-1/agent] the identity endpoint …\n' },
    );
    await expect(attaching()).rejects.toMatchObject({
      message: 'not every node has a credential after 300 s; lighter aks check says more',
      details: ['[pod/lighter-node-1/agent] the identity endpoint …'],
    });
  });

  test.each([
    ['blue', /which resource group/],
    ['/subscriptions/s/x', /not the resource id of an AKS cluster/],
  ])(
    'refuses the cluster %s without a resource group before anything is done',
    async (cluster, why) => {
      const { resourceGroup: _, ...rest } = common;
      await expect(attach(run, { ...rest, cluster })).rejects.toThrow(why);
      expect(await fakes.calls()).toEqual([]);
    },
  );

  test('a cluster whose kubelet is a service principal is told of pull secrets', async () => {
    await fakes.answer({ words: 'az aks show', stdout: '{"identityProfile":null}' });
    await expect(attaching()).rejects.toThrow(/docs\/pull-secrets\.md/);
  });

  test('without the Azure CLI it says so', async () => {
    const none = childRunner({ PATH: '/nonexistent' });
    await expect(attach(none, common)).rejects.toThrow('az cannot be run: is it installed?');
  });
});

describe('detach', () => {
  test('takes the credential off the nodes, then the agent, then the role', async () => {
    await detaching();
    const all = await lines();
    expect(all.at(-1)).toBe(
      `az role assignment delete --role ${acrPull} --assignee ${kubelet.objectId} --scope ${registryResourceId}`,
    );
    expect(
      all.slice(2, -1).map((line) => line.replace('--kubeconfig TEMP/kubeconfig ', '')),
    ).toEqual([
      'kubectl --namespace lighter-system get daemonset/lighter-node',
      'kubectl apply --kustomize TEMP/OVERLAY',
      'kubectl --namespace lighter-system rollout status daemonset/lighter-node --timeout=300s',
      'kubectl --namespace lighter-system delete --ignore-not-found daemonset/lighter-node rolebinding/lighter-node role/lighter-node serviceaccount/lighter-node secret/lighter-agent-pull',
      'kubectl --namespace lighter-system delete configmap --ignore-not-found --selector app.kubernetes.io/name=lighter-node',
    ]);
    const [removal] = await kustomizations();
    expect(JSON.stringify(removal?.['patches'])).toContain('--remove');
  });

  test('a cluster that is not attached any more is cleaned all the same', async () => {
    await fakes.answer({ words: 'get daemonset/lighter-node', code: 1, stderr: 'not found' });
    await detaching();
    expect((await lines()).join('\n')).not.toContain('apply');
    expect(steps).toEqual([
      'the agent is gone',
      `the kubelet has no AcrPull on ${registryResourceId} any more`,
    ]);
  });
});

const pod = (name: string, nodeName: string, waiting?: object) => ({
  metadata: { name },
  spec: { nodeName },
  status: {
    phase: waiting === undefined ? 'Running' : 'Pending',
    containerStatuses: [{ state: waiting === undefined ? { running: {} } : { waiting } }],
  },
});

describe('check', () => {
  beforeEach(() =>
    fakes.answer(
      {
        words: 'get pods',
        stdout: JSON.stringify({ items: [pod('a', 'node-1'), pod('b', 'node-2')] }),
      },
      { words: 'logs a', stdout: 'ok name: x\nok layer: y\nresult: ok\n' },
      { words: 'logs b', stdout: 'ok name: x\nFAILED token: no AcrPull\nresult: FAILED\n' },
    ),
  );

  test('reports each node by what its agent found', async () => {
    expect(await checking()).toEqual([
      { node: 'node-1', ok: true, lines: ['ok name: x', 'ok layer: y'] },
      { node: 'node-2', ok: false, lines: ['ok name: x', 'FAILED token: no AcrPull'] },
    ]);
  });

  test("pulls by the nodes' own credential, an image of choice, and cleans up", async () => {
    await checking({ image: 'team/app:1' });
    const [, settings] = await kustomizations();
    expect(settings).toMatchObject({
      resources: ['../base/check'],
      configMapGenerator: [
        {
          name: 'lighter-check-settings',
          literals: [
            'registry=registry.example.com',
            `client-id=${kubelet.clientId}`,
            'image=team/app:1',
          ],
        },
      ],
    });
    expect((await lines()).at(-1)).toMatch(/ delete --kustomize TEMP\/OVERLAY --ignore-not-found$/);
  });

  test('a node whose kubelet cannot pull is reported with the words of Kubernetes', async () => {
    const waiting = {
      reason: 'ImagePullBackOff',
      message: 'unauthorized: authentication required',
    };
    await fakes.answer({
      words: 'get pods',
      stdout: JSON.stringify({ items: [pod('a', 'node-1', waiting)] }),
    });
    expect(await checking()).toEqual([
      {
        node: 'node-1',
        ok: false,
        lines: ['FAILED kubelet: ImagePullBackOff: unauthorized: authentication required'],
      },
    ]);
  });

  test('a node that says nothing has not passed', async () => {
    await fakes.answer({ words: 'logs a', stdout: 'ok name: x\n' });
    const [first] = await checking();
    expect(first).toEqual({
      node: 'node-1',
      ok: false,
      lines: ['ok name: x', 'FAILED agent: Running'],
    });
  });

  test('cleans up also when the cluster fails meanwhile', async () => {
    await fakes.answer({ words: 'get pods', code: 1, stderr: 'connection refused' });
    await expect(checking()).rejects.toMatchObject({ details: ['connection refused'] });
    expect((await lines()).at(-1)).toContain('delete --kustomize');
  });

  test('a cluster without Linux nodes is no success', async () => {
    await fakes.answer({ words: 'get pods', stdout: '{"items":[]}' });
    await expect(checking()).rejects.toThrow('no Linux node');
  });
});

test('the manifests are found wherever the program is installed, also below a folder called agent', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lighter-installed-'));
  const manifests = join(folder, 'agent', 'kubernetes');
  await cp(common.manifests, manifests, {
    recursive: true,
    filter: (path) => !path.endsWith('dist'),
  });
  const cluster = { name: 'blue', resourceGroup: 'clusters', subscription: undefined, kubelet };
  await withCluster(run, cluster, { ...common, manifests }, async ({ kustomization }) => {
    const base = join(await kustomization('namespace', {}), '..', 'base');
    expect(existsSync(join(base, 'namespace', 'kustomization.yaml'))).toBe(true);
    expect(existsSync(join(base, 'agent'))).toBe(false);
  });
  await rm(folder, { recursive: true });
});
