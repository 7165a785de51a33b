import type { Cluster } from './cluster.ts';
import { mustRun, type Runner } from './runner.ts';

/** AcrPull (Azure built-in roles). */
const acrPull = '7f951dda-4ed3-4680-a7ca-43fe172d538d';

/** Lets the kubelet's identity pull: AcrPull on the registry's resource, once or again. */
export async function allowPull(
  run: Runner,
  { kubelet }: Cluster,
  registryResourceId: string,
): Promise<void> {
  await mustRun(run, 'role assignment', 'az', [
    'role',
    'assignment',
    'create',
    '--role',
    acrPull,
    '--assignee-object-id',
    kubelet.objectId,
    '--assignee-principal-type',
    'ServicePrincipal',
    '--scope',
    registryResourceId,
  ]);
}

/** Takes that back. */
export async function disallowPull(
  run: Runner,
  { kubelet }: Cluster,
  registryResourceId: string,
): Promise<void> {
  await mustRun(run, 'role assignment', 'az', [
    'role',
    'assignment',
    'delete',
    '--role',
    acrPull,
    '--assignee',
    kubelet.objectId,
    '--scope',
    registryResourceId,
  ]);
}
