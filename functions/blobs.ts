import type { Digest } from '../shared/domain/digest.ts';
import { serveBlob } from '../shared/http/blob-response.ts';
import type { RegistryResponse } from '../shared/http/message.ts';
import type { RepositoryCall, RepositoryRoute } from '../shared/http/route.ts';
import { requiredDigest } from '../shared/http/upload-request.ts';
import { deleteBlob } from '../shared/registry/blobs/delete-blob.ts';
import { locateBlob, statBlob } from '../shared/registry/blobs/pull-blob.ts';

/** Blobs: OCI distribution-spec end-2 and end-10. */
export const blobsRoute: RepositoryRoute = {
  name: 'blobs',
  scope: 'repository',
  templates: ['v2/{*path:regex(^.+/blobs/(?!uploads$)[^/]+$)}'],
  pattern: /^\/v2\/(?<name>.+)\/blobs\/(?<digest>[^/]+)$/,
  methods: {
    GET: { access: 'pull', handle: pull },
    HEAD: { access: 'pull', handle: stat },
    DELETE: { access: 'delete', handle: remove },
  },
};

async function stat(call: RepositoryCall): Promise<RegistryResponse> {
  const digest = digestOf(call);
  const { sizeBytes } = await statBlob(call.app.registry, call.repository, digest);
  return {
    status: 200,
    headers: {
      'Content-Type': 'application/octet-stream',
      'Content-Length': String(sizeBytes),
      'Docker-Content-Digest': digest,
      'Accept-Ranges': 'bytes',
    },
  };
}

async function pull(call: RepositoryCall): Promise<RegistryResponse> {
  const digest = digestOf(call);
  const link = await locateBlob(call.app.registry, call.repository, digest);
  return await serveBlob(call, digest, link);
}

async function remove(call: RepositoryCall): Promise<RegistryResponse> {
  await deleteBlob(call.app.registry, call.repository, digestOf(call));
  return { status: 202, headers: {} };
}

function digestOf({ params }: RepositoryCall): Digest {
  return requiredDigest(params['digest']);
}
