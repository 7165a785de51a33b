import type { RepositoryName } from '../domain/repository-name.ts';
import { matchesPattern } from '../domain/repository-pattern.ts';
import type { RoleRight } from '../domain/role-rights.ts';
import { contentActions } from '../policy/content-actions.ts';
import type { FederationRule } from '../policy/federation-rules.ts';
import type { RepositoryRule } from '../policy/repository-rules.ts';
import type { ScopeMap } from '../policy/scope-maps.ts';
import { findByName } from './repository-token-access.ts';
import type { RepositoryToken } from './repository-token.ts';

/** What rules of repositories come to. */
export type RuleVerdict =
  | 'grants'
  /** No rule gives the right, in whatever repository. */
  | 'lacks-right'
  /** The right is given, but in other repositories. */
  | 'other-repositories';

/** Why a repository token may do something by its scope map, or may not. */
export interface ScopeMapExplanation {
  readonly token: string;
  readonly scopeMap: string | undefined;
  readonly verdict:
    | RuleVerdict
    | 'unknown-token'
    | 'disabled'
    /** It has none, or they have all ended. */
    | 'no-valid-password'
    | 'unknown-scope-map';
}

/** Why a federation rule lets those do something whose tokens it accepts, or does not. */
export interface FederationRuleExplanation {
  readonly rule: string;
  readonly issuer: string | undefined;
  readonly verdict: RuleVerdict | 'unknown-rule';
}

/** Explains a right in a repository or, without one, in all of them. */
export function explainScopeMap(
  name: string,
  token: RepositoryToken | undefined,
  scopeMaps: readonly ScopeMap[],
  right: RoleRight,
  repository: RepositoryName | undefined,
  now: Date,
): ScopeMapExplanation {
  if (token === undefined) return { token: name, scopeMap: undefined, verdict: 'unknown-token' };
  const about = { token: token.name, scopeMap: token.scopeMap };
  if (!token.enabled) return { ...about, verdict: 'disabled' };
  if (!token.passwords.some(({ expiresAt }) => expiresAt === undefined || now < expiresAt)) {
    return { ...about, verdict: 'no-valid-password' };
  }
  const map = findByName(scopeMaps, token.scopeMap);
  if (map === undefined) return { ...about, verdict: 'unknown-scope-map' };
  return { ...about, verdict: judgeRules(map.rules, right, repository) };
}

/** Explains a right in a repository or, without one, in all of them. */
export function explainFederationRule(
  name: string,
  federation: readonly FederationRule[],
  right: RoleRight,
  repository: RepositoryName | undefined,
): FederationRuleExplanation {
  const rule = findByName(federation, name);
  if (rule === undefined) return { rule: name, issuer: undefined, verdict: 'unknown-rule' };
  const verdict = judgeRules(rule.rules, right, repository);
  return { rule: rule.name, issuer: rule.issuer, verdict };
}

/** What rules say of a right in a repository or, without one, in all of them. */
export function judgeRules(
  rules: readonly RepositoryRule[],
  right: RoleRight,
  repository: RepositoryName | undefined,
): RuleVerdict {
  const giving = rules.filter((rule) => gives(rule, right));
  if (giving.length === 0) return 'lacks-right';
  // The catalogue is of all repositories.
  const about = right === 'catalog' ? undefined : repository;
  const patterns = giving.flatMap(({ repositories }) => repositories);
  return covers(patterns, about) ? 'grants' : 'other-repositories';
}

/** Whether the patterns are for the repository or, without one, for all of them. */
export function covers(
  patterns: readonly string[],
  repository: RepositoryName | undefined,
): boolean {
  return repository === undefined ? patterns.includes('*') : matchesPattern(patterns, repository);
}

function gives({ actions }: RepositoryRule, right: RoleRight): boolean {
  const given: readonly RoleRight[] = actions.map((action) => contentActions[action]);
  if (right === 'catalog') return given.includes('metadata_read');
  return given.includes(right) || (right === 'sign' && given.includes('push'));
}
