import type { RepositoryName } from '../domain/repository-name.ts';
import type { Action } from '../domain/scope.ts';
import type { Identity } from './identity.ts';
import type { ManagementAction, Permissions } from './permissions.ts';

/**
 * Who is calling and what this request may do: what a verified access token says, or what a
 * credential given directly resolves to. The use cases know nothing else of identity.
 */
export interface Caller {
  /**
   * Stable name of the principal, for logs and for owning upload sessions; `anonymous` without one.
   */
  readonly subject: string;
  /** The access token's `jti`, when there is one. */
  readonly tokenId: string | undefined;
  /** Who it is, where the credential says more than the subject: an access token does not. */
  readonly identity?: Identity | undefined;
  /** All that the credential permits, to be shown. Left out: nothing. */
  readonly permissions?: Permissions;
  may(action: Action, repository: RepositoryName): boolean;
  /**
   * Whether a blob may be mounted from that repository: the principal may pull it, even where the
   * token at hand is for the target alone. Clients ask for no more when they mount.
   */
  mayMountFrom(repository: RepositoryName): boolean;
  /**
   * Whether what is in quarantine there is served: the principal may release it, even where the
   * token at hand is to pull alone. Clients ask for no more when they pull.
   */
  seesQuarantined(repository: RepositoryName): boolean;
  mayListCatalog(): boolean;
  /** Whether the registry's settings may be seen, changed, or parts of it done away with. */
  mayManage(action: ManagementAction): boolean;
}
