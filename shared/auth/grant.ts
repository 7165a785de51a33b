import { parseRepositoryName } from '../domain/repository-name.ts';
import { type Action, actions, type ResourceScope } from '../domain/scope.ts';
import type { Permissions } from './permissions.ts';

const patternGrammar = /^[a-z0-9._/-]*\*$/;
const catalogScope: ResourceScope = { type: 'registry', name: 'catalog', actions: ['*'] };

/** Names of actions that older releases of the Azure CLI ask for. */
const formerNames: ReadonlyMap<string, Action> = new Map([
  ['metadataRead', 'metadata_read'],
  ['metadataWrite', 'metadata_write'],
]);

/**
 * The part of the requested scopes that the permissions cover, as `access` entries of a token. Granting
 * less than was asked, even nothing, is no error (distribution "Token authentication", requesting a
 * token). `*` asks for every action; a name may be a pattern (`acr purge` asks `repository:*:*`), which is
 * answered with the patterns that it and the permissions have in common. Other resource types get nothing.
 */
export function grant(
  requested: readonly ResourceScope[],
  permissions: Permissions,
): ResourceScope[] {
  const granted = new Map<string, Set<Action>>();
  for (const scope of requested) {
    if (!namesRepositories(scope)) continue;
    for (const rule of permissions.rules) {
      const name = commonPattern(scope.name, rule.pattern);
      const allowed = wantedActions(scope).filter((action) => rule.actions.includes(action));
      if (name === undefined || allowed.length === 0) continue;
      granted.set(name, new Set([...(granted.get(name) ?? []), ...allowed]));
    }
  }
  const catalog = permissions.catalog && requested.some(asksForCatalog);
  return [
    ...(catalog ? [catalogScope] : []),
    ...[...granted].map(([name, set]) => ({
      type: 'repository',
      name,
      actions: actions.filter((action) => set.has(action)),
    })),
  ];
}

/** The reverse: what a token's `access` entries permit, so that an access token can stand in for a password. */
export function permissionsOfAccess(access: readonly ResourceScope[]): Permissions {
  return {
    rules: access.filter(namesRepositories).map((scope) => ({
      pattern: scope.name,
      actions: wantedActions(scope),
    })),
    catalog: access.some(asksForCatalog),
  };
}

/** `repository(plugin)` is what docker asks for plug-ins: the same repositories. */
function namesRepositories({ type, name }: ResourceScope): boolean {
  if (type !== 'repository' && type !== 'repository(plugin)') return false;
  return patternGrammar.test(name) || parseRepositoryName(name) !== undefined;
}

function asksForCatalog(scope: ResourceScope): boolean {
  return scope.type === 'registry' && scope.name === 'catalog' && scope.actions.includes('*');
}

function wantedActions(scope: ResourceScope): Action[] {
  const names = scope.actions.map((name) => formerNames.get(name) ?? name);
  return actions.filter((action) => names.includes('*') || names.includes(action));
}

/** The pattern that matches exactly what both match, or undefined when they have nothing in common. */
function commonPattern(one: string, other: string): string | undefined {
  if (one === other || covers(one, other)) return other;
  return covers(other, one) ? one : undefined;
}

function covers(pattern: string, narrower: string): boolean {
  return pattern.endsWith('*') && narrower.startsWith(pattern.slice(0, -1));
}
