import type * as v from 'valibot';
import type { RegistryClient, Scope } from './registry-client.ts';

/**
 * All elements of a list that goes over several pages (`Link`, RFC 8288, `rel="next"`), up to
 * `limit`.
 */
export async function allPages<Schema extends v.GenericSchema, Item>(
  client: RegistryClient,
  firstPath: string,
  scope: Scope,
  schema: Schema,
  itemsOf: (page: v.InferOutput<Schema>) => readonly Item[],
  limit = Infinity,
): Promise<Item[]> {
  const items: Item[] = [];
  let path: string | undefined = firstPath;
  while (path !== undefined && items.length < limit) {
    const { value, headers } = await client.json(path, scope, schema);
    items.push(...itemsOf(value));
    path = nextPath(headers.get('link'));
  }
  return items.slice(0, limit);
}

function nextPath(link: string | null): string | undefined {
  const target = /<([^>]+)>\s*;\s*rel="?next"?/.exec(link ?? '')?.[1];
  if (target === undefined) return undefined;
  const { pathname, search } = new URL(target, 'https://registry.invalid');
  return `${pathname}${search}`;
}
