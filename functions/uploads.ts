import { parseDigest, parseDigestAlgorithm, type Digest } from '../shared/domain/digest.ts';
import { parseRepositoryName } from '../shared/domain/repository-name.ts';
import { RegistryError } from '../shared/errors.ts';
import { parseContentRange } from '../shared/http/byte-range.ts';
import type { RegistryResponse } from '../shared/http/message.ts';
import type { RepositoryCall, RepositoryRoute } from '../shared/http/route.ts';
import { appendToUpload } from '../shared/registry/append-upload.ts';
import { finishUpload } from '../shared/registry/finish-upload.ts';
import { mountBlob } from '../shared/registry/mount-blob.ts';
import type { UploadSession } from '../shared/registry/rows.ts';
import { discardUpload, readUpload, startUpload } from '../shared/registry/upload-session.ts';

/** Uploads and mounts: OCI distribution-spec end-4, end-5, end-6, end-11, end-13, end-14. */
export const uploadsRoute: RepositoryRoute = {
  name: 'uploads',
  scope: 'repository',
  templates: ['v2/{*path:regex(^.+/blobs/uploads(/[^/]*)?$)}'],
  pattern: /^\/v2\/(?<name>.+)\/blobs\/uploads(?:\/(?<id>[^/]*))?$/,
  methods: {
    POST: { access: 'push', handle: start },
    PATCH: { access: 'push', handle: append },
    PUT: { access: 'push', handle: finish },
    GET: { access: 'push', handle: status },
    DELETE: { access: 'push', handle: cancel },
  },
};

async function start(call: RepositoryCall): Promise<RegistryResponse> {
  const { app, request, repository, caller } = call;
  const { query } = request;
  const mount = query.get('mount');
  if (mount !== null && (await mounted(call, requiredDigest(mount)))) {
    return created(call, requiredDigest(mount));
  }
  const digest = query.get('digest') === null ? undefined : requiredDigest(query.get('digest'));
  const session = await startUpload(app.registry, repository, {
    subject: caller.subject,
    algorithm: algorithmOfUpload(query),
  });
  if (digest === undefined || mount !== null) return progress(call, 202, session);
  await finishUpload(app.registry, repository, session.id, {
    digest,
    body: request.body,
    range: undefined,
  });
  return created(call, digest);
}

async function mounted(call: RepositoryCall, digest: Digest): Promise<boolean> {
  const { app, request, repository, caller } = call;
  const text = request.query.get('from');
  const from = text === null ? undefined : parseRepositoryName(text);
  if (text !== null && from === undefined) return false;
  return await mountBlob(app.registry, {
    repository,
    digest,
    from,
    mayPull: (other) => caller.mayMountFrom(other),
  });
}

async function append(call: RepositoryCall): Promise<RegistryResponse> {
  const { app, request, repository } = call;
  const range = contentRangeOf(call);
  const body = request.body ?? none();
  const session = await appendToUpload(app.registry, repository, idOf(call), body, range);
  return progress(call, 202, session);
}

async function finish(call: RepositoryCall): Promise<RegistryResponse> {
  const { app, request, repository } = call;
  const digest = requiredDigest(request.query.get('digest'));
  const range = contentRangeOf(call);
  await finishUpload(app.registry, repository, idOf(call), { digest, body: request.body, range });
  return created(call, digest);
}

async function status(call: RepositoryCall): Promise<RegistryResponse> {
  const session = await readUpload(call.app.registry, call.repository, idOf(call));
  return progress(call, 204, session);
}

async function cancel(call: RepositoryCall): Promise<RegistryResponse> {
  const { app, repository } = call;
  const session = await readUpload(app.registry, repository, idOf(call));
  await discardUpload(app.registry, repository, session);
  return { status: 204, headers: {} };
}

function progress(
  call: RepositoryCall,
  httpStatus: number,
  session: UploadSession,
): RegistryResponse {
  return {
    status: httpStatus,
    headers: {
      Location: `/v2/${call.repository}/blobs/uploads/${session.id}`,
      Range: `0-${Math.max(session.offset - 1, 0)}`,
      'Docker-Upload-UUID': session.id,
    },
  };
}

function created(call: RepositoryCall, digest: Digest): RegistryResponse {
  return {
    status: 201,
    headers: {
      Location: `/v2/${call.repository}/blobs/${digest}`,
      'Docker-Content-Digest': digest,
    },
  };
}

function idOf({ params }: RepositoryCall): string {
  const id = params['id'] ?? '';
  if (/^[0-9a-f]{32}$/.test(id)) return id;
  throw new RegistryError('BLOB_UPLOAD_UNKNOWN', { detail: { upload: id } });
}

function requiredDigest(text: string | null): Digest {
  const digest = parseDigest(text ?? '');
  if (digest !== undefined) return digest;
  throw new RegistryError('DIGEST_INVALID', { detail: { digest: text } });
}

function algorithmOfUpload(query: URLSearchParams) {
  const text = query.get('digest-algorithm');
  if (text === null) return 'sha256';
  const algorithm = parseDigestAlgorithm(text);
  if (algorithm !== undefined) return algorithm;
  throw new RegistryError('DIGEST_INVALID', { message: `the algorithm is unknown: ${text}` });
}

function contentRangeOf({ request }: RepositoryCall) {
  const header = request.headers.get('content-range');
  if (header === null) return undefined;
  const range = parseContentRange(header);
  if (range !== undefined) return range;
  throw new RegistryError('BLOB_UPLOAD_INVALID', { message: 'the Content-Range is malformed' });
}

async function* none(): AsyncGenerator<Uint8Array> {}
