import type { EntraConfig } from '../config.ts';
import type { Clock } from '../ports/clock.ts';
import { type Entra, EntraUnavailable, isRefusal } from '../ports/entra.ts';
import { requestApplicationToken } from './entra-application.ts';
import { entraAudiences, armAudiences } from './entra-audiences.ts';
import { entraHttp } from './entra-http.ts';
import { entraIssuers } from './entra-issuers.ts';
import { EntraKeys } from './entra-keys.ts';
import { checkEntraToken, type EntraTokenRules } from './entra-token.ts';

/**
 * One Entra tenant. Neither loads a library nor sends a request before the first credential is
 * shown.
 */
export function connectEntra(config: EntraConfig, clock: Clock): Entra {
  const { tenantId, authority } = config;
  const grants = entraHttp();
  // Guesses of secrets that fill the one do not keep the keys from being read.
  const keys = new EntraKeys(config, entraHttp(), clock);
  const rules: EntraTokenRules = { tenantId, authority, audiences: entraAudiences(config) };
  return {
    tenantId,
    issuers: entraIssuers(config),
    verify: (token) => checkEntraToken(token, rules, keys, clock),
    async signInApplication(clientId, secret) {
      const token = await requestApplicationToken(config, grants, clientId, secret);
      if (token === undefined) return 'refused';
      const forArm = { ...rules, audiences: armAudiences };
      const outcome = await checkEntraToken(token, forArm, keys, clock);
      if (outcome === 'not-mine') throw new EntraUnavailable('Entra issued no token of the tenant');
      if (isRefusal(outcome))
        throw new EntraUnavailable(`Entra issued a token, but ${outcome.refused}`);
      if (outcome.clientId !== clientId)
        throw new EntraUnavailable('Entra issued a token of another');
      return outcome;
    },
  };
}
