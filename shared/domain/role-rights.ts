import type { Action } from './scope.ts';

/**
 * What a role can give: actions in repositories, and on the registry as a whole the catalogue and
 * management (reading, writing and deleting the registry as a resource).
 */
export type RegistryRight = 'catalog' | 'manage_read' | 'manage_write' | 'manage_delete';
export type RoleRight = Action | RegistryRight;

/** What a role must hold, all of it, to give rights. */
export interface RightSource {
  readonly actions: readonly string[];
  readonly dataActions: readonly string[];
  /** The first is what the source is for; the others come with it. */
  readonly gives: readonly [RoleRight, ...RoleRight[]];
}

const registries = 'Microsoft.ContainerRegistry/registries';

function action(name: string, ...gives: RightSource['gives']): RightSource {
  return { actions: [`${registries}/${name}`], dataActions: [], gives };
}

function dataAction(name: string, ...gives: RightSource['gives']): RightSource {
  return { actions: [], dataActions: [`${registries}/${name}`], gives };
}

/**
 * Operations of the resource provider Microsoft.ContainerRegistry and the rights they give, by the
 * names that Azure's documentation and the definitions of its built-in roles have for them; not yet
 * compared with `az provider operation show --namespace Microsoft.ContainerRegistry`. That pulling
 * brings reading metadata and the catalogue is what ACR's AcrPull does;
 * `repositories/metadata/delete` gives nothing, because content/delete covers it.
 */
export const rightSources: readonly RightSource[] = [
  action('pull/read', 'pull', 'metadata_read', 'catalog'),
  action('push/write', 'push'),
  action('artifacts/delete', 'delete'),
  action('metadata/read', 'metadata_read'),
  action('metadata/write', 'metadata_write'),
  {
    actions: [`${registries}/sign/write`],
    dataActions: [`${registries}/trustedCollections/write`],
    gives: ['sign'],
  },
  dataAction('repositories/content/read', 'pull'),
  dataAction('repositories/content/write', 'push'),
  dataAction('repositories/content/delete', 'delete'),
  dataAction('repositories/metadata/read', 'metadata_read'),
  dataAction('repositories/metadata/write', 'metadata_write'),
  dataAction('catalog/read', 'catalog'),
  action('read', 'manage_read'),
  action('write', 'manage_write'),
  action('delete', 'manage_delete'),
];

/** All operations that give one of the rights, whatever the role. */
export function operationsGiving(rights: readonly RoleRight[]): string[] {
  return rightSources
    .filter(({ gives }) => gives.some((right) => rights.includes(right)))
    .flatMap(operationsOf);
}

export function operationsOf({ actions, dataActions }: RightSource): string[] {
  return [...actions, ...dataActions];
}
