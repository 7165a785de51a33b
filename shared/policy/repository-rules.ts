import * as v from 'valibot';
import { notGuidPattern, resourceNamePattern } from '../domain/resource-name.ts';
import { type ContentAction, contentActions } from './content-actions.ts';

const maxPatterns = 100;

export const repositoryPattern = v.pipe(
  v.string(),
  v.maxLength(256),
  v.regex(/^(?:\*|[a-z0-9._/-]+\*?)$/, 'must be a name, a prefix ended by *, or *'),
  v.description('A repository name, a prefix ended by `*` (`team/*`), or `*`.'),
);

export const repositoryPatterns = v.pipe(v.array(repositoryPattern), v.maxLength(maxPatterns));

/** These actions in the repositories of these patterns. */
export const repositoryRule = v.strictObject({
  repositories: v.pipe(repositoryPatterns, v.minLength(1)),
  actions: v.pipe(
    v.array(v.picklist(Object.keys(contentActions).filter(isContentAction))),
    v.minLength(1),
  ),
});
export type RepositoryRule = v.InferOutput<typeof repositoryRule>;

export const repositoryRules = v.pipe(v.array(repositoryRule), v.minLength(1), v.maxLength(50));

/** What scope maps, rules and tokens are called: as ACR's, but a name never looks like a GUID. */
export const resourceName = v.pipe(
  v.string(),
  v.regex(resourceNamePattern, 'must be 1 to 50 of a-z 0-9 - _'),
  v.regex(notGuidPattern, 'must not look like a GUID'),
  v.check((name) => name.toLowerCase() !== 'admin', 'must not be admin'),
);

export const description = v.optional(v.pipe(v.string(), v.maxLength(500)));

function isContentAction(name: string): name is ContentAction {
  return name in contentActions;
}
