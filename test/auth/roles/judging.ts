import { permissionsOfRoles } from '../../../shared/auth/role-rules.ts';
import { allows, type Permissions } from '../../../shared/auth/permissions.ts';
import {
  parseRepositoryName,
  type RepositoryName,
} from '../../../shared/domain/repository-name.ts';
import type { RoleAssignment, RoleDefinition } from '../../../shared/domain/role-assignment.ts';
import { judgeAssignment, type RoleJudgement } from '../../../shared/domain/role-judgement.ts';
import { type Action, actions } from '../../../shared/domain/scope.ts';

export const subscription = '/subscriptions/0b1f6471-1bf0-4dda-aec3-111122223333';
export const resourceGroup = `${subscription}/resourceGroups/registry-rg`;
export const resourceId = `${resourceGroup}/providers/Microsoft.Web/sites/lighter`;

export function repository(name: string): RepositoryName {
  const parsed = parseRepositoryName(name);
  if (parsed === undefined) throw new Error(`${name} is no repository`);
  return parsed;
}

export function judged(
  definition: RoleDefinition,
  assignment: { scope?: string; condition?: string; version?: string } = {},
): RoleJudgement {
  const { scope = resourceId, condition, version = '2.0' } = assignment;
  const whole: RoleAssignment = {
    id: 'assignment',
    scope,
    roleDefinitionId: definition.id,
    condition: condition === undefined ? undefined : { text: condition, version },
  };
  return judgeAssignment(whole, definition, resourceId);
}

/** What one assignment permits. */
export function permissionsBy(...given: Parameters<typeof judged>): Permissions {
  return permissionsOfRoles([judged(...given)]);
}

/** The actions that a role's rules name, without what one right includes of another. */
export function actionsIn(permissions: Permissions, name: string): Action[] {
  return actions.filter(
    (action) =>
      allows(permissions, action, repository(name)) &&
      permissions.rules.some((rule) => rule.actions.includes(action)),
  );
}
