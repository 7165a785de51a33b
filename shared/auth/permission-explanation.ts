import type { RepositoryName } from '../domain/repository-name.ts';
import { isResourceName } from '../domain/resource-name.ts';
import type { RoleRight } from '../domain/role-rights.ts';
import type { Authority } from './authority.ts';
import { anonymousActions, patternsAllowing } from './permissions.ts';
import type { AssignmentExplanation } from './role-explanation.ts';
import {
  covers,
  explainFederationRule,
  explainScopeMap,
  type FederationRuleExplanation,
  type RuleVerdict,
  type ScopeMapExplanation,
} from './rule-explanation.ts';

/** One source of permissions, and what it says. */
export type PermissionReason =
  | ({ readonly source: 'role-assignment' } & AssignmentExplanation)
  /** The registry is not told to ask about role assignments. */
  | { readonly source: 'role-assignments'; readonly verdict: 'not-asked' | 'none' }
  | ({ readonly source: 'scope-map' } & ScopeMapExplanation)
  | ({ readonly source: 'federation-rule' } & FederationRuleExplanation)
  | { readonly source: 'admin-account'; readonly verdict: 'grants' | 'off' }
  | {
      readonly source: 'anonymous-pull';
      /** Where the repository is opened, when it is. */
      readonly openedBy?: 'policy' | 'configuration';
      readonly verdict: RuleVerdict;
    };

/** Why somebody may do something, or may not: what any of the reasons grants is allowed. */
export interface PermissionExplanation {
  readonly allowed: boolean;
  readonly reasons: readonly PermissionReason[];
}

/**
 * Explains a right of a principal in a repository or, without one, on the registry as a whole. The
 * principal is the object id of one of Entra's, `token:<name>`, `federation:<rule>` (whoever has a
 * token that the rule accepts), `admin` or `anonymous`; undefined for any other text. As old as
 * what the registry itself decides by. Throws StorageUnavailable and RolesUnavailable.
 */
export async function explainPermissions(
  authority: Authority,
  principalText: string,
  right: RoleRight,
  repository: RepositoryName | undefined,
): Promise<PermissionExplanation | undefined> {
  const explain = explainerOf(principalText);
  if (explain === undefined) return undefined;
  const reasons = [
    ...(await explain(authority, right, repository)),
    await explainAnonymousPull(authority, right, repository),
  ];
  return { allowed: reasons.some(({ verdict }) => verdict === 'grants'), reasons };
}

type Explain = (
  authority: Authority,
  right: RoleRight,
  repository: RepositoryName | undefined,
) => Promise<readonly PermissionReason[]>;

const guidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function explainerOf(principalText: string): Explain | undefined {
  if (principalText === 'anonymous') return () => Promise.resolve([]);
  if (principalText === 'admin') return explainAdmin;
  if (guidPattern.test(principalText)) return explainRoleAssignments(principalText.toLowerCase());
  const [, kind, name = ''] = /^(token|federation):(.*)$/.exec(principalText) ?? [];
  if (!isResourceName(name)) return undefined;
  return kind === 'token' ? explainToken(name) : explainRule(name);
}

const explainAdmin: Explain = async ({ permissionsOf }) => {
  const { management = [] } = await permissionsOf({ kind: 'admin' });
  return [{ source: 'admin-account', verdict: management.length > 0 ? 'grants' : 'off' }];
};

function explainRoleAssignments(objectId: string): Explain {
  return async ({ roles }, right, repository) => {
    if (roles === undefined) return [{ source: 'role-assignments', verdict: 'not-asked' }];
    const { assignments } = await roles.explain(objectId, right, repository);
    if (assignments.length === 0) return [{ source: 'role-assignments', verdict: 'none' }];
    return assignments.map((each) => ({ source: 'role-assignment', ...each }));
  };
}

function explainToken(name: string): Explain {
  return async ({ repositoryTokens, policy }, right, repository) => {
    const [token, { scopeMaps }] = await Promise.all([
      repositoryTokens.current(name),
      policy.current(),
    ]);
    const now = repositoryTokens.now();
    const explanation = explainScopeMap(name, token, scopeMaps, right, repository, now);
    return [{ source: 'scope-map', ...explanation }];
  };
}

function explainRule(name: string): Explain {
  return async ({ policy }, right, repository) => {
    const { federation } = await policy.current();
    const explanation = explainFederationRule(name, federation, right, repository);
    return [{ source: 'federation-rule', ...explanation }];
  };
}

/** It is for everybody, whoever they are. */
async function explainAnonymousPull(
  { permissionsOf, policy }: Authority,
  right: RoleRight,
  repository: RepositoryName | undefined,
): Promise<PermissionReason> {
  const source = 'anonymous-pull';
  const isGiven = anonymousActions.some((action) => action === right);
  if (!isGiven) return { source, verdict: 'lacks-right' };
  const open = patternsAllowing(await permissionsOf({ kind: 'anonymous' }), 'pull');
  if (!covers(open, repository)) return { source, verdict: 'other-repositories' };
  const { anonymousPull } = await policy.current();
  const openedBy = covers(anonymousPull, repository) ? 'policy' : 'configuration';
  return { source, openedBy, verdict: 'grants' };
}
