import type { Digest } from '../shared/domain/digest.ts';
import { RegistryError } from '../shared/errors.ts';
import type { RegistryResponse } from '../shared/http/message.ts';
import type { RepositoryCall, RepositoryRoute } from '../shared/http/route.ts';
import {
  chunkRange,
  mountSource,
  requiredDigest,
  requiredUploadId,
  uploadAlgorithm,
  uploadBody,
} from '../shared/http/upload-request.ts';
import { isDirectPush, pusherOf, storageBaseFor } from '../shared/http/direct-push.ts';
import { appendToUpload } from '../shared/registry/uploads/append-upload.ts';
import { writeUrlOf } from '../shared/registry/uploads/direct-session.ts';
import { startDirectUpload } from '../shared/registry/uploads/direct-start.ts';
import { finishUpload } from '../shared/registry/uploads/finish-upload.ts';
import { mountBlob } from '../shared/registry/blobs/mount-blob.ts';
import { attributesOfAll } from '../shared/registry/repositories/repository-attributes.ts';
import type { UploadSession } from '../shared/registry/rows/row-types.ts';
import {
  cancelUpload,
  readUpload,
  startUpload,
} from '../shared/registry/uploads/upload-session.ts';

/** Uploads and mounts: OCI distribution-spec end-4, end-5, end-6, end-11, end-13, end-14. */
export const uploadsRoute: RepositoryRoute = {
  name: 'uploads',
  scope: 'repository',
  templates: ['v2/{*path:regex(^.+/blobs/uploads(/[^/]*)?$)}'],
  pattern: /^\/v2\/(?<name>.+)\/blobs\/uploads(?:\/(?<id>[^/]*))?$/,
  methods: {
    POST: { access: 'sign', change: 'blob.push', handle: start },
    PATCH: { access: 'sign', handle: append },
    PUT: { access: 'sign', change: 'blob.push', handle: finish },
    GET: { access: 'sign', handle: status },
    DELETE: { access: 'sign', handle: cancel },
  },
};

async function start(call: RepositoryCall): Promise<RegistryResponse> {
  const { app, request, repository, caller } = call;
  const { query } = request;
  if (query.has('mount')) {
    if (!caller.may('push', repository)) throw mountsAreForPushers();
    const digest = requiredDigest(query.get('mount'));
    if (await mount(call, digest)) {
      const from = query.get('from') ?? undefined;
      const audit = { event: 'blob.mount', digest, ...(from !== undefined && { from }) } as const;
      return { ...created(call, digest), audit };
    }
  }
  const digest = query.has('digest') ? requiredDigest(query.get('digest')) : undefined;
  const direct = digest === undefined ? await startDirect(call) : undefined;
  if (direct !== undefined) return direct;
  const session = await startUpload(app.registry, repository, {
    subject: caller.subject,
    algorithm: uploadAlgorithm(query),
  });
  if (digest === undefined || query.has('mount')) return progress(call, 202, session);
  const put = { digest, body: bodyOf(call), range: undefined, ...lengthOf(call) };
  await finishUpload(app.registry, repository, session.id, put);
  return created(call, digest);
}

/**
 * Sends a client that can do so to storage with the bytes; undefined when they come through here.
 */
async function startDirect(call: RepositoryCall): Promise<RegistryResponse | undefined> {
  const { app, repository } = call;
  const pusher = isDirectPush(call) ? pusherOf(call) : undefined;
  const session = pusher && (await startDirectUpload(app.registry, repository, pusher));
  if (session === undefined) return undefined;
  const location = await writeUrlOf(app.registry, session, storageBaseFor(call));
  const headers = { Location: location, Range: '0-0', 'Cache-Control': 'no-store' };
  return { status: 202, headers, audit: 'no-change' };
}

async function mount(call: RepositoryCall, digest: Digest): Promise<boolean> {
  const { app, request, repository, caller } = call;
  const from = mountSource(request.query);
  if (from === 'nowhere') return false;
  const attributesOf = await attributesOfAll(app.registry);
  return await mountBlob(app.registry, {
    repository,
    digest,
    from: from === 'any' ? undefined : from,
    mayPull: (other) => caller.mayMountFrom(other) && attributesOf(other).readEnabled,
  });
}

function mountsAreForPushers(): RegistryError {
  return new RegistryError('DENIED', { message: 'to mount a blob takes the right to push' });
}

async function append(call: RepositoryCall): Promise<RegistryResponse> {
  const { app, request, repository } = call;
  const body = bodyOf(call) ?? nothing();
  const range = chunkRange(request);
  const { contentLength } = lengthOf(call);
  const session = await appendToUpload(
    app.registry,
    repository,
    idOf(call),
    body,
    range,
    contentLength,
  );
  return progress(call, 202, session);
}

async function finish(call: RepositoryCall): Promise<RegistryResponse> {
  const { app, request, repository } = call;
  const digest = requiredDigest(request.query.get('digest'));
  const put = { digest, body: bodyOf(call), range: chunkRange(request), ...lengthOf(call) };
  await finishUpload(app.registry, repository, idOf(call), put);
  return created(call, digest);
}

async function status(call: RepositoryCall): Promise<RegistryResponse> {
  const session = await readUpload(call.app.registry, call.repository, idOf(call));
  return progress(call, 204, session);
}

async function cancel(call: RepositoryCall): Promise<RegistryResponse> {
  await cancelUpload(call.app.registry, call.repository, idOf(call));
  return { status: 204, headers: {} };
}

function progress(
  { repository }: RepositoryCall,
  httpStatus: 202 | 204,
  { id, offset }: UploadSession,
): RegistryResponse {
  return {
    status: httpStatus,
    headers: {
      Location: `/v2/${repository}/blobs/uploads/${id}`,
      Range: `0-${Math.max(offset - 1, 0)}`,
      'Docker-Upload-UUID': id,
    },
    audit: 'no-change',
  };
}

function created({ repository }: RepositoryCall, digest: Digest): RegistryResponse {
  const location = `/v2/${repository}/blobs/${digest}`;
  const headers = { Location: location, 'Docker-Content-Digest': digest };
  return { status: 201, headers, audit: { digest } };
}

function bodyOf({ app, request }: RepositoryCall) {
  return uploadBody(request, app.config.maxBodyBytes);
}

/** How many bytes the body has, where the client says it before. */
function lengthOf({ request }: RepositoryCall): { readonly contentLength?: number } {
  const length = request.headers.get('content-length');
  return length !== null && /^\d{1,15}$/.test(length) ? { contentLength: Number(length) } : {};
}

function idOf({ params }: RepositoryCall): string {
  return requiredUploadId(params['id']);
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
