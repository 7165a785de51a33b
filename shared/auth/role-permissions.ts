import type { RepositoryName } from '../domain/repository-name.ts';
import { scopeCovers } from '../domain/role-assignment.ts';
import { judgeAssignment, type RoleJudgement } from '../domain/role-judgement.ts';
import type { RoleRight } from '../domain/role-rights.ts';
import type { Clock } from '../ports/clock.ts';
import type { RoleAssignments } from '../ports/role-assignments.ts';
import { type Permissions, type PermissionSource, unite } from './permissions.ts';
import { RoleCache, type RoleCaching } from './role-cache.ts';
import { explainRoles, type RoleExplanation } from './role-explanation.ts';
import { permissionsOfRoles } from './role-rules.ts';

interface KnownRoles {
  readonly judgements: readonly RoleJudgement[];
  readonly permissions: Permissions;
}

/**
 * What Azure's role assignments let a principal do with the registry. Answers are remembered as
 * RoleCaching says; asks storage nothing. Throws RolesUnavailable when nothing is known that is
 * recent enough.
 */
export class AzureRoles {
  readonly #known: RoleCache<KnownRoles>;

  constructor(
    assignments: RoleAssignments,
    resourceId: string,
    clock: Clock,
    caching?: RoleCaching,
  ) {
    const ask = async (objectId: string): Promise<KnownRoles> => {
      const judgements = await judgeAll(assignments, objectId, resourceId);
      return { judgements, permissions: permissionsOfRoles(judgements) };
    };
    this.#known = new RoleCache(ask, clock, caching);
  }

  /** `objectId` is the principal's in the tenant of the registry's subscription. */
  async permissionsOf(objectId: string): Promise<Permissions> {
    return (await this.#known.get(objectId)).permissions;
  }

  /** Why the principal may do something, or may not, as far as roles decide it. */
  async explain(
    objectId: string,
    right: RoleRight,
    repository: RepositoryName | undefined,
  ): Promise<RoleExplanation> {
    return explainRoles((await this.#known.get(objectId)).judgements, right, repository);
  }
}

/**
 * Entra's principals may do what their roles say besides what the rest says; others what the rest
 * says.
 */
export function rolePermissions(roles: AzureRoles, rest: PermissionSource): PermissionSource {
  return async (identity) => {
    const others = await rest(identity);
    if (identity.kind !== 'entra') return others;
    return unite(others, await roles.permissionsOf(identity.objectId));
  };
}

/** The definitions of roles on other scopes are of no interest. */
async function judgeAll(
  assignments: RoleAssignments,
  objectId: string,
  resourceId: string,
): Promise<RoleJudgement[]> {
  const found = await assignments.assignedTo(objectId);
  return Promise.all(
    found.map(async (assignment) => {
      const covers = scopeCovers(assignment.scope, resourceId);
      const definition = covers
        ? await assignments.definition(assignment.roleDefinitionId)
        : undefined;
      return judgeAssignment(assignment, definition, resourceId);
    }),
  );
}
