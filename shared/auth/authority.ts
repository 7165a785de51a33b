import type { Config } from '../config.ts';
import type { Clock } from '../ports/clock.ts';
import type { TableStore } from '../ports/table-store.ts';
import { adminAccount } from './admin-account.ts';
import type { IdentityProvider } from './identity.ts';
import { defaultKeySchedule, type KeySchedule } from './key-schedule.ts';
import { configuredPermissions, type PermissionSource } from './permissions.ts';
import { SigningKeys } from './signing-keys.ts';
import { Tokens } from './tokens.ts';

/** What signing in and checking permissions works with. */
export interface Authority {
  /** Asked in this order, until one knows the user. */
  readonly providers: readonly IdentityProvider[];
  readonly permissionsOf: PermissionSource;
  readonly keys: SigningKeys;
  readonly tokens: Tokens;
}

/** Composes the authority. Loads no library and asks storage nothing: that happens when a token is made or met. */
export function composeAuthority(
  config: Pick<Config, 'adminPassword' | 'anonymousPull'>,
  tables: TableStore,
  clock: Clock,
  keySchedule: KeySchedule = defaultKeySchedule,
): Authority {
  const keys = new SigningKeys(tables, clock, keySchedule);
  return {
    providers: [adminAccount(config.adminPassword)],
    permissionsOf: configuredPermissions(config),
    keys,
    tokens: new Tokens(keys, clock),
  };
}
