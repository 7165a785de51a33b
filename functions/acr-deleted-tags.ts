import { acrAnswer, orNull } from '../shared/http/acr-response.ts';
import type { RegistryResponse } from '../shared/http/message.ts';
import type { RepositoryCall, RepositoryRoute } from '../shared/http/route.ts';
import { listDeletedManifests } from '../shared/registry/manifests/list-deleted.ts';

/** ACR's `/acr/v1/_deleted/{name}/_tags`: the tags of what can be restored, all at once. */
export const acrDeletedTagsRoute: RepositoryRoute = {
  name: 'acr-deleted-tags',
  scope: 'repository',
  templates: ['acr/v1/{*path:regex(^_deleted/.+/_tags$)}'],
  pattern: /^\/acr\/v1\/_deleted\/(?<name>.+)\/_tags$/,
  methods: { GET: { access: 'metadata_read', handle: list } },
};

async function list(call: RepositoryCall): Promise<RegistryResponse> {
  const { app, repository } = call;
  const everything = { last: '', limit: Infinity };
  const manifests = await listDeletedManifests(app.registry, repository, everything);
  const tags = manifests.flatMap(({ digest, deletedTime, tags: names }) =>
    names.map((name) => ({ name, tag: name, digest, deletedAt: deletedTime })),
  );
  return acrAnswer(call, {
    tags: orNull(tags.toSorted((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)))),
  });
}
