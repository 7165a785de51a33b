import { type ClusterName, findCluster } from './cluster.ts';
import { disallowPull } from './roles.ts';
import type { Runner } from './runner.ts';
import { type AksOptions, settingsOf, systemNamespace, withCluster } from './session.ts';

export interface DetachOptions extends AksOptions, ClusterName {
  readonly registryResourceId: string;
  readonly skipRoleAssignment?: boolean;
  readonly onStep: (done: string) => void;
}

/**
 * Undoes `attach`: takes the credential off every node, then the agent, then the role. What runs
 * goes on running. Throws a CliError that says which step failed; may be run again.
 */
export async function detach(run: Runner, options: DetachOptions): Promise<void> {
  const { onStep } = options;
  const cluster = await findCluster(run, options);
  await withCluster(run, cluster, options, async (session) => {
    const inNamespace = ['--namespace', systemNamespace];
    const present = await session.tryKubectl([...inNamespace, 'get', 'daemonset/lighter-node']);
    if (present.code === 0) {
      const folder = await session.kustomization('node-credential', {
        ...settingsOf(options, 'lighter-node', [`client-id=${cluster.kubelet.clientId}`]),
        patches: [{ target: { kind: 'DaemonSet', name: 'lighter-node' }, patch: removing }],
      });
      await session.kubectl('agent', ['apply', '--kustomize', folder]);
      await session.kubectl('credentials of the nodes', [
        ...inNamespace,
        'rollout',
        'status',
        'daemonset/lighter-node',
        `--timeout=${options.timeoutSeconds}s`,
      ]);
      onStep('no node has a credential any more');
    }
    await session.kubectl('agent', [
      ...inNamespace,
      'delete',
      '--ignore-not-found',
      'daemonset/lighter-node',
      'rolebinding/lighter-node',
      'role/lighter-node',
      'serviceaccount/lighter-node',
      'secret/lighter-agent-pull',
    ]);
    await session.kubectl('settings of the agent', [
      ...inNamespace,
      'delete',
      'configmap',
      '--ignore-not-found',
      '--selector',
      'app.kubernetes.io/name=lighter-node',
    ]);
    onStep('the agent is gone');
  });
  if (options.skipRoleAssignment !== true) {
    await disallowPull(run, cluster, options.registryResourceId);
    onStep(`the kubelet has no AcrPull on ${options.registryResourceId} any more`);
  }
}

/** It takes the entry out and waits; there is nothing for a probe to see. */
const removing = JSON.stringify([
  { op: 'add', path: '/spec/template/spec/containers/0/args/-', value: '--remove' },
  { op: 'remove', path: '/spec/template/spec/containers/0/readinessProbe' },
]);
