import { unknownParts } from '../domain/condition-evaluation.ts';
import type { RepositoryName } from '../domain/repository-name.ts';
import { grantHolds, type RoleGrant, type RoleJudgement } from '../domain/role-judgement.ts';
import type { RoleRight } from '../domain/role-rights.ts';

/** Why role assignments allow something, or do not. */
export interface RoleExplanation {
  readonly allowed: boolean;
  readonly assignments: readonly AssignmentExplanation[];
}

export type AssignmentVerdict =
  | 'grants'
  /** On something below or beside the registry. */
  | 'other-scope'
  | 'unknown-role'
  | 'role-lacks-right'
  | 'condition-false'
  /**
   * The condition, or the part of it that decides here, is not understood; so nothing is granted.
   */
  | 'condition-not-understood';

export interface AssignmentExplanation {
  readonly assignmentId: string;
  readonly scope: string;
  readonly roleName: string | undefined;
  readonly condition: string | undefined;
  readonly verdict: AssignmentVerdict;
  /** What is not understood of the condition. */
  readonly problem?: string;
}

/** Explains a right in a repository or, without one, on the registry as a whole. */
export function explainRoles(
  judgements: readonly RoleJudgement[],
  right: RoleRight,
  repository: RepositoryName | undefined,
): RoleExplanation {
  const assignments = judgements.map((judgement) => ({
    assignmentId: judgement.assignment.id,
    scope: judgement.assignment.scope,
    roleName: judgement.roleName,
    condition: judgement.assignment.condition?.text,
    ...verdictOf(judgement, right, repository),
  }));
  return { allowed: assignments.some(({ verdict }) => verdict === 'grants'), assignments };
}

function verdictOf(
  judgement: RoleJudgement,
  right: RoleRight,
  repository: RepositoryName | undefined,
): Pick<AssignmentExplanation, 'verdict' | 'problem'> {
  if (judgement.outcome === 'condition-not-understood') {
    return { verdict: judgement.outcome, problem: `the condition ${judgement.problem}` };
  }
  if (judgement.outcome !== 'counts') return { verdict: judgement.outcome };
  const grants = judgement.grants.filter(
    (grant) => grant.right === right || (right === 'sign' && grant.right === 'push'),
  );
  if (grants.length === 0) return { verdict: 'role-lacks-right' };
  const truths = grants.map((grant) => grantHolds(grant, repository));
  if (truths.includes(true)) return { verdict: 'grants' };
  if (!truths.includes('unknown')) return { verdict: 'condition-false' };
  return { verdict: 'condition-not-understood', problem: problemOf(grants) };
}

function problemOf(grants: readonly RoleGrant[]): string {
  const parts = new Set(grants.flatMap(({ conditions }) => conditions.flatMap(unknownParts)));
  return parts.size === 0
    ? 'the condition is about a repository, and this right is not'
    : `it depends on ${[...parts].join(' and ')}`;
}
