import type { EntraPrincipal } from '../ports/entra.ts';
import type { EntraIdentity } from './identity.ts';

/** The identity of whom a verified Entra token speaks. */
export function entraIdentity(principal: EntraPrincipal): EntraIdentity {
  const { tenantId, objectId, clientId, isApplication, name } = principal;
  return {
    kind: 'entra',
    tenantId,
    objectId,
    ...(isApplication && { appId: clientId }),
    ...(name !== undefined && { name }),
  };
}
