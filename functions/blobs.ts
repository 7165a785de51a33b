import type { Digest } from '../shared/domain/digest.ts';
import { RegistryError } from '../shared/errors.ts';
import { isDirectPush, pusherOf } from '../shared/http/direct-push.ts';
import { serveBlob } from '../shared/http/blob-response.ts';
import type { RegistryResponse } from '../shared/http/message.ts';
import type { RepositoryCall, RepositoryRoute } from '../shared/http/route.ts';
import { requiredDigest } from '../shared/http/upload-request.ts';
import { deleteBlob } from '../shared/registry/blobs/delete-blob.ts';
import { locateBlob, statBlob } from '../shared/registry/blobs/pull-blob.ts';
import { finishDirectUpload } from '../shared/registry/uploads/direct-finish.ts';

/** Blobs: OCI distribution-spec end-2 and end-10. */
export const blobsRoute: RepositoryRoute = {
  name: 'blobs',
  scope: 'repository',
  templates: ['v2/{*path:regex(^.+/blobs/(?!uploads$)[^/]+$)}'],
  pattern: /^\/v2\/(?<name>.+)\/blobs\/(?<digest>[^/]+)$/,
  methods: {
    GET: { access: 'pull', handle: pull },
    // Who signs asks before it uploads, as who pushes does.
    HEAD: { access: 'pull', orAccess: 'sign', handle: stat },
    DELETE: { access: 'delete', change: 'blob.delete', handle: remove },
  },
};

async function stat(call: RepositoryCall): Promise<RegistryResponse> {
  const digest = digestOf(call);
  const { registry } = call.app;
  const { sizeBytes } = await orDirect(call, digest, () => {
    return statBlob(registry, call.repository, digest);
  });
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
  const link = await orDirect(call, digest, () => {
    return locateBlob(call.app.registry, call.repository, digest);
  });
  return await serveBlob(call, digest, link);
}

/** What its pusher put into storage it finds before a manifest names it. */
async function orDirect<T>(call: RepositoryCall, digest: Digest, find: () => Promise<T>) {
  try {
    return await find();
  } catch (error) {
    const unknown = error instanceof RegistryError && error.code === 'BLOB_UNKNOWN';
    const pusher = unknown && isDirectPush(call) ? pusherOf(call) : undefined;
    if (pusher === undefined) throw error;
    await finishDirectUpload(call.app.registry, call.repository, pusher, digest);
    return await find();
  }
}

async function remove(call: RepositoryCall): Promise<RegistryResponse> {
  await deleteBlob(call.app.registry, call.repository, digestOf(call));
  return { status: 202, headers: {} };
}

function digestOf({ params }: RepositoryCall): Digest {
  return requiredDigest(params['digest']);
}
