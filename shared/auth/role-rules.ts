import type { RepositorySet } from '../domain/condition-repositories.ts';
import type { RepositoryName } from '../domain/repository-name.ts';
import { coversPattern } from '../domain/repository-pattern.ts';
import {
  grantHolds,
  repositoriesOf,
  type RoleGrant,
  type RoleJudgement,
} from '../domain/role-judgement.ts';
import type { RoleRight } from '../domain/role-rights.ts';
import { type Action, actions } from '../domain/scope.ts';
import type { ManagementAction, Permissions, Rule } from './permissions.ts';

const managementRights: ReadonlyMap<ManagementAction, RoleRight> = new Map([
  ['read', 'manage_read'],
  ['write', 'manage_write'],
  ['delete', 'manage_delete'],
]);

/**
 * What role assignments permit together. A condition that selects names and prefixes becomes
 * patterns; of another, patterns that are certain stand for themselves, and the rest keeps the
 * condition. Rights on the registry as a whole need a condition that is true of no repository in
 * particular.
 */
export function permissionsOfRoles(judgements: readonly RoleJudgement[]): Permissions {
  const grants = judgements.flatMap((each) => (each.outcome === 'counts' ? each.grants : []));
  const holdsOnRegistry = (right: RoleRight) =>
    grants.some((grant) => grant.right === right && grantHolds(grant, undefined) === true);
  return {
    rules: mergeRules(grants.flatMap(rulesOf)),
    catalog: holdsOnRegistry('catalog'),
    management: [...managementRights]
      .filter(([, right]) => holdsOnRegistry(right))
      .map(([action]) => action),
  };
}

function rulesOf(grant: RoleGrant): Rule[] {
  const action = actions.find((each) => each === grant.right);
  if (action === undefined) return [];
  const { certain, possible } = repositoriesOf(grant);
  return [
    ...certain.map((pattern) => ({ pattern, actions: [action] })),
    ...uncertain({ certain, possible }).map((pattern) => ({
      pattern,
      actions: [action],
      admits: (repository: RepositoryName) => grantHolds(grant, repository) === true,
    })),
  ];
}

function uncertain({ certain, possible }: RepositorySet): string[] {
  return possible.filter((pattern) => !certain.some((each) => coversPattern(each, pattern)));
}

/** One rule for each pattern, as far as rules are without a condition. */
function mergeRules(rules: readonly Rule[]): Rule[] {
  const byPattern = new Map<string, Set<Action>>();
  for (const { pattern, actions: allowed, admits } of rules) {
    if (admits !== undefined) continue;
    byPattern.set(pattern, new Set([...(byPattern.get(pattern) ?? []), ...allowed]));
  }
  return [
    ...[...byPattern].map(([pattern, set]) => ({
      pattern,
      actions: actions.filter((action) => set.has(action)),
    })),
    ...rules.filter(({ admits }) => admits !== undefined),
  ];
}
