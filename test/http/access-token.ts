import { composeAuthority } from '../../shared/auth/authority.ts';
import type { ResourceScope } from '../../shared/domain/scope.ts';
import { systemClock } from '../../shared/ports/clock.ts';
import { tablesOf } from '../auth/registry-tables.ts';
import { Client } from './client.ts';
import type { TestRegistry } from './registry.ts';

/**
 * A client with a token of a principal who may do just this, signed with the registry's own key.
 */
export async function clientWithAccess(
  { azurite, lighter }: TestRegistry,
  access: Readonly<Record<string, readonly string[]>>,
): Promise<Client> {
  const off = { adminPassword: undefined, anonymousPull: [] };
  const authority = composeAuthority(off, tablesOf(azurite), systemClock);
  const { token } = await authority.tokens.issueAccess({
    subject: 'test',
    audience: lighter.host,
    access: Object.entries(access).map(([name, actions]): ResourceScope => ({
      type: 'repository',
      name,
      actions,
    })),
    expiresAtMostMs: undefined,
  });
  return new Client(lighter.url, `Bearer ${token}`);
}
