/**
 * A condition as Azure stores it. Only version 2.0 of the language exists for what a registry does.
 */
export interface ConditionText {
  readonly text: string;
  readonly version: string | undefined;
}

/** Somebody has a role on a scope (Azure documentation, "Role Assignments - List For Scope"). */
export interface RoleAssignment {
  readonly id: string;
  /** `/`, a management group, a subscription, a resource group or a resource. */
  readonly scope: string;
  readonly roleDefinitionId: string;
  readonly condition: ConditionText | undefined;
}

/**
 * One element of a role definition's `permissions`; what it takes away it takes from itself only.
 */
export interface RolePermission {
  readonly actions: readonly string[];
  readonly notActions: readonly string[];
  readonly dataActions: readonly string[];
  readonly notDataActions: readonly string[];
  /** Of the definition itself; holds besides the assignment's. */
  readonly condition: ConditionText | undefined;
}

/** What a role may do (Azure documentation, "Role Definitions - Get"). */
export interface RoleDefinition {
  readonly id: string;
  readonly roleName: string;
  readonly permissions: readonly RolePermission[];
}

const resourceIdPattern =
  /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers(?:\/[^/]+){3}(?:\/[^/]+\/[^/]+)*$/i;
const managementGroupPattern = /^\/providers\/Microsoft\.Management\/managementGroups\/[^/]+$/i;

/** Whether this is the id of one resource, written so that it can stand in a URL as it is. */
export function isResourceId(text: string): boolean {
  return (
    resourceIdPattern.test(text) && /^[\w\-./()]+$/.test(text) && !/\/\.{1,2}(?:\/|$)/.test(text)
  );
}

/**
 * Whether an assignment on `scope` holds for the resource: the scope is the resource or lies above
 * it, by whole segments and without regard to case. A management group does not stand in a
 * resource's id; Azure lists one for a resource only when it lies above, as nothing a registry
 * consists of can hold one.
 */
export function scopeCovers(scope: string, resourceId: string): boolean {
  if (scope === '/' || managementGroupPattern.test(scope)) return true;
  const above = scope.toLowerCase().split('/');
  const segments = resourceId.toLowerCase().split('/');
  // A subscription at least: what comes above one was dealt with.
  return above.length >= 3 && above.every((segment, index) => segment === segments[index]);
}
