import type { Condition, NameComparison } from './condition.ts';
import type { RepositoryName } from './repository-name.ts';
import { matchesWildcards } from './role-wildcard.ts';

/** What a condition is asked about. */
export interface ConditionRequest {
  /** Whether the action is of the pattern that `ActionMatches` gives. */
  readonly matchesAction: (pattern: string) => boolean;
  /** Undefined when the request is about no repository. */
  readonly repository: RepositoryName | undefined;
}

/** `unknown`: it depends on something that is not known here. */
export type Truth = boolean | 'unknown';

/**
 * Evaluates a condition in Kleene's logic of three values: `unknown OR true` is true, so a
 * condition that has parts that are not understood is decided wherever they make no difference, and
 * nowhere else.
 */
export function evaluate(condition: Condition, request: ConditionRequest): Truth {
  switch (condition.kind) {
    case 'and':
      return every(condition.operands.map((operand) => evaluate(operand, request)));
    case 'or':
      return not(every(condition.operands.map((operand) => not(evaluate(operand, request)))));
    case 'not':
      return not(evaluate(condition.operand, request));
    case 'action-matches':
      return request.matchesAction(condition.pattern);
    case 'sub-operation-matches':
      return false;
    case 'name':
      return request.repository === undefined ? 'unknown' : compare(condition, request.repository);
    case 'unknown':
      return 'unknown';
  }
}

/** The parts of a condition that are not understood, as they are written in it. */
export function unknownParts(condition: Condition): readonly string[] {
  switch (condition.kind) {
    case 'and':
    case 'or':
      return condition.operands.flatMap(unknownParts);
    case 'not':
      return unknownParts(condition.operand);
    case 'unknown':
      return [condition.text];
    default:
      return [];
  }
}

/**
 * Names of repositories are lower case, so ignoring it means to lower the value: the letters of
 * ASCII only, as no other can be in a name.
 */
export function comparedValue({ ignoreCase }: NameComparison, value: string): string {
  return ignoreCase ? value.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase()) : value;
}

function compare(comparison: NameComparison, repository: RepositoryName): boolean {
  const holds = (value: string) =>
    compareOne(comparison.test, repository, comparedValue(comparison, value)) !==
    comparison.negated;
  return comparison.quantifier === 'every'
    ? comparison.values.every(holds)
    : comparison.values.some(holds);
}

function compareOne(test: NameComparison['test'], repository: string, value: string): boolean {
  switch (test) {
    case 'equals':
      return repository === value;
    case 'starts-with':
      return repository.startsWith(value);
    case 'like':
      return matchesWildcards(value, repository, '?');
  }
}

function every(truths: readonly Truth[]): Truth {
  if (truths.includes(false)) return false;
  return truths.includes('unknown') ? 'unknown' : true;
}

function not(truth: Truth): Truth {
  return truth === 'unknown' ? 'unknown' : !truth;
}
