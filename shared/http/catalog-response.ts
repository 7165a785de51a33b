import { listRepositories } from '../registry/repositories/catalog.ts';
import { limits } from '../registry/settings.ts';
import type { RegistryResponse } from './message.ts';
import { nextLink, parsePage } from './pagination.ts';
import type { Call } from './route.ts';

/** One page of the catalogue; `path` is where the next one is. */
export async function answerCatalog(
  { app, request }: Call,
  path: string,
): Promise<RegistryResponse> {
  const page = parsePage(request.query, limits.maxListPage);
  const found = await listRepositories(app.registry, {
    last: page.last,
    limit: page.limit + 1,
    wanted: () => true,
  });
  const repositories = found.slice(0, page.limit);
  const last = repositories.at(-1);
  return {
    status: 200,
    headers: {
      'Content-Type': 'application/json',
      ...(found.length > page.limit && last !== undefined
        ? nextLink(path, { n: String(page.limit), last })
        : {}),
    },
    body: JSON.stringify({ repositories }),
  };
}
