import { parseAcrPage } from '../shared/http/acr-request.ts';
import { acrAnswer, manifestJson, nextAcrLink, orNull } from '../shared/http/acr-response.ts';
import type { RegistryResponse } from '../shared/http/message.ts';
import type { RepositoryCall, RepositoryRoute } from '../shared/http/route.ts';
import { listManifestDescriptions } from '../shared/registry/manifests/describe-manifest.ts';

/** ACR's `/acr/v1/{name}/_manifests`: what `acr manifest list` and `acr purge --untagged` read. */
export const acrManifestsRoute: RepositoryRoute = {
  name: 'acr-manifests',
  scope: 'repository',
  templates: ['acr/v1/{*path:regex(^(?!_deleted/).+/_manifests$)}'],
  pattern: /^\/acr\/v1\/(?<name>.+)\/_manifests$/,
  methods: { GET: { access: 'metadata_read', handle: list } },
};

async function list(call: RepositoryCall): Promise<RegistryResponse> {
  const { app, request, repository } = call;
  const page = parseAcrPage(request.query);
  const { items, next } = await listManifestDescriptions(app.registry, repository, page);
  return acrAnswer(
    call,
    { manifests: orNull(items.map(manifestJson)) },
    nextAcrLink(call, '_manifests', page, next),
  );
}
