/**
 * Who somebody is, apart from what they may do: that is asked anew of the permissions whenever a token is
 * issued. An identity must survive being written into a refresh token, so it is plain JSON.
 */
export type Identity = { readonly kind: 'anonymous' } | { readonly kind: 'admin' };

/** A source of identities that are proved by a user name and a password. */
export interface IdentityProvider {
  /**
   * `not-mine`: this provider knows no such user, another may. `refused`: the user is known here and the
   * password is wrong; nobody else is asked. Comparing a password takes the same time however wrong it is.
   */
  signIn(username: string, password: string): Promise<Identity | 'refused' | 'not-mine'>;
}

/** The stable name of a principal: `sub` of its tokens, owner of its upload sessions, in the logs. */
export function subjectOf(identity: Identity): string {
  return identity.kind;
}

/** Reads an identity back from a refresh token's claim; undefined when it is none we know. */
export function parseIdentity(claim: unknown): Identity | undefined {
  if (typeof claim !== 'object' || claim === null || !('kind' in claim)) return undefined;
  return claim.kind === 'admin' ? { kind: 'admin' } : undefined;
}
