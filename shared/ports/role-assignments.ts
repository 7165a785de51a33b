import { Unavailable } from './unavailable.ts';
import type { RoleAssignment, RoleDefinition } from '../domain/role-assignment.ts';

/**
 * Azure's role assignments, as the registry asks about them. Loads nothing before the first
 * question.
 */
export interface RoleAssignments {
  /**
   * Every assignment that Azure finds for the object (a user, a service principal, a managed
   * identity), its groups included, at, above and below the registry's resource. Never from a
   * cache. Throws RolesUnavailable.
   */
  assignedTo(objectId: string): Promise<readonly RoleAssignment[]>;
  /**
   * A role's definition by the id that an assignment names; undefined when there is none (any
   * more). May be as old as the adapter says. Throws RolesUnavailable.
   */
  definition(roleDefinitionId: string): Promise<RoleDefinition | undefined>;
}

/**
 * Azure could not be asked, or did not answer as documented: nothing is known of anybody's roles.
 */
export class RolesUnavailable extends Unavailable {
  override readonly name = 'RolesUnavailable';
  /** Azure asked to be left alone, whoever the question is about. */
  readonly throttled: boolean;

  constructor(
    message: string,
    options: { cause?: unknown; retryAfterSeconds?: number; throttled?: boolean } = {},
  ) {
    super(message, { retryAfterSeconds: 5, ...options });
    this.throttled = options.throttled ?? false;
  }
}
