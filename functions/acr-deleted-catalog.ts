import { parseAcrPage } from '../shared/http/acr-request.ts';
import { jsonAnswer } from '../shared/http/json-response.ts';
import type { RegistryResponse } from '../shared/http/message.ts';
import { nextLink } from '../shared/http/pagination.ts';
import type { Call, RegistryRoute } from '../shared/http/route.ts';
import { listDeletedRepositories } from '../shared/registry/manifests/list-deleted.ts';

const path = '/acr/v1/_deleted/_catalog';

/** ACR's `/acr/v1/_deleted/_catalog`: where something can be restored. */
export const acrDeletedCatalogRoute: RegistryRoute = {
  name: 'acr-deleted-catalog',
  scope: 'registry',
  templates: ['acr/v1/_deleted/_catalog'],
  pattern: /^\/acr\/v1\/_deleted\/_catalog$/,
  methods: { GET: { access: 'catalog', handle: list } },
};

async function list({ app, request }: Call): Promise<RegistryResponse> {
  const { last, limit } = parseAcrPage(request.query);
  const found = await listDeletedRepositories(app.registry, { last, limit: limit + 1 });
  const shown = found.slice(0, limit);
  const end = found.length > limit ? shown.at(-1)?.repository : undefined;
  const repositories = shown.map(({ repository, deletedTime, manifests }) => ({
    repository,
    deletedAt: deletedTime,
    manifestCount: manifests,
  }));
  const headers = end === undefined ? {} : nextLink(path, { last: end, n: String(limit) });
  return jsonAnswer({ repositories }, headers);
}
