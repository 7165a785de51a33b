import type { RegistryResponse } from '../shared/http/message.ts';
import { nextLink, parsePage } from '../shared/http/pagination.ts';
import type { RepositoryCall, RepositoryRoute } from '../shared/http/route.ts';
import { listTags } from '../shared/registry/tags/list-tags.ts';
import { limits } from '../shared/registry/settings.ts';

/** Tags of a repository: OCI distribution-spec end-8. */
export const tagsRoute: RepositoryRoute = {
  name: 'tags',
  scope: 'repository',
  templates: ['v2/{*path:regex(^.+/tags/list$)}'],
  pattern: /^\/v2\/(?<name>.+)\/tags\/list$/,
  methods: { GET: { access: 'pull', handle: list } },
};

async function list(call: RepositoryCall): Promise<RegistryResponse> {
  const { app, request, repository, caller } = call;
  const page = parsePage(request.query, limits.maxListPage);
  const { tags, more } = await listTags(app.registry, repository, {
    ...page,
    seesQuarantined: caller.seesQuarantined(repository),
  });
  const last = tags.at(-1);
  return {
    status: 200,
    headers: {
      'Content-Type': 'application/json',
      ...(more && last !== undefined
        ? nextLink(`/v2/${repository}/tags/list`, { n: String(page.limit), last })
        : {}),
    },
    body: JSON.stringify({ name: repository, tags }),
  };
}
