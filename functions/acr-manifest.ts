import { readManifestChange } from '../shared/http/acr-request.ts';
import { acrAnswer, manifestJson, platformJson } from '../shared/http/acr-response.ts';
import type { AuditDetails, RegistryResponse } from '../shared/http/message.ts';
import type { RepositoryCall, RepositoryRoute } from '../shared/http/route.ts';
import { requiredDigest } from '../shared/http/upload-request.ts';
import type { ManifestChange } from '../shared/registry/manifests/change-manifest.ts';
import {
  describeManifest,
  type ManifestDetails,
} from '../shared/registry/manifests/describe-manifest.ts';
import { attributeNames } from '../shared/registry/rows/attributes.ts';
import { changeManifest } from '../shared/registry/manifests/quarantine-manifest.ts';

/** ACR's `/acr/v1/{name}/_manifests/{digest}`: a manifest, its locks, its quarantine. */
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
  const asked = await readManifestChange(request);
  await changeManifest(app.registry, repository, digest, asked);
  const details = await describeManifest(app.registry, repository, digest);
  return { ...answer(call, details), audit: auditOf(asked) };
}

/** That a manifest is kept back, or no longer, counts more than what else is switched with it. */
function auditOf(asked: ManifestChange): AuditDetails {
  const { quarantineState: quarantine } = asked;
  const switched = attributeNames.filter((name) => asked[name] !== undefined);
  const attributes = Object.fromEntries(switched.map((name) => [name, asked[name] === true]));
  if (quarantine === undefined) return { attributes };
  const event = quarantine === 'Passed' ? 'manifest.release' : 'manifest.quarantine';
  return { event, quarantine, attributes };
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
