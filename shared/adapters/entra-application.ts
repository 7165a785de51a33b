import { EntraUnavailable } from '../ports/entra.ts';
import type { JsonHttp } from './json-http.ts';
import type { EntraTenant } from './entra-issuers.ts';

/** The resource every tenant knows; ACR asks for the same. */
const scope = 'https://management.azure.com/.default';

/**
 * What Entra says of an application that may not sign in so: wrong or expired secret, no such
 * application, blocked by a policy. Any other error, such as of our own request, is no word about
 * the secret.
 */
const refusals: readonly unknown[] = [
  'invalid_client',
  'unauthorized_client',
  'invalid_grant',
  'access_denied',
  'interaction_required',
];

/**
 * An application's token by its secret (Microsoft identity platform, "OAuth 2.0 client credentials
 * flow"). Undefined when Entra refuses. Throws EntraUnavailable when Entra does not say yes or no.
 */
export async function requestApplicationToken(
  { authority, tenantId }: EntraTenant,
  http: JsonHttp,
  clientId: string,
  secret: string,
): Promise<string | undefined> {
  const { status, json } = await http(`${authority}/${tenantId}/oauth2/v2.0/token`, {
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: secret,
    scope,
  });
  const { access_token: token, error }: Record<string, unknown> = Object(json);
  if (status === 200 && typeof token === 'string') return token;
  if (refusals.includes(error)) return undefined;
  throw new EntraUnavailable(`the grant was answered ${status} ${String(error)}`);
}
