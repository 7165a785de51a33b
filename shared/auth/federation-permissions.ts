import { createHash } from 'node:crypto';
import type { FederationRule } from '../policy/federation-rules.ts';
import type { PolicyStore } from '../policy/policy-store.ts';
import type { FederatedIdentity } from './identity.ts';
import { type PermissionSource, unite } from './permissions.ts';
import { findByName, permissionsOfRules } from './repository-token-access.ts';

/**
 * What a rule asks of a token, as a short text: a rule that asks something else now is another one
 * for who has been let in before.
 */
export function termsOf({ issuer, audience, claims, jwks }: FederationRule): string {
  const terms = JSON.stringify([issuer, audience, claims, jwks]);
  return createHash('sha256').update(terms).digest('base64url').slice(0, 16);
}

/**
 * Bearers of another issuer's token may do what the rules that accepted it say besides what the
 * rest says, as long as the policy has them and they ask the same; others what the rest says.
 */
export function federationPermissions(
  policy: PolicyStore,
  rest: PermissionSource,
): PermissionSource {
  return async (identity) => {
    const others = await rest(identity);
    if (identity.kind !== 'federated') return others;
    const { federation } = await policy.current();
    return acceptingRules(federation, identity)
      .map(({ rules }) => permissionsOfRules(rules))
      .reduce(unite, others);
  };
}

function acceptingRules(
  federation: readonly FederationRule[],
  { rules }: FederatedIdentity,
): readonly FederationRule[] {
  return rules.flatMap(({ name, terms }) => {
    const rule = findByName(federation, name);
    return rule !== undefined && termsOf(rule) === terms ? [rule] : [];
  });
}
