import type { Config } from '../config.ts';
import type { RepositoryName } from '../domain/repository-name.ts';
import { matchesPattern } from '../domain/repository-pattern.ts';
import { type Action, actions } from '../domain/scope.ts';
import type { PolicyStore } from '../policy/policy-store.ts';
import type { Identity } from './identity.ts';

/** These actions in every repository that matches the pattern (`name`, `prefix*` or `*`). */
export interface Rule {
  readonly pattern: string;
  readonly actions: readonly Action[];
  /**
   * Of the repositories that match, those the rule is for; all when left out. It cannot stand in a
   * token: such a rule gives tokens for single repositories only.
   */
  readonly admits?: (repository: RepositoryName) => boolean;
}

/**
 * What may be done to the registry as a resource: see its settings, change them, do away with it.
 */
export const managementActions = ['read', 'write', 'delete'] as const;
export type ManagementAction = (typeof managementActions)[number];

/**
 * All that a principal may do: what any of the rules allows, and whether it may list the
 * repositories.
 */
export interface Permissions {
  readonly rules: readonly Rule[];
  readonly catalog: boolean;
  /** Nothing when left out. */
  readonly management?: readonly ManagementAction[];
}

/** Who may push may sign, too: `sign` is the right to push signatures and nothing else. */
export function allows(
  permissions: Permissions,
  action: Action,
  repository: RepositoryName,
): boolean {
  return permissions.rules.some(
    (rule) =>
      (rule.actions.includes(action) || (action === 'sign' && rule.actions.includes('push'))) &&
      isFor(rule, repository),
  );
}

/** Whether the repository is one of the rule's. */
export function isFor({ pattern, admits }: Rule, repository: RepositoryName): boolean {
  return matchesPattern([pattern], repository) && (admits?.(repository) ?? true);
}

/** Patterns of repositories in all of which the action is allowed. */
export function patternsAllowing(permissions: Permissions, action: Action): string[] {
  return permissions.rules
    .filter(({ actions: allowed, admits }) => allowed.includes(action) && admits === undefined)
    .map(({ pattern }) => pattern);
}

/** What either allows. */
export function unite(one: Permissions, other: Permissions): Permissions {
  return {
    rules: [...one.rules, ...other.rules],
    catalog: one.catalog || other.catalog,
    management: [...new Set([...(one.management ?? []), ...(other.management ?? [])])],
  };
}

/** Where permissions come from. Asked whenever a token is issued or a password is used directly. */
export type PermissionSource = (identity: Identity) => Promise<Permissions>;

/** What ACR's anonymous pull gives: Azure's SDK lists the tags of an image so. */
export const anonymousActions: readonly Action[] = ['pull', 'metadata_read'];

/**
 * Permissions out of the configuration and the policy: the admin account may do everything while it
 * is on, everybody may pull what is open to anonymous pull. Nobody but the admin lists the
 * catalogue: names of repositories, even of public ones, are not given to who has no right of their
 * own. Throws StorageUnavailable when the policy is not known.
 */
export function configuredPermissions(
  config: Pick<Config, 'adminPassword' | 'anonymousPull'>,
  policy: PolicyStore,
): PermissionSource {
  const admin: Permissions = {
    rules: [{ pattern: '*', actions }],
    catalog: true,
    management: managementActions,
  };
  return async (identity) => {
    if (identity.kind === 'admin' && config.adminPassword !== undefined) return admin;
    const { anonymousPull } = await policy.current();
    const patterns = [...config.anonymousPull, ...anonymousPull];
    return {
      rules: patterns.map((pattern) => ({ pattern, actions: anonymousActions })),
      catalog: false,
    };
  };
}
