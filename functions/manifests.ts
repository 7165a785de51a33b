import { readManifestPut, requiredReference } from '../shared/http/manifest-request.ts';
import type { RegistryResponse } from '../shared/http/message.ts';
import { isUnchanged } from '../shared/http/preconditions.ts';
import type { RepositoryCall, RepositoryRoute } from '../shared/http/route.ts';
import { pusherOf } from '../shared/http/direct-push.ts';
import { deleteManifest, deleteTag } from '../shared/registry/manifests/delete-manifest.ts';
import {
  getManifest,
  type ManifestHead,
  statManifest,
} from '../shared/registry/manifests/get-manifest.ts';
import { notePull } from '../shared/registry/usage/note-pull.ts';
import { putManifest } from '../shared/registry/manifests/put-manifest.ts';

/** Manifests: OCI distribution-spec end-3, end-7, end-9. */
export const manifestsRoute: RepositoryRoute = {
  name: 'manifests',
  scope: 'repository',
  templates: ['v2/{*path:regex(^.+/manifests/[^/]+$)}'],
  pattern: /^\/v2\/(?<name>.+)\/manifests\/(?<reference>[^/]+)$/,
  methods: {
    GET: { access: 'pull', handle: pull },
    HEAD: { access: 'pull', handle: stat },
    PUT: { access: 'sign', change: 'manifest.push', handle: push },
    DELETE: { access: 'delete', change: 'manifest.delete', handle: remove },
  },
};

async function stat(call: RepositoryCall): Promise<RegistryResponse> {
  const { app, request, repository, caller } = call;
  const sees = caller.seesQuarantined(repository);
  const head = await statManifest(app.registry, repository, referenceOf(call), sees);
  notePull(app.registry, repository, head.digest);
  return { status: isUnchanged(request.headers, head.digest) ? 304 : 200, headers: describe(head) };
}

async function pull(call: RepositoryCall): Promise<RegistryResponse> {
  const { app, request, repository, caller } = call;
  const sees = caller.seesQuarantined(repository);
  const manifest = await getManifest(app.registry, repository, referenceOf(call), sees);
  notePull(app.registry, repository, manifest.digest);
  const headers = describe({ ...manifest, sizeBytes: manifest.bytes.byteLength });
  if (isUnchanged(request.headers, manifest.digest)) return { status: 304, headers };
  return { status: 200, headers, body: manifest.bytes };
}

async function push(call: RepositoryCall): Promise<RegistryResponse> {
  const { app, request, repository, caller } = call;
  const put = await readManifestPut(request, referenceOf(call));
  const right = caller.may('push', repository) ? 'push' : 'sign';
  await putManifest(app.registry, repository, { ...put, pusher: pusherOf(call) }, right);
  const { subject } = put.manifest;
  return {
    status: 201,
    headers: {
      Location: `/v2/${repository}/manifests/${put.digest}`,
      'Docker-Content-Digest': put.digest,
      ...(subject === undefined ? {} : { 'OCI-Subject': subject }),
      ...(put.tags.length === 0 ? {} : { 'OCI-Tag': put.tags.join(', ') }),
    },
    audit: {
      digest: put.digest,
      tags: put.tags,
      ...(subject !== undefined && { subject }),
    },
  };
}

async function remove(call: RepositoryCall): Promise<RegistryResponse> {
  const { app, repository } = call;
  const reference = referenceOf(call);
  if (reference.kind === 'tag') {
    await deleteTag(app.registry, repository, reference.tag);
    return { status: 202, headers: {}, audit: { event: 'tag.delete' } };
  }
  await deleteManifest(app.registry, repository, reference.digest);
  return { status: 202, headers: {}, audit: { digest: reference.digest } };
}

function describe({ digest, mediaType, sizeBytes }: ManifestHead): Record<string, string> {
  return {
    'Content-Type': mediaType,
    'Content-Length': String(sizeBytes),
    'Docker-Content-Digest': digest,
    ETag: `"${digest}"`,
  };
}

function referenceOf({ params }: RepositoryCall) {
  return requiredReference(params['reference'] ?? '');
}
