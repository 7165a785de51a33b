import type { Action } from '../domain/scope.ts';
import type { Authority } from './authority.ts';
import type { Caller } from './caller.ts';
import { type Credential, tokenUsername } from './credential.ts';
import type { RepositoryName } from '../domain/repository-name.ts';
import { matchesPattern } from '../domain/repository-pattern.ts';
import { isRefusal } from '../ports/entra.ts';
import { entraIdentity } from './entra-identity.ts';
import { permissionsOfAccess } from './grant.ts';
import { type Identity, subjectOf } from './identity.ts';
import { allows, type Permissions } from './permissions.ts';
import type { AccessClaims } from './token-claims.ts';

/** Whom a credential stands for and what that credential permits at most. */
export interface Principal {
  readonly subject: string;
  /** Undefined for the bearer of an access token, which names the subject alone. */
  readonly identity?: Identity;
  readonly permissions: Permissions;
  /** Patterns of repositories the principal may pull, where the credential itself permits less. */
  readonly mountFrom?: readonly string[];
  /** Names and patterns of what the principal may release, where the credential permits less. */
  readonly sees?: readonly string[];
  /** `jti` of the access token that was presented. */
  readonly tokenId?: string;
  /** End of the token that was presented: nothing derived from it lives longer. */
  readonly expiresAtMs?: number;
  /** The refresh token that was presented. */
  readonly refreshToken?: string;
}

/**
 * Checks a credential; no credential is the principal `anonymous`. Undefined when it is malformed
 * or wrong. `audience` is the registry's host as the client knows it. Throws StorageUnavailable,
 * EntraUnavailable or IssuerUnavailable when a token or a user cannot be checked.
 */
export async function authenticate(
  authority: Authority,
  credential: Credential,
  audience: string,
): Promise<Principal | undefined> {
  switch (credential.kind) {
    case 'none':
      return principalOf(authority, { kind: 'anonymous' });
    case 'malformed':
      return undefined;
    case 'bearer':
      return bearerOf(await authority.tokens.verifyAccess(credential.token, audience));
    case 'refresh':
      return withRefreshToken(authority, credential.token, audience);
    case 'basic':
      return withUsername(authority, credential.username, credential.password, audience);
  }
}

/** The principal as the use cases see it. */
export function callerOf(principal: Principal): Caller {
  const { subject, tokenId, identity, permissions, mountFrom = [], sees = [] } = principal;
  const may = (action: Action, repository: RepositoryName) =>
    allows(permissions, action, repository);
  return {
    subject,
    tokenId,
    identity,
    permissions,
    may,
    mayMountFrom: (repository) => may('pull', repository) || matchesPattern(mountFrom, repository),
    seesQuarantined: (repository) =>
      may('metadata_write', repository) ||
      (may('pull', repository) && matchesPattern(sees, repository)),
    mayListCatalog: () => permissions.catalog,
    mayManage: (action) => permissions.management?.includes(action) ?? false,
  };
}

/** A token of an issuer that the policy knows stands for its bearer, whatever the user name. */
async function withUsername(
  authority: Authority,
  username: string,
  password: string,
  audience: string,
): Promise<Principal | undefined> {
  const federated = await authority.federation.verify(password);
  if (federated === 'not-mine') {
    return username === tokenUsername
      ? withTokenAsPassword(authority, password, audience)
      : withPassword(authority, username, password);
  }
  return 'refused' in federated ? undefined : principalOf(authority, federated);
}

/** An Entra token stands for its bearer until it ends; a token of ours for what it says. */
async function withTokenAsPassword(
  authority: Authority,
  token: string,
  audience: string,
): Promise<Principal | undefined> {
  const ofEntra = await (authority.entra?.verify(token) ?? 'not-mine');
  if (ofEntra === 'not-mine') {
    return (
      (await withRefreshToken(authority, token, audience)) ??
      bearerOf(await authority.tokens.verifyAccess(token, audience))
    );
  }
  if (isRefusal(ofEntra)) return undefined;
  const principal = await principalOf(authority, entraIdentity(ofEntra));
  return { ...principal, expiresAtMs: ofEntra.expiresAtMs };
}

async function withPassword(
  authority: Authority,
  username: string,
  password: string,
): Promise<Principal | undefined> {
  for (const provider of authority.providers) {
    const outcome = await provider.signIn(username, password);
    if (outcome === 'refused') return undefined;
    if (outcome !== 'not-mine') return principalOf(authority, outcome);
  }
  return undefined;
}

async function withRefreshToken(
  authority: Authority,
  refreshToken: string,
  audience: string,
): Promise<Principal | undefined> {
  const claims = await authority.tokens.verifyRefresh(refreshToken, audience);
  if (claims === undefined || !isStillKnown(authority, claims.identity)) return undefined;
  return { ...(await principalOf(authority, claims.identity)), refreshToken };
}

/** Another tenant, or none, may have been configured since the refresh token was issued. */
function isStillKnown({ entra }: Authority, identity: Identity): boolean {
  return identity.kind !== 'entra' || identity.tenantId === entra?.tenantId;
}

async function principalOf(authority: Authority, identity: Identity): Promise<Principal> {
  const permissions = await authority.permissionsOf(identity);
  return { subject: subjectOf(identity), identity, permissions };
}

function bearerOf(claims: AccessClaims | undefined): Principal | undefined {
  if (claims === undefined) return undefined;
  const { subject, tokenId, expiresAtMs, access, mountFrom, sees } = claims;
  const permissions = permissionsOfAccess(access);
  return { subject, tokenId, expiresAtMs, mountFrom, sees, permissions };
}
