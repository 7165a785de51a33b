import type { RoleDefinition } from '../../../shared/domain/role-assignment.ts';
import { parseRoleDefinition } from '../../../shared/adapters/arm-json.ts';
import type { TestRole } from './arm-stand-in.ts';

const registries = 'Microsoft.ContainerRegistry/registries';

function role(
  guid: string,
  roleName: string,
  actions: readonly string[],
  dataActions: readonly string[] = [],
  notActions: readonly string[] = [],
): TestRole {
  return {
    guid,
    roleName,
    permissions: [{ actions, notActions, dataActions, notDataActions: [] }],
  };
}

/**
 * Azure's built-in roles as `az role definition list` prints them. What Repository Reader, Writer
 * and Catalog Lister hold is from memory; the names of the operations are not.
 */
export const builtInRoles: readonly TestRole[] = [
  role('8e3af657-a8ff-443c-a75c-2fe8c4bcb635', 'Owner', ['*']),
  role(
    'b24988ac-6180-42a0-ab88-20f7382dd24c',
    'Contributor',
    ['*'],
    [],
    [
      'Microsoft.Authorization/*/Delete',
      'Microsoft.Authorization/*/Write',
      'Microsoft.Authorization/elevateAccess/Action',
      'Microsoft.Blueprint/blueprintAssignments/write',
      'Microsoft.Blueprint/blueprintAssignments/delete',
      'Microsoft.Compute/galleries/share/action',
    ],
  ),
  role('acdd72a7-3385-48ef-bd42-f606fba81ae7', 'Reader', ['*/read']),
  role('7f951dda-4ed3-4680-a7ca-43fe172d538d', 'AcrPull', [`${registries}/pull/read`]),
  role('8311e382-0749-4cb8-b61a-304f252e45ec', 'AcrPush', [
    `${registries}/pull/read`,
    `${registries}/push/write`,
  ]),
  role('c2f4ef07-c644-48eb-af81-4b1b4947fb11', 'AcrDelete', [`${registries}/artifacts/delete`]),
  role(
    '6cef56e8-d556-48e5-a04f-b8e64114680f',
    'AcrImageSigner',
    [`${registries}/sign/write`],
    [`${registries}/trustedCollections/write`],
  ),
  role(
    'b93aa761-3e63-49ed-ac28-beffa264f7ac',
    'Container Registry Repository Reader',
    [],
    [`${registries}/repositories/content/read`, `${registries}/repositories/metadata/read`],
  ),
  role(
    '2a1e307c-b015-4ebd-883e-5b7698a07328',
    'Container Registry Repository Writer',
    [],
    [
      `${registries}/repositories/content/read`,
      `${registries}/repositories/content/write`,
      `${registries}/repositories/metadata/read`,
      `${registries}/repositories/metadata/write`,
    ],
  ),
  role(
    '2efddaa5-3f1f-4df3-97df-af3f13818f4c',
    'Container Registry Repository Contributor',
    [],
    [
      `${registries}/repositories/content/read`,
      `${registries}/repositories/content/write`,
      `${registries}/repositories/content/delete`,
      `${registries}/repositories/metadata/read`,
      `${registries}/repositories/metadata/write`,
      `${registries}/repositories/metadata/delete`,
    ],
  ),
  role(
    'bfdb9389-c9a5-478a-bb2f-ba9ca092c3c7',
    'Container Registry Repository Catalog Lister',
    [],
    [`${registries}/catalog/read`],
  ),
];

export function customRole(permission: {
  readonly actions?: readonly string[];
  readonly notActions?: readonly string[];
  readonly dataActions?: readonly string[];
  readonly notDataActions?: readonly string[];
}): RoleDefinition {
  return definitionOf({ guid: 'custom', roleName: 'Custom', permissions: [permission] });
}

export function builtInRole(roleName: string): RoleDefinition {
  const found = builtInRoles.find((each) => each.roleName === roleName);
  if (found === undefined) throw new Error(`no role ${roleName}`);
  return definitionOf(found);
}

function definitionOf({ guid, roleName, permissions }: TestRole): RoleDefinition {
  const parsed = parseRoleDefinition({ id: guid, properties: { roleName, permissions } });
  if (parsed === undefined) throw new Error(`${roleName} is no role definition`);
  return parsed;
}
