import type { Condition, NameComparison } from './condition.ts';
import { comparedValue } from './condition-evaluation.ts';
import { parseRepositoryName } from './repository-name.ts';
import { commonPatterns, widestPatterns } from './repository-pattern.ts';

/** A set of repositories as far as patterns can say it: everything between the two. */
export interface RepositorySet {
  /** All that match one of these are in the set. */
  readonly certain: readonly string[];
  /** All in the set match one of these. */
  readonly possible: readonly string[];
}

export const allRepositories: RepositorySet = { certain: ['*'], possible: ['*'] };
const noRepositories: RepositorySet = { certain: [], possible: [] };

/** Where a condition is true and where it is false; elsewhere it is unknown. */
interface Decided {
  readonly yes: RepositorySet;
  readonly no: RepositorySet;
}

/**
 * The repositories for which a condition is true, when the action is given. Exact for conditions
 * that only select names and prefixes, so that they can stand in a token as patterns.
 */
export function repositoriesWhere(
  condition: Condition,
  matchesAction: (pattern: string) => boolean,
): RepositorySet {
  return decide(condition, matchesAction).yes;
}

export function intersection(sets: readonly RepositorySet[]): RepositorySet {
  return sets.reduce(
    (left, right) => ({
      certain: commonPatterns(left.certain, right.certain),
      possible: commonPatterns(left.possible, right.possible),
    }),
    allRepositories,
  );
}

function union(sets: readonly RepositorySet[]): RepositorySet {
  return {
    certain: widestPatterns(sets.flatMap(({ certain }) => certain)),
    possible: widestPatterns(sets.flatMap(({ possible }) => possible)),
  };
}

function decide(condition: Condition, matchesAction: (pattern: string) => boolean): Decided {
  switch (condition.kind) {
    case 'and':
      return conjunction(condition.operands.map((each) => decide(each, matchesAction)));
    case 'or':
      return opposite(
        conjunction(condition.operands.map((each) => opposite(decide(each, matchesAction)))),
      );
    case 'not':
      return opposite(decide(condition.operand, matchesAction));
    case 'action-matches':
      return exactly(matchesAction(condition.pattern) ? ['*'] : []);
    case 'sub-operation-matches':
      return exactly([]);
    case 'name':
      return decideName(condition);
    case 'unknown':
      return { yes: noRepositories, no: noRepositories };
  }
}

function decideName(comparison: NameComparison): Decided {
  const each = comparison.values.map((value) => {
    const decided = decideValue(comparison.test, comparedValue(comparison, value));
    return comparison.negated ? opposite(decided) : decided;
  });
  return comparison.quantifier === 'every'
    ? conjunction(each)
    : opposite(conjunction(each.map(opposite)));
}

function decideValue(test: NameComparison['test'], value: string): Decided {
  if (test === 'equals') return exactly(parseRepositoryName(value) === undefined ? [] : [value]);
  if (test === 'starts-with') return exactly(isPrefix(value) ? [`${value}*`] : []);
  const wildcard = value.search(/[*?]/);
  if (wildcard < 0) return decideValue('equals', value);
  const prefix = value.slice(0, wildcard);
  if (/^\*+$/.test(value.slice(wildcard))) return decideValue('starts-with', prefix);
  const possible = isPrefix(prefix) ? [`${prefix}*`] : [];
  return { yes: { certain: [], possible }, no: { certain: [], possible: ['*'] } };
}

function exactly(patterns: readonly string[]): Decided {
  const yes = { certain: patterns, possible: patterns };
  if (patterns.length === 0) return { yes, no: allRepositories };
  if (patterns.includes('*')) return { yes, no: noRepositories };
  return { yes, no: { certain: [], possible: ['*'] } };
}

function conjunction(parts: readonly Decided[]): Decided {
  return { yes: intersection(parts.map(({ yes }) => yes)), no: union(parts.map(({ no }) => no)) };
}

function opposite({ yes, no }: Decided): Decided {
  return { yes: no, no: yes };
}

/** Of characters a name can have; others begin no name. */
function isPrefix(text: string): boolean {
  return /^[a-z0-9._/-]*$/.test(text);
}
