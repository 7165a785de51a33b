import type { Config } from '../config.ts';
import type { RepositoryName } from '../domain/repository-name.ts';
import { matchesPattern } from '../domain/repository-pattern.ts';
import { type Action, actions } from '../domain/scope.ts';
import type { Identity } from './identity.ts';

/** These actions in every repository that matches the pattern (`name`, `prefix*` or `*`). */
export interface Rule {
  readonly pattern: string;
  readonly actions: readonly Action[];
}

/** All that a principal may do: what any of the rules allows, and whether it may list the repositories. */
export interface Permissions {
  readonly rules: readonly Rule[];
  readonly catalog: boolean;
}

export function allows(
  permissions: Permissions,
  action: Action,
  repository: RepositoryName,
): boolean {
  return permissions.rules.some(
    (rule) => rule.actions.includes(action) && matchesPattern([rule.pattern], repository),
  );
}

/** Where permissions come from. Asked whenever a token is issued or a password is used directly. */
export type PermissionSource = (identity: Identity) => Promise<Permissions>;

/**
 * Permissions out of the configuration: the admin account may do everything while it is on, everybody may
 * pull what is open to anonymous pull. Nobody but the admin lists the catalogue: names of repositories,
 * even of public ones, are not given to who has no right of their own.
 */
export function configuredPermissions(
  config: Pick<Config, 'adminPassword' | 'anonymousPull'>,
): PermissionSource {
  const everybody: Permissions = {
    rules: config.anonymousPull.map((pattern) => ({ pattern, actions: ['pull'] })),
    catalog: false,
  };
  const admin: Permissions = { rules: [{ pattern: '*', actions }], catalog: true };
  return (identity) =>
    Promise.resolve(
      identity.kind === 'admin' && config.adminPassword !== undefined ? admin : everybody,
    );
}
