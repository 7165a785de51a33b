import { parseRepositoryName } from '../domain/repository-name.ts';
import { commonPattern } from '../domain/repository-pattern.ts';
import { type Action, actions, type ResourceScope } from '../domain/scope.ts';
import {
  isFor,
  type ManagementAction,
  managementActions,
  type Permissions,
  type Rule,
} from './permissions.ts';

const patternGrammar = /^[a-z0-9._/-]*\*$/;
const catalogScope: ResourceScope = { type: 'registry', name: 'catalog', actions: ['*'] };
/** Lighter's own scope for its management API: `registry:management:read,write,delete`. */
const management = 'management';

/**
 * Names of actions that older releases of the Azure CLI ask for, and those that it asks for to see
 * and to restore what was deleted.
 */
const otherNames: ReadonlyMap<string, Action> = new Map([
  ['metadataRead', 'metadata_read'],
  ['metadataWrite', 'metadata_write'],
  ['deleted_read', 'metadata_read'],
  ['deleted_restore', 'push'],
]);
const catalogNames = ['catalog', 'deleted_catalog'];

/**
 * The part of the requested scopes that the permissions cover, as `access` entries of a token.
 * Granting less than was asked, even nothing, is no error (distribution "Token authentication",
 * requesting a token). `*` asks for every action; a name may be a pattern (`acr purge` asks
 * `repository:*:*`), which is answered with the patterns that it and the permissions have in
 * common, and with nothing of what is permitted under a condition that no pattern can say. Who asks
 * to push and may only sign gets `sign`. `registry:management` is the right to the management API.
 * Other resource types get nothing.
 */
export function grant(
  requested: readonly ResourceScope[],
  permissions: Permissions,
): ResourceScope[] {
  const granted = new Map<string, Set<Action>>();
  for (const scope of requested) {
    if (!namesRepositories(scope)) continue;
    for (const rule of permissions.rules) {
      const name = commonName(scope.name, rule);
      const allowed = allowedActions(wantedActions(scope), rule);
      if (name === undefined || allowed.length === 0) continue;
      granted.set(name, new Set([...(granted.get(name) ?? []), ...allowed]));
    }
  }
  const catalog = permissions.catalog && requested.some(asksForCatalog);
  const managed = managedActions(requested, permissions.management ?? []);
  return [
    ...(catalog ? [catalogScope] : []),
    ...(managed.length > 0 ? [{ type: 'registry', name: management, actions: managed }] : []),
    ...[...granted].map(([name, set]) => ({
      type: 'repository',
      name,
      actions: actions.filter((action) => set.has(action)),
    })),
  ];
}

/**
 * The reverse: what a token's `access` entries permit, so that an access token can stand in for a
 * password.
 */
export function permissionsOfAccess(access: readonly ResourceScope[]): Permissions {
  return {
    rules: access.filter(namesRepositories).map((scope) => ({
      pattern: scope.name,
      actions: wantedActions(scope),
    })),
    catalog: access.some(asksForCatalog),
    management: managedActions(access, managementActions),
  };
}

function managedActions(
  scopes: readonly ResourceScope[],
  allowed: readonly ManagementAction[],
): readonly ManagementAction[] {
  const wanted = scopes
    .filter(({ type, name }) => type === 'registry' && name === management)
    .flatMap(({ actions: names }) => names);
  return allowed.filter((action) => wanted.includes('*') || wanted.includes(action));
}

/** `repository(plugin)` is what docker asks for plug-ins: the same repositories. */
function namesRepositories({ type, name }: ResourceScope): boolean {
  if (type !== 'repository' && type !== 'repository(plugin)') return false;
  return patternGrammar.test(name) || parseRepositoryName(name) !== undefined;
}

function asksForCatalog(scope: ResourceScope): boolean {
  return (
    scope.type === 'registry' && catalogNames.includes(scope.name) && scope.actions.includes('*')
  );
}

function wantedActions(scope: ResourceScope): Action[] {
  const names = scope.actions.map((name) => otherNames.get(name) ?? name);
  return actions.filter((action) => names.includes('*') || names.includes(action));
}

/**
 * What a rule allows of what is wanted. A client that signs asks to push, as signatures are pushed;
 * and pushing includes signing.
 */
function allowedActions(wanted: readonly Action[], rule: Rule): readonly Action[] {
  const allowed = wanted.filter((action) => rule.actions.includes(action));
  const isPushOrSign = (action: Action) => action === 'push' || action === 'sign';
  const signs = wanted.some(isPushOrSign) && rule.actions.some(isPushOrSign);
  return signs && !allowed.some(isPushOrSign) ? [...allowed, 'sign'] : allowed;
}

/**
 * The name or pattern of what a request and a rule are both about; undefined when that is nothing.
 */
function commonName(requested: string, rule: Rule): string | undefined {
  if (rule.admits === undefined) return commonPattern(requested, rule.pattern);
  const repository = parseRepositoryName(requested);
  return repository !== undefined && isFor(rule, repository) ? repository : undefined;
}
