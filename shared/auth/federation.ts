import { claimsFit } from '../domain/claim-condition.ts';
import { type PublicJwk, publicJwks } from '../domain/public-jwk.ts';
import type { FederationRule } from '../policy/federation-rules.ts';
import type { PolicyStore } from '../policy/policy-store.ts';
import type { Clock } from '../ports/clock.ts';
import { type IssuerKeys, IssuerUnavailable } from '../ports/issuer-keys.ts';
import {
  checkFederatedToken,
  clockSkewSeconds,
  type FederatedClaims,
  type FindKeys,
  issuerIn,
} from './federated-token.ts';
import { termsOf } from './federation-permissions.ts';
import type { FederatedIdentity } from './identity.ts';

/** A token of an issuer that rules name, which none of them accepts. */
export interface FederationRefusal {
  readonly refused: string;
}

/** More would not fit a refresh token. */
const maxRulesAtOnce = 50;

/**
 * Signing in with a token of another issuer, as the rules of the policy allow (OpenID Connect Core
 * 1.0 section 2, RFC 7519). Loads nothing and asks nobody before a token is shown whose issuer a
 * rule names.
 */
export class Federation {
  readonly #policy: PolicyStore;
  readonly #keys: IssuerKeys;
  readonly #clock: Clock;
  readonly #notHere: readonly string[];

  /** Issuers `notHere` are somebody else's to decide about, whatever the rules say. */
  constructor(
    policy: PolicyStore,
    keys: IssuerKeys,
    clock: Clock,
    notHere: readonly string[] = [],
  ) {
    this.#policy = policy;
    this.#keys = keys;
    this.#clock = clock;
    this.#notHere = notHere;
  }

  /**
   * Whom a token speaks of, and the rules that accept it, all of them. `not-mine`: it is no token
   * of an issuer that a rule names. The reason of a refusal may be told to its bearer: it says
   * nothing of what the rules ask. Throws IssuerUnavailable when the issuer's keys cannot be had
   * and no rule accepts it without them, and StorageUnavailable when the policy is not known.
   */
  async verify(token: string): Promise<FederatedIdentity | FederationRefusal | 'not-mine'> {
    const issuer = issuerIn(token);
    // The issuer of our own tokens is no URL: the policy need not be known for them.
    if (issuer === undefined || !issuer.startsWith('https://')) return 'not-mine';
    if (this.#notHere.includes(issuer)) return 'not-mine';
    const { federation } = await this.#policy.current();
    const rules = federation.filter((rule) => rule.issuer === issuer);
    return rules.length === 0 ? 'not-mine' : this.#judge(token, issuer, rules);
  }

  async #judge(
    token: string,
    issuer: string,
    rules: readonly FederationRule[],
  ): Promise<FederatedIdentity | FederationRefusal> {
    const now = this.#clock.now();
    const check = (findKeys: FindKeys) => checkFederatedToken(token, issuer, findKeys, now);
    let byDiscovery: ReturnType<typeof check> | undefined;
    const verdicts = await Promise.allSettled(
      rules.map(async (rule): Promise<Verdict> => {
        const { jwks } = rule;
        const checked = await (jwks === undefined
          ? (byDiscovery ??= check((kid) => this.#keys.keysOf(issuer, kid)))
          : check(() => Promise.resolve(pinnedKeys(jwks))));
        return 'refused' in checked ? { ...checked, stage: 0 } : judgeClaims(checked, rule, now);
      }),
    );
    return outcomeOf(issuer, verdicts);
  }
}

interface Accepted {
  readonly rule: FederationRule;
  readonly subject: string;
}

interface Refused extends FederationRefusal {
  /** How far it came: the reason of the rule that fits best is told. */
  readonly stage: number;
}

type Verdict = Accepted | Refused;

function judgeClaims(
  { payload, subject, issuedAtMs }: FederatedClaims,
  rule: FederationRule,
  now: Date,
): Verdict {
  const { aud } = payload;
  // A token that is good elsewhere too could be shown here by whoever it was shown to there.
  const audience = Array.isArray(aud) && aud.length === 1 ? aud[0] : aud;
  if (audience !== rule.audience) {
    return { refused: 'it is for another audience, or for several', stage: 1 };
  }
  const ageSeconds = (now.getTime() - issuedAtMs) / 1000;
  if (ageSeconds > rule.maxTokenAgeSeconds + clockSkewSeconds) {
    return { refused: 'it was issued too long ago', stage: 2 };
  }
  if (!claimsFit(payload, rule.claims)) {
    return { refused: 'no rule of this registry fits its claims', stage: 3 };
  }
  return { rule, subject };
}

function outcomeOf(
  issuer: string,
  verdicts: readonly PromiseSettledResult<Verdict>[],
): FederatedIdentity | FederationRefusal {
  const decided = verdicts.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const accepted = decided.filter((verdict) => 'rule' in verdict);
  const [first] = accepted;
  if (accepted.length > maxRulesAtOnce) {
    return { refused: `more than ${maxRulesAtOnce} rules of this registry fit it` };
  }
  if (first !== undefined) {
    const rules = accepted.map(({ rule }) => ({ name: rule.name, terms: termsOf(rule) }));
    return { kind: 'federated', issuer, subject: first.subject, rules };
  }
  const failed = verdicts.find((each) => each.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  const [best] = decided
    .filter((verdict) => 'refused' in verdict)
    .toSorted((one, other) => other.stage - one.stage);
  return { refused: best?.refused ?? '' };
}

/** Parsed once for each policy that was read, so that imported keys stay with them. */
const parsedSets = new WeakMap<object, readonly PublicJwk[]>();

function pinnedKeys(jwks: object): readonly PublicJwk[] {
  const known = parsedSets.get(jwks);
  if (known !== undefined) return known;
  const parsed = publicJwks(jwks);
  parsedSets.set(jwks, parsed);
  return parsed;
}

/** Without a way to ask issuers, only rules with keys of their own accept anything. */
export const noIssuerKeys: IssuerKeys = {
  keysOf: () => Promise.reject(new IssuerUnavailable('issuers cannot be asked here')),
};
