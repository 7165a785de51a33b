/**
 * What a caller may do in a repository, with the names of the token protocol
 * (docs.docker.com "Token scope", ACR's `metadata_read` and `metadata_write`).
 */
export const actions = [
  'pull',
  'push',
  'delete',
  'sign',
  'metadata_read',
  'metadata_write',
] as const;
export type Action = (typeof actions)[number];

/** One element of the `access` claim: what a token allows on one resource. */
export interface ResourceScope {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

const scopePattern = /^([a-z0-9-]+(?:\([a-z0-9]+\))?):(.+):([^:]*)$/;
const maxScopes = 100;

/**
 * Parses scope parameters: each a space-separated list of `type:name:action,action`, the list
 * itself possibly repeated (both forms are on the wire). Elements that do not parse are dropped, as
 * the token server may grant less than was asked for. Repeated resources are merged.
 */
export function parseScopes(parameters: readonly string[]): ResourceScope[] {
  const wanted = new Map<string, { type: string; name: string; actions: Set<string> }>();
  const elements = parameters.flatMap((parameter) => parameter.split(/\s+/)).filter(Boolean);
  for (const element of elements.slice(0, maxScopes)) {
    const [, type, name, list] = scopePattern.exec(element) ?? [];
    if (type === undefined || name === undefined || list === undefined) continue;
    const key = `${type}:${name}`;
    const scope = wanted.get(key) ?? { type, name, actions: new Set<string>() };
    for (const action of list.split(',').filter(Boolean)) scope.actions.add(action);
    wanted.set(key, scope);
  }
  return [...wanted.values()].map((scope) => ({ ...scope, actions: [...scope.actions] }));
}
