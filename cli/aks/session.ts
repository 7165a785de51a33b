import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { azArguments, type Cluster } from './cluster.ts';
import { type Finished, mustRun, type Runner } from './runner.ts';

export const systemNamespace = 'lighter-system';

/** What the three commands share. */
export interface AksOptions {
  /** `host[:port]`: what the names of its images begin with. */
  readonly registry: string;
  /** The repository and tag of the agent's image, `lighter/agent:0.1.0`. */
  readonly agentImage: string;
  /** `infra/kubernetes` of this version. */
  readonly manifests: string;
  /** A kubeconfig to use as it is; without one the cluster's is fetched and thrown away after. */
  readonly kubeconfig?: string;
  readonly timeoutSeconds: number;
}

/** A cluster's API by `kubectl`, with a folder of its own that is gone afterwards. */
export interface KubeSession {
  readonly kubectl: (what: string, args: readonly string[], input?: string) => Promise<string>;
  /** The same, whatever it ends with. */
  readonly tryKubectl: (args: readonly string[]) => Promise<Finished>;
  /** Writes a kustomization on top of a base of `infra/kubernetes`. @returns its folder. */
  readonly kustomization: (base: string, fields: object) => Promise<string>;
}

/** Runs `body` with a session. Throws CliErrors. */
export async function withCluster<Result>(
  run: Runner,
  cluster: Cluster,
  { kubeconfig, manifests }: AksOptions,
  body: (session: KubeSession) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'lighter-aks-'));
  try {
    const file = kubeconfig ?? (await fetchKubeconfig(run, cluster, folder));
    const all = (args: readonly string[]) => ['--kubeconfig', file, ...args];
    return await body({
      kubectl: (what, args, input) => mustRun(run, what, 'kubectl', all(args), input),
      tryKubectl: (args) => run('kubectl', all(args)),
      async kustomization(base, fields) {
        // Kustomize reads nothing but what is below or beside: hence copies.
        const copies = join(folder, 'base');
        await cp(manifests, copies, {
          recursive: true,
          filter: (path) => isManifest(relative(manifests, path)),
        });
        const own = await mkdtemp(join(folder, 'overlay-'));
        const kustomization = {
          apiVersion: 'kustomize.config.k8s.io/v1beta1',
          kind: 'Kustomization',
          resources: [`../base/${base}`],
          ...fields,
        };
        // JSON is YAML.
        await writeFile(join(own, 'kustomization.yaml'), JSON.stringify(kustomization));
        return own;
      },
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const isManifest = (path: string) => !/^(?:agent|chart)(?:[/\\]|$)/.test(path);

async function fetchKubeconfig(run: Runner, cluster: Cluster, folder: string): Promise<string> {
  const file = join(folder, 'kubeconfig');
  const args = ['aks', 'get-credentials', ...azArguments(cluster), '--file', file];
  await mustRun(run, `credentials of the cluster ${cluster.name}`, 'az', args);
  return file;
}

/** The image and the settings of a base, as a kustomization has them. */
export function settingsOf(
  { registry, agentImage }: AksOptions,
  name: string,
  literals: readonly string[],
) {
  const colon = agentImage.lastIndexOf(':');
  return {
    images: [
      {
        name: 'lighter/agent',
        newName: `${registry}/${agentImage.slice(0, colon)}`,
        newTag: agentImage.slice(colon + 1),
      },
    ],
    configMapGenerator: [
      {
        name: `${name}-settings`,
        namespace: systemNamespace,
        behavior: 'merge',
        literals: [`registry=${registry}`, ...literals],
      },
    ],
  };
}
