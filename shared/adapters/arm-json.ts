import type {
  ConditionText,
  RoleAssignment,
  RoleDefinition,
  RolePermission,
} from '../domain/role-assignment.ts';

/** One page of a list. */
export interface ArmPage {
  readonly values: readonly unknown[];
  readonly nextLink: string | undefined;
}

/** Undefined when it is not the documented shape. */
export function parsePage(json: unknown): ArmPage | undefined {
  const { value, nextLink } = fieldsOf(json);
  if (!Array.isArray(value)) return undefined;
  const isLast = nextLink === undefined || nextLink === null || nextLink === '';
  if (!isLast && typeof nextLink !== 'string') return undefined;
  return { values: value, nextLink: isLast ? undefined : nextLink };
}

/**
 * Undefined when it is not the documented shape. What cannot be read of a restriction, a condition
 * or what a role does not allow, makes all of it unreadable: it must not look absent.
 */
export function parseRoleAssignment(json: unknown): RoleAssignment | undefined {
  const { id, properties } = fieldsOf(json);
  const { scope, roleDefinitionId } = fieldsOf(properties);
  const condition = parseCondition(properties);
  if (typeof id !== 'string' || typeof scope !== 'string') return undefined;
  if (typeof roleDefinitionId !== 'string' || condition === 'unreadable') return undefined;
  return { id, scope, roleDefinitionId, condition };
}

/** As {@link parseRoleAssignment}. */
export function parseRoleDefinition(json: unknown): RoleDefinition | undefined {
  const { id, properties } = fieldsOf(json);
  const { roleName, permissions } = fieldsOf(properties);
  if (typeof id !== 'string' || !Array.isArray(permissions)) return undefined;
  const parsed = permissions.map(parsePermission).filter((each) => each !== undefined);
  return { id, roleName: typeof roleName === 'string' ? roleName : id, permissions: parsed };
}

function parsePermission(json: unknown): RolePermission | undefined {
  const fields = fieldsOf(json);
  const actions = parseStrings(fields['actions']);
  const notActions = parseStrings(fields['notActions']);
  const dataActions = parseStrings(fields['dataActions']);
  const notDataActions = parseStrings(fields['notDataActions']);
  const condition = parseCondition(json);
  if (actions === undefined || notActions === undefined) return undefined;
  if (dataActions === undefined || notDataActions === undefined) return undefined;
  if (condition === 'unreadable') return undefined;
  return { actions, notActions, dataActions, notDataActions, condition };
}

function parseCondition(json: unknown): ConditionText | undefined | 'unreadable' {
  const { condition, conditionVersion } = fieldsOf(json);
  if (condition === undefined || condition === null || condition === '') return undefined;
  if (typeof condition !== 'string') return 'unreadable';
  const version = typeof conditionVersion === 'string' ? conditionVersion : undefined;
  return { text: condition, version };
}

function parseStrings(json: unknown): string[] | undefined {
  if (json === undefined || json === null) return [];
  if (!Array.isArray(json)) return undefined;
  const strings = json.filter((each) => typeof each === 'string');
  return strings.length === json.length ? strings : undefined;
}

function fieldsOf(json: unknown): Record<string, unknown> {
  return typeof json === 'object' && json !== null ? { ...json } : {};
}
