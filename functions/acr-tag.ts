import { readAttributeChange, requiredTag } from '../shared/http/acr-request.ts';
import { acrAnswer, tagJson } from '../shared/http/acr-response.ts';
import type { RegistryResponse } from '../shared/http/message.ts';
import type { RepositoryCall, RepositoryRoute } from '../shared/http/route.ts';
import { deleteTag } from '../shared/registry/manifests/delete-manifest.ts';
import { changeTagAttributes, describeTag } from '../shared/registry/tags/describe-tag.ts';

/** ACR's `/acr/v1/{name}/_tags/{tag}`: a tag, its locks, untagging. */
export const acrTagRoute: RepositoryRoute = {
  name: 'acr-tag',
  scope: 'repository',
  templates: ['acr/v1/{*path:regex(^(?!_deleted/).+/_tags/[^/]+$)}'],
  pattern: /^\/acr\/v1\/(?<name>.+)\/_tags\/(?<tag>[^/]+)$/,
  methods: {
    GET: { access: 'metadata_read', handle: describe },
    PATCH: { access: 'metadata_write', change: 'lock.change', handle: change },
    DELETE: { access: 'delete', change: 'tag.delete', handle: remove },
  },
};

async function describe(call: RepositoryCall): Promise<RegistryResponse> {
  const { app, repository } = call;
  const tag = await describeTag(app.registry, repository, tagOf(call));
  return acrAnswer(call, { tag: tagJson(tag) });
}

async function change(call: RepositoryCall): Promise<RegistryResponse> {
  const { app, request, repository } = call;
  const attributes = await readAttributeChange(request);
  const tag = await changeTagAttributes(app.registry, repository, tagOf(call), attributes);
  return { ...acrAnswer(call, { tag: tagJson(tag) }), audit: { attributes } };
}

async function remove(call: RepositoryCall): Promise<RegistryResponse> {
  await deleteTag(call.app.registry, call.repository, tagOf(call));
  return { status: 202, headers: {} };
}

function tagOf({ params }: RepositoryCall) {
  return requiredTag(params['tag']);
}
