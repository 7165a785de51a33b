/**
 * Who somebody is, apart from what they may do: that is asked anew of the permissions whenever a
 * token is issued. An identity must survive being written into a refresh token, so it is plain
 * JSON.
 */
export type Identity =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'admin' }
  | EntraIdentity
  | RepositoryTokenIdentity
  | FederatedIdentity;

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

/** Who showed a token of another issuer that rules of the policy accept. */
export interface FederatedIdentity {
  readonly kind: 'federated';
  readonly issuer: string;
  /** `sub`, unique within the issuer. */
  readonly subject: string;
  readonly rules: readonly AcceptingRule[];
}

/** A rule by its name, and what it asked of the token that it accepted. */
export interface AcceptingRule {
  readonly name: string;
  readonly terms: string;
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
    case 'federated':
      return `federation:${identity.issuer}#${identity.subject}`;
    case 'admin':
    case 'anonymous':
      return identity.kind;
  }
}

/** The kind of principal that a subject names. */
export function kindOfSubject(subject: string): Identity['kind'] {
  if (subject === 'admin' || subject === 'anonymous') return subject;
  if (subject.startsWith('token:')) return 'repository-token';
  return subject.startsWith('federation:') ? 'federated' : 'entra';
}

/** Reads an identity back from a refresh token's claim; undefined when it is none we know. */
export function parseIdentity(claim: unknown): Identity | undefined {
  const { kind, name }: Record<string, unknown> = Object(claim);
  switch (kind) {
    case 'admin':
      return { kind };
    case 'entra':
      return parseEntraIdentity(Object(claim));
    case 'repository-token':
      return typeof name === 'string' ? { kind, name } : undefined;
    case 'federated':
      return parseFederatedIdentity(Object(claim));
    default:
      return undefined;
  }
}

function parseEntraIdentity(claim: Record<string, unknown>): EntraIdentity | undefined {
  const { tenantId, objectId, appId, name } = claim;
  if (typeof tenantId !== 'string' || typeof objectId !== 'string') return undefined;
  return {
    kind: 'entra',
    tenantId,
    objectId,
    ...(typeof appId === 'string' && { appId }),
    ...(typeof name === 'string' && { name }),
  };
}

function parseFederatedIdentity(claim: Record<string, unknown>): FederatedIdentity | undefined {
  const { issuer, subject, rules } = claim;
  if (typeof issuer !== 'string' || typeof subject !== 'string' || !Array.isArray(rules)) {
    return undefined;
  }
  return {
    kind: 'federated',
    issuer,
    subject,
    rules: rules.flatMap((rule: unknown) => {
      const { name, terms }: Record<string, unknown> = Object(rule);
      return typeof name === 'string' && typeof terms === 'string' ? [{ name, terms }] : [];
    }),
  };
}
