import * as v from 'valibot';
import { federationRules } from './federation-rules.ts';
import {
  backupSettings,
  immutabilityRules,
  quotaRules,
  retentionRules,
  softDeleteRules,
} from './keeping-rules.ts';
import { repositoryPatterns } from './repository-rules.ts';
import { scopeMaps } from './scope-maps.ts';

/**
 * The settings of the registry that are data: one JSON document, changed as a whole under its ETag.
 * What is left out is off or empty; a name that is not known is an error, so that a typing mistake
 * cannot switch a protection off.
 */
export const policyDocument = v.strictObject({
  anonymousPull: v.pipe(
    v.optional(repositoryPatterns, []),
    v.description('Repositories that anyone may pull, beside those of LIGHTER_ANONYMOUS_PULL.'),
  ),
  scopeMaps: v.pipe(
    v.optional(scopeMaps, []),
    v.description('Rights that repository tokens refer to by name.'),
  ),
  federation: v.pipe(
    v.optional(federationRules, []),
    v.description('Whose OpenID Connect tokens are good for what.'),
  ),
  retention: v.pipe(
    v.optional(retentionRules, []),
    v.description('What is deleted by itself, and when.'),
  ),
  deleteReferrers: v.pipe(
    v.optional(repositoryPatterns, []),
    v.description('Repositories in which a deleted image takes its referrers along.'),
  ),
  immutability: v.pipe(
    v.optional(immutabilityRules, []),
    v.description('Tags that cannot be moved or deleted once they are pushed.'),
  ),
  softDelete: v.pipe(
    v.optional(softDeleteRules, []),
    v.description('Where what is deleted can be restored, and for how long.'),
  ),
  quarantine: v.pipe(
    v.optional(repositoryPatterns, []),
    v.description('Repositories in which a pushed image is not served before it is released.'),
  ),
  quotas: v.pipe(v.optional(quotaRules, []), v.description('How much a repository may hold.')),
  backup: v.pipe(
    v.optional(backupSettings),
    v.description(
      'Daily copies of the tables, from which the registry can be restored; off unless given.',
    ),
  ),
});
export type PolicyDocument = v.InferOutput<typeof policyDocument>;

/** Something that is wrong in a document, and where: a JSON pointer (RFC 6901). */
export interface PolicyProblem {
  readonly at: string;
  readonly problem: string;
}

/** Parses a policy; says everything that is wrong with it at once. */
export function parsePolicy(
  json: unknown,
): { readonly policy: PolicyDocument } | { readonly problems: readonly PolicyProblem[] } {
  const result = v.safeParse(policyDocument, json);
  return result.success ? { policy: result.output } : { problems: problemsOf(result.issues) };
}

/** What valibot found, in the order it found it; the whole document is at the empty pointer. */
export function problemsOf(issues: readonly v.BaseIssue<unknown>[]): PolicyProblem[] {
  return issues.map((issue) => ({
    at: (issue.path ?? []).map(({ key }) => `/${String(key).replace(/[~/]/g, escaped)}`).join(''),
    problem: problemOf(issue),
  }));
}

/** Valibot has its own words, `Expected never`, for the two that are made most. */
function problemOf({ type, expected, received, message }: v.BaseIssue<unknown>): string {
  if (type !== 'strict_object') return message;
  if (expected === 'never') return 'is not known';
  return received === 'undefined' ? 'is missing' : message;
}

function escaped(character: string): string {
  return character === '~' ? '~0' : '~1';
}
