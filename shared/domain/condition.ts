/**
 * A condition of a role assignment, version 2.0 of Azure's language (Azure documentation, "Azure
 * role assignment condition format and syntax"), as far as it can be decided for a repository.
 */
export type Condition =
  | { readonly kind: 'and' | 'or'; readonly operands: readonly Condition[] }
  | { readonly kind: 'not'; readonly operand: Condition }
  /** `ActionMatches{'…'}`: whether the action being asked about is of this pattern. */
  | { readonly kind: 'action-matches'; readonly pattern: string }
  /** `SubOperationMatches{'…'}`. Nothing that a registry does has suboperations, so it is false. */
  | { readonly kind: 'sub-operation-matches' }
  | NameComparison
  /** Well formed, but about what is not known here: another attribute or another kind of value. */
  | { readonly kind: 'unknown'; readonly text: string };

/** A comparison of the repository's name with strings. */
export interface NameComparison {
  readonly kind: 'name';
  readonly test: 'equals' | 'starts-with' | 'like';
  readonly ignoreCase: boolean;
  /** The Not form: each single comparison is the other way round. */
  readonly negated: boolean;
  /** At least one. */
  readonly values: readonly string[];
  /** Whether the comparison must hold for every value, or for one. */
  readonly quantifier: 'some' | 'every';
}

/**
 * A condition that is not in the language, as far as it is known here. The message says where and
 * why.
 */
export class ConditionError extends Error {
  override readonly name = 'ConditionError';
}
