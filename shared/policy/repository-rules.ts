import * as v from 'valibot';
import type { Action } from '../domain/scope.ts';

/**
 * The actions of ACR's scope maps, and `content/sign`: to push signatures of what is there and
 * nothing else.
 */
export const contentActions = {
  'content/read': 'pull',
  'content/write': 'push',
  'content/delete': 'delete',
  'content/sign': 'sign',
  'metadata/read': 'metadata_read',
  'metadata/write': 'metadata_write',
} as const satisfies Record<string, Action>;
export type ContentAction = keyof typeof contentActions;

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
  v.regex(/^[a-zA-Z0-9](?:[a-zA-Z0-9_-]{0,48}[a-zA-Z0-9])?$/, 'must be 1 to 50 of a-z 0-9 - _'),
  v.regex(/^(?![0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-)/, 'must not look like a GUID'),
  v.check((name) => name.toLowerCase() !== 'admin', 'must not be admin'),
);

export const description = v.optional(v.pipe(v.string(), v.maxLength(500)));

function isContentAction(name: string): name is ContentAction {
  return name in contentActions;
}
