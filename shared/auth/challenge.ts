import { RegistryError, type Who } from '../errors.ts';
import type { ResourceScope } from '../domain/scope.ts';

/** RFC 6750 section 3.1. Clients drop a token they cached when they see one of these. */
export type ChallengeError = 'invalid_token' | 'insufficient_scope';

/**
 * The 401 that starts the token flow (distribution "Token authentication", as ACR sends it):
 * exactly one `WWW-Authenticate`, Bearer only, no space after the commas and no query in the realm,
 * because the Azure CLI splits it by hand. `origin` is `https://host[:port]`; `who` is whom it
 * refuses, where that is known.
 */
export function unauthorized(
  origin: string,
  scope?: ResourceScope,
  error?: ChallengeError,
  who?: Who,
): RegistryError {
  const parameters = [
    `realm="${origin}/oauth2/token"`,
    `service="${new URL(origin).host}"`,
    ...(scope === undefined ? [] : [`scope="${formatScope(scope)}"`]),
    ...(error === undefined ? [] : [`error="${error}"`]),
  ];
  return new RegistryError('UNAUTHORIZED', {
    who,
    ...(scope === undefined ? {} : { detail: deniedActions(scope) }),
    headers: {
      'WWW-Authenticate': `Bearer ${parameters.join(',')}`,
      'Docker-Distribution-Api-Version': 'registry/2.0',
    },
  });
}

/** `type:name:action,action` */
export function formatScope({ type, name, actions }: ResourceScope): string {
  return `${type}:${name}:${actions.join(',')}`;
}

/** The `detail` that ACR and distribution give: one entry an action. */
export function deniedActions({ type, name, actions }: ResourceScope): object[] {
  return actions.map((action) => ({ Type: type, Name: name, Action: action }));
}
