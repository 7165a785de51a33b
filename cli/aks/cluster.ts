import * as v from 'valibot';
import { CliError, exitCodes } from '../cli-error.ts';
import { mustRun, type Runner } from './runner.ts';

/** How a cluster is named: by its resource id, or by name and resource group. */
export interface ClusterName {
  /** A name, or `/subscriptions/…/managedClusters/…`. */
  readonly cluster: string;
  readonly resourceGroup?: string;
  /** Of a cluster that is named by its name; the Azure CLI's current one unless given. */
  readonly subscription?: string;
}

export interface Cluster {
  readonly name: string;
  readonly resourceGroup: string;
  readonly subscription: string | undefined;
  readonly kubelet: { readonly clientId: string; readonly objectId: string };
}

const resourceId =
  /^\/subscriptions\/([^/]+)\/resourceGroups\/([^/]+)\/providers\/Microsoft\.ContainerService\/managedClusters\/([^/]+)$/i;

const shown = v.looseObject({
  identityProfile: v.nullish(
    v.looseObject({
      kubeletidentity: v.optional(v.looseObject({ clientId: v.string(), objectId: v.string() })),
    }),
  ),
});

/** Throws a CliError when it is not there, or its kubelet has no managed identity. */
export async function findCluster(run: Runner, given: ClusterName): Promise<Cluster> {
  const named = place(given);
  const text = await mustRun(run, `cluster ${named.name}`, 'az', [
    'aks',
    'show',
    ...azArguments(named),
    '--output',
    'json',
  ]);
  const parsed = v.safeParse(shown, JSON.parse(text));
  const kubelet = parsed.success ? parsed.output.identityProfile?.kubeletidentity : undefined;
  if (kubelet === undefined) {
    throw new CliError(
      `the cluster ${named.name} has no kubelet identity: it runs as a service principal; use a pull secret (docs/pull-secrets.md)`,
    );
  }
  const { clientId, objectId } = kubelet;
  return { ...named, kubelet: { clientId, objectId } };
}

type Place = Omit<Cluster, 'kubelet'>;

function place({ cluster, resourceGroup, subscription }: ClusterName): Place {
  const [, ofId, group, name] = resourceId.exec(cluster) ?? [];
  if (name !== undefined && group !== undefined) {
    return { name, resourceGroup: group, subscription: ofId };
  }
  if (cluster.startsWith('/')) {
    throw new CliError(`not the resource id of an AKS cluster: ${cluster}`, exitCodes.usage);
  }
  if (resourceGroup === undefined) {
    throw new CliError(
      'which resource group? Give --resource-group, or the cluster by its resource id',
      exitCodes.usage,
    );
  }
  return { name: cluster, resourceGroup, subscription };
}

/** What every `az aks` command takes. */
export const azArguments = ({ name, resourceGroup, subscription }: Place): string[] => [
  '--name',
  name,
  '--resource-group',
  resourceGroup,
  ...(subscription === undefined ? [] : ['--subscription', subscription]),
];
