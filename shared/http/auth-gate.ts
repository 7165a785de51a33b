import type { Caller } from '../auth/caller.ts';
import { deniedActions, unauthorized } from '../auth/challenge.ts';
import { parseAuthorization } from '../auth/credential.ts';
import type { ManagementAction } from '../auth/permissions.ts';
import { authenticate, callerOf } from '../auth/principal.ts';
import type { RepositoryName } from '../domain/repository-name.ts';
import type { Action, ResourceScope } from '../domain/scope.ts';
import { RegistryError } from '../errors.ts';
import type { App } from './app.ts';
import type { RegistryRequest } from './message.ts';
import type { ManagementAccess, RegistryAccess } from './route.ts';

const nobody: Caller = {
  subject: 'anonymous',
  tokenId: undefined,
  may: () => false,
  mayMountFrom: () => false,
  seesQuarantined: () => false,
  mayListCatalog: () => false,
  mayManage: () => false,
};

/** What a challenge asks for where a client that does the one action always does another too. */
const impliedActions: Partial<Record<Action, readonly Action[]>> = {
  push: ['pull', 'push'],
  // Who signs asks for a token to push, and gets one to sign.
  sign: ['pull', 'push'],
  metadata_write: ['metadata_read', 'metadata_write'],
};

/** What lets a request in; either is enough. */
export interface NeededAccess {
  readonly access: RegistryAccess | Action;
  readonly orAccess?: RegistryAccess | Action;
}

/**
 * Lets a request in or throws. `repository` is undefined for registry access only; `origin` is the
 * registry's address as the client knows it. UNAUTHORIZED (401) carries the challenge: a fresh
 * token may help, also when the one presented is good but too narrow. DENIED (403) answers a user
 * name and password that are right and lack the right. Anonymous pull needs no token. Throws
 * StorageUnavailable when the credential cannot be checked.
 */
export async function admit(
  app: App,
  request: RegistryRequest,
  { access, orAccess }: NeededAccess,
  repository: RepositoryName | undefined,
  origin: string,
): Promise<Caller> {
  if (access === 'open') return nobody;

  const scope = neededScope(access, repository);
  const credential = parseAuthorization(request.headers.get('authorization'));
  // Anonymous is no login: clients take this answer as the sign to look for a credential.
  if (credential.kind === 'none' && access === 'login') throw unauthorized(origin);

  const audience = new URL(origin).host;
  const principal = await authenticate(app.authority, credential, audience);
  if (principal === undefined) {
    throw unauthorized(origin, scope, credential.kind === 'bearer' ? 'invalid_token' : undefined);
  }
  const nothingIsOpen = principal.permissions.rules.length === 0;
  if (credential.kind === 'none' && access === 'anyone' && nothingIsOpen)
    throw unauthorized(origin);

  const caller = callerOf(principal);
  if (isAllowed(caller, access, repository)) return caller;
  if (orAccess !== undefined && isAllowed(caller, orAccess, repository)) return caller;
  const who = { principal: caller.subject };
  if (credential.kind === 'basic' && scope !== undefined) {
    throw new RegistryError('DENIED', { detail: deniedActions(scope), who });
  }
  throw unauthorized(
    origin,
    scope,
    credential.kind === 'bearer' ? 'insufficient_scope' : undefined,
    who,
  );
}

function isAllowed(
  caller: Caller,
  access: RegistryAccess | Action,
  repository: RepositoryName | undefined,
): boolean {
  if (access === 'open' || access === 'anyone' || access === 'login') return true;
  if (access === 'catalog') return caller.mayListCatalog();
  if (isManagement(access)) return caller.mayManage(managedBy[access]);
  return repository !== undefined && caller.may(access, repository);
}

function neededScope(
  access: RegistryAccess | Action,
  repository: RepositoryName | undefined,
): ResourceScope | undefined {
  if (access === 'open' || access === 'anyone' || access === 'login') return undefined;
  if (access === 'catalog') return { type: 'registry', name: 'catalog', actions: ['*'] };
  if (isManagement(access)) {
    return { type: 'registry', name: 'management', actions: [managedBy[access]] };
  }
  if (repository === undefined) return undefined;
  return { type: 'repository', name: repository, actions: impliedActions[access] ?? [access] };
}

const managedBy: Readonly<Record<ManagementAccess, ManagementAction>> = {
  manage_read: 'read',
  manage_write: 'write',
  manage_delete: 'delete',
};

function isManagement(access: RegistryAccess | Action): access is ManagementAccess {
  return Object.hasOwn(managedBy, access);
}
