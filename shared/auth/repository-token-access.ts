import { isResourceName } from '../domain/resource-name.ts';
import { contentActions } from '../policy/content-actions.ts';
import type { PolicyStore } from '../policy/policy-store.ts';
import type { RepositoryRule } from '../policy/repository-rules.ts';
import type { ScopeMap } from '../policy/scope-maps.ts';
import type { IdentityProvider } from './identity.ts';
import { type Permissions, type PermissionSource, unite } from './permissions.ts';
import type { RepositoryTokens } from './repository-tokens.ts';

/** User name the token's name, in whatever case, password one of its two. */
export function repositoryTokenSignIn(tokens: RepositoryTokens): IdentityProvider {
  return {
    async signIn(username, password) {
      if (!isResourceName(username)) return 'not-mine';
      const isRight = await tokens.signIn(username, password);
      return isRight ? { kind: 'repository-token', name: username.toLowerCase() } : 'refused';
    },
  };
}

/**
 * Tokens may do what their scope map says besides what the rest says, while they are enabled and
 * there is such a map; others what the rest says.
 */
export function scopeMapPermissions(
  tokens: RepositoryTokens,
  policy: PolicyStore,
  rest: PermissionSource,
): PermissionSource {
  return async (identity) => {
    const others = await rest(identity);
    if (identity.kind !== 'repository-token') return others;
    const token = await tokens.current(identity.name);
    if (token?.enabled !== true) return others;
    const map = findByName((await policy.current()).scopeMaps, token.scopeMap);
    return map === undefined ? others : unite(others, permissionsOfRules(map.rules));
  };
}

/** Names of the policy are unique whatever their case, and are found so. */
export function findByName<Named extends Pick<ScopeMap, 'name'>>(
  list: readonly Named[],
  name: string,
): Named | undefined {
  return list.find((each) => each.name.toLowerCase() === name.toLowerCase());
}

/** Who may read the metadata of all repositories may list them. */
export function permissionsOfRules(rules: readonly RepositoryRule[]): Permissions {
  const allowed = rules.flatMap(({ repositories, actions }) => {
    const names = actions.map((action) => contentActions[action]);
    return repositories.map((pattern) => ({ pattern, actions: names }));
  });
  const catalog = allowed.some(
    ({ pattern, actions }) => pattern === '*' && actions.includes('metadata_read'),
  );
  return { rules: allowed, catalog };
}
