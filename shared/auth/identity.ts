/**
 * Who somebody is, apart from what they may do: that is asked anew of the permissions whenever a
 * token is issued. An identity must survive being written into a refresh token, so it is plain
 * JSON.
 */
export type Identity =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'admin' }
  | EntraIdentity
  | RepositoryTokenIdentity;

/** A user, service principal or managed identity of the Entra tenant. Ids are lower-case GUIDs. */
export interface EntraIdentity {
  readonly kind: 'entra';
  readonly tenantId: string;
  readonly objectId: string;
  /** Client id, when the principal is an application. */
  readonly appId?: string;
  /** What people call the user. For logs: it changes and is not unique. */
  readonly name?: string;
}

/** Who showed a password of a repository token. */
export interface RepositoryTokenIdentity {
  readonly kind: 'repository-token';
  /** In lower case. */
  readonly name: string;
}

/** A source of identities that are proved by a user name and a password. */
export interface IdentityProvider {
  /**
   * `not-mine`: this provider knows no such user, another may. `refused`: the user is known here
   * and the password is wrong; nobody else is asked. Comparing a password takes the same time
   * however wrong it is.
   */
  signIn(username: string, password: string): Promise<Identity | 'refused' | 'not-mine'>;
}

/**
 * The stable name of a principal: `sub` of its tokens, owner of its upload sessions, in the logs.
 * Of an Entra principal the object id, as role assignments name it; no other kind's may look like a
 * GUID.
 */
export function subjectOf(identity: Identity): string {
  switch (identity.kind) {
    case 'entra':
      return identity.objectId;
    case 'repository-token':
      return `token:${identity.name}`;
    case 'admin':
    case 'anonymous':
      return identity.kind;
  }
}

/** Reads an identity back from a refresh token's claim; undefined when it is none we know. */
export function parseIdentity(claim: unknown): Identity | undefined {
  const { kind, tenantId, objectId, appId, name }: Record<string, unknown> = Object(claim);
  if (kind === 'admin') return { kind };
  if (kind === 'repository-token') return typeof name === 'string' ? { kind, name } : undefined;
  if (kind !== 'entra' || typeof tenantId !== 'string' || typeof objectId !== 'string') {
    return undefined;
  }
  return {
    kind,
    tenantId,
    objectId,
    ...(typeof appId === 'string' && { appId }),
    ...(typeof name === 'string' && { name }),
  };
}
