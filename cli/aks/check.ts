import * as v from 'valibot';
import { CliError } from '../cli-error.ts';
import { type ClusterName, findCluster } from './cluster.ts';
import type { Runner } from './runner.ts';
import {
  type AksOptions,
  type KubeSession,
  settingsOf,
  systemNamespace,
  withCluster,
} from './session.ts';

export interface CheckOptions extends AksOptions, ClusterName {
  /** Repository and tag that each node pulls; the agent's own image unless given. */
  readonly image?: string;
}

export interface NodeReport {
  readonly node: string;
  readonly ok: boolean;
  /** What the node found, step by step; or why it could not even start. */
  readonly lines: readonly string[];
}

/**
 * Tries a pull from every Linux node, as its kubelet: the kubelet pulls the agent's image anew by
 * the node's own credential, and the agent then tries the name, the connection, `/v2/`, the
 * identity, the kubelet's credential, a token, a manifest and a layer. What it put into the cluster
 * is taken away. Throws a CliError when the cluster cannot be asked or has no Linux node.
 */
export async function check(run: Runner, options: CheckOptions): Promise<NodeReport[]> {
  const cluster = await findCluster(run, options);
  return await withCluster(run, cluster, options, async (session) => {
    const namespace = await session.kustomization('namespace', {});
    await session.kubectl('namespace', ['apply', '--kustomize', namespace]);
    const settings = settingsOf(options, 'lighter-check', [
      `client-id=${cluster.kubelet.clientId}`,
      `image=${options.image ?? options.agentImage}`,
    ]);
    const folder = await session.kustomization('check', settings);
    try {
      await session.kubectl('check', ['apply', '--kustomize', folder]);
      await session.tryKubectl([
        '--namespace',
        systemNamespace,
        'rollout',
        'status',
        'daemonset/lighter-check',
        `--timeout=${options.timeoutSeconds}s`,
      ]);
      return await report(session);
    } finally {
      await session.tryKubectl(['delete', '--kustomize', folder, '--ignore-not-found']);
    }
  });
}

const waiting = v.looseObject({ reason: v.optional(v.string()), message: v.optional(v.string()) });
const pods = v.looseObject({
  items: v.array(
    v.looseObject({
      metadata: v.looseObject({ name: v.string() }),
      spec: v.looseObject({ nodeName: v.optional(v.string()) }),
      status: v.looseObject({
        phase: v.optional(v.string()),
        containerStatuses: v.optional(
          v.array(
            v.looseObject({ state: v.optional(v.looseObject({ waiting: v.optional(waiting) })) }),
          ),
        ),
      }),
    }),
  ),
});
type Pod = v.InferOutput<typeof pods>['items'][number];

async function report(session: KubeSession): Promise<NodeReport[]> {
  const text = await session.kubectl('check', [
    '--namespace',
    systemNamespace,
    'get',
    'pods',
    '--output',
    'json',
    '--selector',
    'app.kubernetes.io/name=lighter-check',
  ]);
  const { items } = v.parse(pods, JSON.parse(text));
  if (items.length === 0) throw new CliError('the cluster has no Linux node to check');
  return await Promise.all(items.map((pod) => reportOf(session, pod)));
}

async function reportOf({ tryKubectl }: KubeSession, pod: Pod): Promise<NodeReport> {
  const node = pod.spec.nodeName ?? '(not placed)';
  const reason = pod.status.containerStatuses?.[0]?.state?.waiting;
  if (reason !== undefined) {
    const why = [reason.reason, reason.message].filter((part) => part !== undefined).join(': ');
    return { node, ok: false, lines: [`FAILED kubelet: ${why}`] };
  }
  const { stdout } = await tryKubectl(['--namespace', systemNamespace, 'logs', pod.metadata.name]);
  const lines = stdout.trim() === '' ? [] : stdout.trim().split('\n');
  const ok = lines.at(-1) === 'result: ok';
  if (lines.at(-1)?.startsWith('result: ') === true) return { node, ok, lines: lines.slice(0, -1) };
  return { node, ok: false, lines: [...lines, `FAILED agent: ${pod.status.phase ?? 'no phase'}`] };
}
