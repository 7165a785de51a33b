import { CliError } from '../cli-error.ts';
import { type ClusterName, findCluster } from './cluster.ts';
import { allowPull } from './roles.ts';
import type { Runner } from './runner.ts';
import {
  type AksOptions,
  type KubeSession,
  settingsOf,
  systemNamespace,
  withCluster,
} from './session.ts';

export interface AttachOptions extends AksOptions, ClusterName {
  /** The resource that roles are assigned on: the output `registryResourceId` of the deployment. */
  readonly registryResourceId: string;
  /** Leaves role assignments alone, for who may not make them or has made them. */
  readonly skipRoleAssignment?: boolean;
  /**
   * With what the first nodes pull the agent's image; they keep it fresh from then on. Undefined
   * where everybody may pull it.
   */
  readonly bootstrap?: { readonly username: string; readonly password: string };
  /** Pushes the agent's image; undefined where it is in the registry already. */
  readonly pushAgent?: () => Promise<void>;
  /** Called with each step that is done, in a few words. */
  readonly onStep: (done: string) => void;
}

/**
 * Lets every node of a cluster pull from the registry by its kubelet's identity: gives that
 * identity AcrPull, pushes the agent's image and puts the agent on the nodes, then waits until each
 * has a credential. May be run again. Throws a CliError that says which step failed.
 */
export async function attach(run: Runner, options: AttachOptions): Promise<void> {
  const { onStep } = options;
  const cluster = await findCluster(run, options);
  onStep(`the kubelet of ${cluster.name} is ${cluster.kubelet.clientId}`);
  if (options.skipRoleAssignment !== true) {
    await allowPull(run, cluster, options.registryResourceId);
    onStep(`it has AcrPull on ${options.registryResourceId}`);
  }
  if (options.pushAgent !== undefined) {
    await options.pushAgent();
    onStep(`${options.registry}/${options.agentImage} is pushed`);
  }
  await withCluster(run, cluster, options, async (session) => {
    const namespace = await session.kustomization('namespace', {});
    await session.kubectl('namespace', ['apply', '--kustomize', namespace]);
    if (options.bootstrap !== undefined) {
      await session.kubectl('first pull secret', ['apply', '--filename', '-'], secret(options));
    }
    const settings = settingsOf(options, 'lighter-node', [`client-id=${cluster.kubelet.clientId}`]);
    const folder = await session.kustomization('node-credential', settings);
    await session.kubectl('agent', ['apply', '--kustomize', folder]);
    onStep('the agent is on its nodes');
    await waitForNodes(session, options.timeoutSeconds);
    onStep('every node has a credential');
  });
}

function secret({ registry, bootstrap }: AttachOptions): string {
  const { username = '', password = '' } = bootstrap ?? {};
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'lighter-agent-pull', namespace: systemNamespace },
    type: 'kubernetes.io/dockerconfigjson',
    stringData: { '.dockerconfigjson': JSON.stringify({ auths: { [registry]: { auth } } }) },
  });
}

async function waitForNodes({ tryKubectl }: KubeSession, timeoutSeconds: number): Promise<void> {
  const inNamespace = ['--namespace', systemNamespace];
  const { code } = await tryKubectl([
    ...inNamespace,
    'rollout',
    'status',
    'daemonset/lighter-node',
    `--timeout=${timeoutSeconds}s`,
  ]);
  if (code === 0) return;
  const logs = await tryKubectl([
    ...inNamespace,
    'logs',
    '--selector',
    'app.kubernetes.io/name=lighter-node',
    '--prefix',
    '--tail=1',
  ]);
  const said = logs.stdout.trim() === '' ? logs.stderr : logs.stdout;
  throw new CliError(
    `not every node has a credential after ${timeoutSeconds} s; lighter aks check says more`,
    undefined,
    { details: said.trim().split('\n').slice(0, 10) },
  );
}
