import { RegistryError } from '../errors.ts';
import { isRefusal } from '../ports/entra.ts';
import type { Authority } from './authority.ts';
import { unauthorized } from './challenge.ts';
import { entraIdentity } from './entra-identity.ts';

/** ACR's answer, which clients read as a map of strings: nothing else may be in it. */
export interface ExchangeAnswer {
  readonly refresh_token: string;
}

/**
 * Trades an Entra access token for a refresh token of the registry (ACR, "Authentication using
 * AAD"): it says who its bearer is, and what that permits is asked when it is used. Throws
 * UNAUTHORIZED, with the reason when the token is of this tenant, and EntraUnavailable when it
 * cannot be checked.
 */
export async function exchange(
  authority: Authority,
  entraToken: string,
  origin: string,
): Promise<ExchangeAnswer> {
  if (authority.entra === undefined) {
    throw refusal(origin, 'Entra sign-in is off here: LIGHTER_TENANT_ID is not set');
  }
  const outcome = await authority.entra.verify(entraToken);
  if (outcome === 'not-mine') {
    throw refusal(origin, 'this is no access token of the Entra tenant of this registry');
  }
  if (isRefusal(outcome)) throw refusal(origin, `the Entra token is refused: ${outcome.refused}`);
  const { token } = await authority.tokens.issueRefresh(
    entraIdentity(outcome),
    new URL(origin).host,
  );
  return { refresh_token: token };
}

function refusal(origin: string, message: string): RegistryError {
  const { code, headers } = unauthorized(origin);
  return new RegistryError(code, { headers, message });
}
