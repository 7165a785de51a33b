import { parseAcrPage } from '../shared/http/acr-request.ts';
import { acrAnswer, deletedManifestJson, orNull } from '../shared/http/acr-response.ts';
import type { RegistryResponse } from '../shared/http/message.ts';
import { nextLink } from '../shared/http/pagination.ts';
import type { RepositoryCall, RepositoryRoute } from '../shared/http/route.ts';
import { listDeletedManifests } from '../shared/registry/manifests/list-deleted.ts';

/** ACR's `/acr/v1/_deleted/{name}/_manifests`: what can be restored. */
export const acrDeletedManifestsRoute: RepositoryRoute = {
  name: 'acr-deleted-manifests',
  scope: 'repository',
  templates: ['acr/v1/{*path:regex(^_deleted/.+/_manifests$)}'],
  pattern: /^\/acr\/v1\/_deleted\/(?<name>.+)\/_manifests$/,
  methods: { GET: { access: 'metadata_read', handle: list } },
};

async function list(call: RepositoryCall): Promise<RegistryResponse> {
  const { app, request, repository } = call;
  const { last, limit } = parseAcrPage(request.query);
  const page = { last, limit: limit + 1 };
  const found = await listDeletedManifests(app.registry, repository, page);
  const shown = found.slice(0, limit);
  const end = found.length > limit ? shown.at(-1)?.digest : undefined;
  const path = `/acr/v1/_deleted/${repository}/_manifests`;
  return acrAnswer(
    call,
    { manifests: orNull(shown.map(deletedManifestJson)) },
    end === undefined ? {} : nextLink(path, { last: end, n: String(limit), orderby: '' }),
  );
}
