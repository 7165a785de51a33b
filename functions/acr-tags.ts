import { parseAcrPage } from '../shared/http/acr-request.ts';
import { acrAnswer, nextAcrLink, orNull, tagJson } from '../shared/http/acr-response.ts';
import type { RegistryResponse } from '../shared/http/message.ts';
import type { RepositoryCall, RepositoryRoute } from '../shared/http/route.ts';
import { requiredDigest } from '../shared/http/upload-request.ts';
import { listTagDescriptions } from '../shared/registry/tags/describe-tag.ts';

/** ACR's `/acr/v1/{name}/_tags`: what `acr tag list` and `acr purge` read. */
export const acrTagsRoute: RepositoryRoute = {
  name: 'acr-tags',
  scope: 'repository',
  templates: ['acr/v1/{*path:regex(^(?!_deleted/).+/_tags$)}'],
  pattern: /^\/acr\/v1\/(?<name>.+)\/_tags$/,
  methods: { GET: { access: 'metadata_read', handle: list } },
};

async function list(call: RepositoryCall): Promise<RegistryResponse> {
  const { app, request, repository } = call;
  const page = parseAcrPage(request.query);
  const digest = request.query.get('digest');
  const { items, next } = await listTagDescriptions(app.registry, repository, {
    ...page,
    digest: digest === null || digest === '' ? undefined : requiredDigest(digest),
  });
  return acrAnswer(
    call,
    { tags: orNull(items.map(tagJson)) },
    nextAcrLink(call, '_tags', page, next),
  );
}
