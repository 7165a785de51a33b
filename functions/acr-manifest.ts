import { readAttributeChange } from '../shared/http/acr-request.ts';
import { acrAnswer, manifestJson, platformJson } from '../shared/http/acr-response.ts';
import type { RegistryResponse } from '../shared/http/message.ts';
import type { RepositoryCall, RepositoryRoute } from '../shared/http/route.ts';
import { requiredDigest } from '../shared/http/upload-request.ts';
import { changeManifestAttributes } from '../shared/registry/manifests/change-manifest.ts';
import {
  describeManifest,
  type ManifestDetails,
} from '../shared/registry/manifests/describe-manifest.ts';

/** ACR's `/acr/v1/{name}/_manifests/{digest}`: a manifest and its locks. */
export const acrManifestRoute: RepositoryRoute = {
  name: 'acr-manifest',
  scope: 'repository',
  templates: ['acr/v1/{*path:regex(^(?!_deleted/).+/_manifests/[^/]+$)}'],
  pattern: /^\/acr\/v1\/(?<name>.+)\/_manifests\/(?<digest>[^/]+)$/,
  methods: {
    GET: { access: 'metadata_read', handle: describe },
    PATCH: { access: 'metadata_write', change: 'lock.change', handle: change },
  },
};

async function describe(call: RepositoryCall): Promise<RegistryResponse> {
  const digest = requiredDigest(call.params['digest']);
  return answer(call, await describeManifest(call.app.registry, call.repository, digest));
}

async function change(call: RepositoryCall): Promise<RegistryResponse> {
  const { app, request, repository, params } = call;
  const digest = requiredDigest(params['digest']);
  const attributes = await readAttributeChange(request);
  await changeManifestAttributes(app.registry, repository, digest, attributes);
  const details = await describeManifest(app.registry, repository, digest);
  return { ...answer(call, details), audit: { attributes } };
}

function answer(call: RepositoryCall, details: ManifestDetails): RegistryResponse {
  const references = details.references.map((each) => ({
    digest: each.digest,
    ...platformJson(each),
  }));
  return acrAnswer(call, {
    manifest: { ...manifestJson(details), ...(references.length === 0 ? {} : { references }) },
  });
}
