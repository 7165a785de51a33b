import * as v from 'valibot';
import { description, repositoryRules, resourceName } from './repository-rules.ts';

/** Rights that repository tokens refer to by name (ACR, "scope map"). */
export const scopeMap = v.strictObject({
  name: resourceName,
  description,
  rules: repositoryRules,
});
export type ScopeMap = v.InferOutput<typeof scopeMap>;

export const scopeMaps = v.pipe(v.array(scopeMap), v.maxLength(500), uniqueNames<ScopeMap>());

/** Names in a list of the policy are unique, whatever their case. */
export function uniqueNames<Named extends { readonly name: string }>() {
  return v.check<Named[], string>(
    (list) => new Set(list.map(({ name }) => name.toLowerCase())).size === list.length,
    'has a name twice',
  );
}
