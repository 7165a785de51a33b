import { type Condition, ConditionError } from './condition.ts';
import { evaluate, type Truth } from './condition-evaluation.ts';
import { parseCondition } from './condition-parser.ts';
import { intersection, type RepositorySet, repositoriesWhere } from './condition-repositories.ts';
import type { RepositoryName } from './repository-name.ts';
import {
  type ConditionText,
  type RoleAssignment,
  type RoleDefinition,
  type RolePermission,
  scopeCovers,
} from './role-assignment.ts';
import {
  operationsGiving,
  operationsOf,
  type RightSource,
  rightSources,
  type RoleRight,
} from './role-rights.ts';
import { matchesAction } from './role-wildcard.ts';

/** One way an assignment gives a right, under its conditions. */
export interface RoleGrant {
  readonly right: RoleRight;
  /** All must be true. */
  readonly conditions: readonly Condition[];
  /**
   * The actions the conditions are asked about, as predicates over the patterns of `ActionMatches`:
   * each of the operations that the role holds, and any operation that gives the same right. So a
   * condition about `repositories/content/read` also binds who pulls by `pull/read`, and none gives
   * more than it says.
   */
  readonly asked: readonly ((pattern: string) => boolean)[];
}

/** What an assignment means for the registry. */
export type RoleJudgement = {
  readonly assignment: RoleAssignment;
  readonly roleName: string | undefined;
} & (
  | { readonly outcome: 'counts'; readonly grants: readonly RoleGrant[] }
  /** It is for something below or beside the registry. */
  | { readonly outcome: 'other-scope' }
  | { readonly outcome: 'unknown-role' }
  | { readonly outcome: 'condition-not-understood'; readonly problem: string }
);

/**
 * Judges an assignment on whatever scope; `definition` is undefined when its role does not exist
 * any more.
 */
export function judgeAssignment(
  assignment: RoleAssignment,
  definition: RoleDefinition | undefined,
  resourceId: string,
): RoleJudgement {
  const about = { assignment, roleName: definition?.roleName };
  if (!scopeCovers(assignment.scope, resourceId)) return { ...about, outcome: 'other-scope' };
  if (definition === undefined) return { ...about, outcome: 'unknown-role' };
  try {
    const own = parseConditionText(assignment.condition);
    const grants = definition.permissions.flatMap((permission) =>
      grantsOf(permission, [...own, ...parseConditionText(permission.condition)]),
    );
    return { ...about, outcome: 'counts', grants };
  } catch (error) {
    if (!(error instanceof ConditionError)) throw error;
    return { ...about, outcome: 'condition-not-understood', problem: error.message };
  }
}

/** The repositories in which a grant of an action holds. */
export function repositoriesOf({ conditions, asked }: RoleGrant): RepositorySet {
  return intersection(
    conditions.flatMap((condition) =>
      asked.map((matches) => repositoriesWhere(condition, matches)),
    ),
  );
}

/**
 * Whether a grant holds for the repository; `undefined` asks for a right on the registry as a
 * whole.
 */
export function grantHolds(
  { conditions, asked }: RoleGrant,
  repository: RepositoryName | undefined,
): Truth {
  const truths = conditions.flatMap((condition) =>
    asked.map((matches) => evaluate(condition, { matchesAction: matches, repository })),
  );
  if (truths.includes(false)) return false;
  return truths.includes('unknown') ? 'unknown' : true;
}

/** Whether a role's permission holds an action and does not take it away again. */
function holds(allowed: readonly string[], denied: readonly string[], operation: string): boolean {
  const matches = (pattern: string) => matchesAction(pattern, operation);
  return allowed.some(matches) && !denied.some(matches);
}

function grantsOf(permission: RolePermission, conditions: readonly Condition[]): RoleGrant[] {
  const held = rightSources.filter(
    ({ actions, dataActions }) =>
      actions.every((each) => holds(permission.actions, permission.notActions, each)) &&
      dataActions.every((each) => holds(permission.dataActions, permission.notDataActions, each)),
  );
  return held.flatMap((source) =>
    source.gives.map((right) => ({ right, conditions, asked: actionsAsked(source, right) })),
  );
}

function actionsAsked(source: RightSource, right: RoleRight): RoleGrant['asked'] {
  const alike = operationsGiving([right, source.gives[0]]);
  return [
    ...operationsOf(source).map(
      (operation) => (pattern: string) => matchesAction(pattern, operation),
    ),
    (pattern) => alike.some((operation) => matchesAction(pattern, operation)),
  ];
}

function parseConditionText(condition: ConditionText | undefined): Condition[] {
  if (condition === undefined) return [];
  if (condition.version !== '2.0') {
    throw new ConditionError(`is of version ${condition.version ?? 'none'}, not 2.0`);
  }
  return [parseCondition(condition.text)];
}
