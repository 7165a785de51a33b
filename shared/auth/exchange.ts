import { RegistryError, type Who } from '../errors.ts';
import { isRefusal } from '../ports/entra.ts';
import type { Authority } from './authority.ts';
import { unauthorized } from './challenge.ts';
import { entraIdentity } from './entra-identity.ts';
import { type Identity, subjectOf } from './identity.ts';

/** ACR's answer, which clients read as a map of strings: nothing else may be in it. */
export interface ExchangeAnswer {
  readonly refresh_token: string;
}

/** The answer, and what the audit trail tells of it. */
export interface Exchanged {
  readonly answer: ExchangeAnswer;
  readonly who: Who;
}

/** What is shown here, in the audit trail's words. */
const exchanged = 'exchanged-token';

/**
 * Trades an Entra access token, or a token of an issuer that the policy knows, for a refresh token
 * of the registry (ACR, "Authentication using AAD"): it says who its bearer is, and what that
 * permits is asked when it is used. Throws UNAUTHORIZED, with the reason when the token is of the
 * tenant or of such an issuer, and EntraUnavailable or IssuerUnavailable when it cannot be checked.
 */
export async function exchange(
  authority: Authority,
  token: string,
  origin: string,
): Promise<Exchanged> {
  const identity = await identityOf(authority, token, origin);
  const issued = await authority.tokens.issueRefresh(identity, new URL(origin).host);
  const who = { principal: subjectOf(identity), credential: exchanged };
  return { answer: { refresh_token: issued.token }, who };
}

async function identityOf(
  { entra, federation }: Authority,
  token: string,
  origin: string,
): Promise<Identity> {
  const ofEntra = await (entra?.verify(token) ?? 'not-mine');
  if (ofEntra !== 'not-mine') {
    if (!isRefusal(ofEntra)) return entraIdentity(ofEntra);
    throw refusal(origin, `the Entra token is refused: ${ofEntra.refused}`);
  }
  const federated = await federation.verify(token);
  if (federated !== 'not-mine') {
    if (!('refused' in federated)) return federated;
    throw refusal(origin, `the token is refused: ${federated.refused}`);
  }
  throw refusal(
    origin,
    entra === undefined
      ? 'Entra sign-in is off here: LIGHTER_TENANT_ID is not set'
      : 'this is no access token of the Entra tenant of this registry',
  );
}

function refusal(origin: string, message: string): RegistryError {
  const { code, headers } = unauthorized(origin);
  return new RegistryError(code, { headers, message, who: { credential: exchanged } });
}
