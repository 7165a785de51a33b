import { composeAuthority } from '../../shared/auth/authority.ts';
import type { ManagementAction } from '../../shared/auth/permissions.ts';
import { systemClock } from '../../shared/ports/clock.ts';
import { tablesOf } from '../auth/registry-tables.ts';
import { type Answer, Client } from '../http/client.ts';
import type { TestRegistry } from '../http/registry.ts';

/** Sends a document as JSON; its headers may say something else. */
export function sendJson(
  client: Client,
  method: string,
  path: string,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return client.send(method, `/api/v1/${path}`, {
    body: JSON.stringify(value),
    headers: { 'Content-Type': 'application/json', ...headers },
  });
}

export function jsonOf<T>(answer: Answer): T {
  return JSON.parse(answer.body.toString());
}

/** A client with an access token to these rights on the registry as a resource. */
export async function clientWithManagement(
  { azurite, lighter }: TestRegistry,
  ...actions: readonly ManagementAction[]
): Promise<Client> {
  const off = { adminPassword: undefined, anonymousPull: [] };
  const authority = composeAuthority(off, tablesOf(azurite), systemClock);
  const { token } = await authority.tokens.issueAccess({
    subject: 'test',
    audience: lighter.host,
    access: [{ type: 'registry', name: 'management', actions }],
    expiresAtMostMs: undefined,
  });
  return new Client(lighter.url, `Bearer ${token}`);
}
