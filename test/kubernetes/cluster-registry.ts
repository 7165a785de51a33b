import { owner } from '../acr/entra-registry.ts';
import { basic, Client } from '../http/client.ts';
import { type AzureCluster, startAzureCluster } from './azure-cluster.ts';

const tokenUser = '00000000-0000-0000-0000-000000000000';

export interface ClusterRegistry extends AzureCluster {
  /** What a program needs to trust the registry's certificate. */
  readonly env: Readonly<Record<string, string>>;
  /** As someone who may do everything. */
  readonly owner: Client;
  /** With the user name and password of a pull credential. */
  readonly as: (username: string, password: string) => Client;
}

/** A registry in Azure with the image `team/app:1`, and a node that may pull it. */
export async function startClusterRegistry(): Promise<ClusterRegistry> {
  const cluster = await startAzureCluster();
  const as = (username: string, password: string) =>
    new Client(cluster.lighter.url, basic(username, password));
  const asOwner = as(tokenUser, await cluster.tokenOf(owner));
  await asOwner.pushImage('team/app', '1');
  return { ...cluster, env: { NODE_EXTRA_CA_CERTS: cluster.caFile }, owner: asOwner, as };
}
