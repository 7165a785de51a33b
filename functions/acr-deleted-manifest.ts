import { acrAnswer } from '../shared/http/acr-response.ts';
import type { RegistryResponse } from '../shared/http/message.ts';
import type { RepositoryCall, RepositoryRoute } from '../shared/http/route.ts';
import { requiredDigest } from '../shared/http/upload-request.ts';
import { restoreManifest } from '../shared/registry/manifests/restore-manifest.ts';

/** ACR's `POST /acr/v1/_deleted/{name}/_manifests/{digest}`: restores it. */
export const acrDeletedManifestRoute: RepositoryRoute = {
  name: 'acr-deleted-manifest',
  scope: 'repository',
  templates: ['acr/v1/{*path:regex(^_deleted/.+/_manifests/[^/]+$)}'],
  pattern: /^\/acr\/v1\/_deleted\/(?<name>.+)\/_manifests\/(?<digest>[^/]+)$/,
  methods: { POST: { access: 'push', change: 'manifest.restore', handle: restore } },
};

async function restore(call: RepositoryCall): Promise<RegistryResponse> {
  const digest = requiredDigest(call.params['digest']);
  const { restored, takenTags, missing } = await restoreManifest(
    call.app.registry,
    call.repository,
    digest,
  );
  const tags = restored.flatMap((each) => each.tags);
  return {
    ...acrAnswer(call, { restored, takenTags, missing }),
    audit: restored.length === 0 ? 'no-change' : { digest, tags, manifests: restored.length },
  };
}
