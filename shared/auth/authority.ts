import type { Config } from '../config.ts';
import type { Clock } from '../ports/clock.ts';
import type { Entra } from '../ports/entra.ts';
import type { IssuerKeys } from '../ports/issuer-keys.ts';
import type { TableStore } from '../ports/table-store.ts';
import { PolicyStore } from '../policy/policy-store.ts';
import { adminAccount } from './admin-account.ts';
import { Federation, noIssuerKeys } from './federation.ts';
import { federationPermissions } from './federation-permissions.ts';
import type { IdentityProvider } from './identity.ts';
import { defaultKeySchedule, type KeySchedule } from './key-schedule.ts';
import { configuredPermissions, type PermissionSource } from './permissions.ts';
import { type AzureRoles, rolePermissions } from './role-permissions.ts';
import { repositoryTokenSignIn, scopeMapPermissions } from './repository-token-access.ts';
import { RepositoryTokens } from './repository-tokens.ts';
import { servicePrincipals } from './service-principals.ts';
import { SigningKeys } from './signing-keys.ts';
import { Tokens } from './tokens.ts';

/** What signing in and checking permissions works with. */
export interface Authority {
  /** Asked in this order, until one knows the user. */
  readonly providers: readonly IdentityProvider[];
  /** Undefined: Entra sign-in is off. */
  readonly entra: Entra | undefined;
  /** Signing in with tokens of other issuers. */
  readonly federation: Federation;
  /** Undefined: Azure's role assignments are not asked about. */
  readonly roles: AzureRoles | undefined;
  readonly permissionsOf: PermissionSource;
  /** The settings that are data. */
  readonly policy: PolicyStore;
  /** Users of the registry's own, with passwords of its own. */
  readonly repositoryTokens: RepositoryTokens;
  readonly keys: SigningKeys;
  readonly tokens: Tokens;
}

/** What an authority may go without. */
export interface AuthorityOptions {
  /** Without it nobody signs in with Entra. */
  readonly entra?: Entra | undefined;
  /** Without it Entra's principals may do what everybody may. */
  readonly roles?: AzureRoles | undefined;
  /** Without it only rules with keys of their own accept tokens of other issuers. */
  readonly issuerKeys?: IssuerKeys;
  readonly keySchedule?: KeySchedule;
  /** One of its own unless given. */
  readonly policy?: PolicyStore;
}

/**
 * Composes the authority. Loads no library and asks storage nothing: that happens when a token is
 * made or met.
 */
export function composeAuthority(
  config: Pick<Config, 'adminPassword' | 'anonymousPull'>,
  tables: TableStore,
  clock: Clock,
  {
    entra,
    roles,
    issuerKeys = noIssuerKeys,
    keySchedule = defaultKeySchedule,
    policy = new PolicyStore(tables, clock),
  }: AuthorityOptions = {},
): Authority {
  const keys = new SigningKeys(tables, clock, keySchedule);
  const repositoryTokens = new RepositoryTokens(tables, clock);
  const configured = configuredPermissions(config, policy);
  const ofTokens = scopeMapPermissions(repositoryTokens, policy, configured);
  const own = federationPermissions(policy, ofTokens);
  return {
    providers: [
      adminAccount(config.adminPassword, clock),
      ...(entra === undefined ? [] : [servicePrincipals(entra, clock)]),
      repositoryTokenSignIn(repositoryTokens),
    ],
    entra,
    federation: new Federation(policy, issuerKeys, clock, entra?.issuers),
    roles,
    permissionsOf: roles === undefined ? own : rolePermissions(roles, own),
    policy,
    repositoryTokens,
    keys,
    tokens: new Tokens(keys, clock),
  };
}
