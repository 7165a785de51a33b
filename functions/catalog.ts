import type { RegistryResponse } from '../shared/http/message.ts';
import { nextLink, parsePage } from '../shared/http/pagination.ts';
import type { Call, RegistryRoute } from '../shared/http/route.ts';
import { listRepositories } from '../shared/registry/catalog.ts';
import { limits } from '../shared/registry/settings.ts';

/** Repositories that hold something: the catalogue of Docker's registry API. */
export const catalogRoute: RegistryRoute = {
  name: 'catalog',
  scope: 'registry',
  templates: ['v2/_catalog'],
  pattern: /^\/v2\/_catalog$/,
  methods: { GET: { access: 'catalog', handle: list } },
};

async function list({ app, request }: Call): Promise<RegistryResponse> {
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
        ? nextLink('/v2/_catalog', { n: String(page.limit), last })
        : {}),
    },
    body: JSON.stringify({ repositories }),
  };
}
