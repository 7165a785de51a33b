import { type Digest, parseDigest } from './digest.ts';
import { isObject, type JsonObject, parseJsonObject } from './json.ts';
import {
  isManifestMediaType,
  isNonDistributable,
  type ManifestKind,
  manifestKinds,
  type ManifestMediaType,
} from './media-type.ts';

/** Something a manifest names. An index names manifests, but BuildKit's cache index names blobs. */
export interface Child {
  readonly digest: Digest;
  readonly kind: 'blob' | 'manifest';
  /** It may be absent: a child of a sparse index, a layer that may not be distributed. */
  readonly optional: boolean;
  readonly mediaType: string;
  readonly sizeBytes: number;
  /** What an index says of it, for the referrers that a fallback tag lists. */
  readonly artifactType: string | undefined;
  readonly annotations: Annotations;
}

export type Annotations = Readonly<Record<string, string>>;

/**
 * What the registry reads out of a manifest. The bytes themselves are kept exactly as they came.
 */
export interface Manifest {
  readonly mediaType: ManifestMediaType;
  readonly kind: ManifestKind;
  /** Each digest once, although manifests often name one twice. */
  readonly children: readonly Child[];
  readonly subject: Digest | undefined;
  readonly artifactType: string | undefined;
  readonly annotations: Annotations;
  readonly config: ConfigDescriptor | undefined;
}

/** What an image's manifest says of its config. */
export interface ConfigDescriptor {
  readonly digest: Digest;
  readonly mediaType: string;
}

const maxTypeLength = 1024;

/** Why bytes are not a manifest, in words for the client. */
export class ManifestProblem extends Error {
  override readonly name = 'ManifestProblem';
}

/**
 * Reads a manifest of any kind the registry keeps (OCI image-spec v1.1 "manifest" and "image
 * index", the artifact manifest of its drafts, Docker schema 2, lists and schema 1). Unknown fields
 * are let be. `contentType` is the media type the client sent, which decides where the manifest has
 * no `mediaType`. Throws {@link ManifestProblem}.
 */
export function parseManifest(bytes: Uint8Array, contentType: string | undefined): Manifest {
  const json = parseJsonObject(bytes);
  if (json === undefined) throw new ManifestProblem('the manifest is not a JSON object');

  const mediaType = decideMediaType(json, contentType);
  const kind = manifestKinds[mediaType];
  const config = optionalObject(json, 'config');
  return {
    mediaType,
    kind,
    children: uniqueChildren(childrenOf(json, kind)),
    subject: parseSubject(json),
    artifactType: optionalType(json, 'artifactType') ?? optionalType(config ?? {}, 'mediaType'),
    annotations: annotationsOf(json),
    config: kind === 'image' && config !== undefined ? parseConfig(config) : undefined,
  };
}

function parseConfig(config: JsonObject): ConfigDescriptor {
  return {
    digest: requiredDigest(config, 'digest', 'config'),
    mediaType: optionalType(config, 'mediaType') ?? '',
  };
}

function decideMediaType(json: JsonObject, contentType: string | undefined): ManifestMediaType {
  const inside = optionalString(json, 'mediaType');
  const sent =
    contentType !== undefined && isManifestMediaType(contentType) ? contentType : undefined;
  if (inside !== undefined) {
    if (!isManifestMediaType(inside)) {
      throw new ManifestProblem(`the media type is not a manifest's: ${inside}`);
    }
    if (sent !== undefined && sent !== inside) {
      throw new ManifestProblem(`the Content-Type is ${sent}, the manifest says ${inside}`);
    }
    return inside;
  }
  const decided = sent ?? mediaTypeByShape(json);
  if (decided === undefined) {
    throw new ManifestProblem('neither the Content-Type nor the manifest says what it is');
  }
  return decided;
}

function mediaTypeByShape(json: JsonObject): ManifestMediaType | undefined {
  if (json['schemaVersion'] === 1) {
    return 'signatures' in json
      ? 'application/vnd.docker.distribution.manifest.v1+prettyjws'
      : 'application/vnd.docker.distribution.manifest.v1+json';
  }
  if ('manifests' in json) return 'application/vnd.oci.image.index.v1+json';
  if ('layers' in json || 'config' in json) return 'application/vnd.oci.image.manifest.v1+json';
  return undefined;
}

function childrenOf(json: JsonObject, kind: ManifestKind): Child[] {
  switch (kind) {
    case 'image':
      return [
        ...descriptors(json, [optionalObject(json, 'config')], 'config'),
        ...descriptors(json, optionalArray(json, 'layers'), 'layers'),
      ];
    case 'artifact':
      return descriptors(json, optionalArray(json, 'blobs'), 'blobs');
    case 'index':
      return descriptors(json, optionalArray(json, 'manifests'), 'manifests').map((child) => ({
        ...child,
        optional: true,
      }));
    case 'schema1':
      return optionalArray(json, 'fsLayers').map((layer) => ({
        digest: requiredDigest(isObject(layer) ? layer : {}, 'blobSum', 'fsLayers'),
        kind: 'blob',
        optional: false,
        mediaType: '',
        sizeBytes: 0,
        artifactType: undefined,
        annotations: {},
      }));
  }
}

function descriptors(json: JsonObject, list: readonly unknown[], field: string): Child[] {
  if (field === 'config' && json['config'] === undefined) return [];
  return list.map((descriptor) => {
    if (!isObject(descriptor)) throw new ManifestProblem(`${field} holds no descriptor`);
    const size = descriptor['size'];
    if (size !== undefined && !(Number.isSafeInteger(size) && Number(size) >= 0)) {
      throw new ManifestProblem(`${field} holds a descriptor with a bad size`);
    }
    const mediaType = optionalString(descriptor, 'mediaType') ?? '';
    return {
      digest: requiredDigest(descriptor, 'digest', field),
      kind: field === 'manifests' && isManifestMediaType(mediaType) ? 'manifest' : 'blob',
      optional: isNonDistributable(mediaType),
      mediaType,
      sizeBytes: Number(size ?? 0),
      artifactType: optionalType(descriptor, 'artifactType'),
      annotations: annotationsOf(descriptor),
    };
  });
}

/** A digest named more than once counts once, and is needed if any of its places needs it. */
function uniqueChildren(children: readonly Child[]): Child[] {
  const unique = new Map<string, Child>();
  for (const child of children) {
    const before = unique.get(child.digest);
    unique.set(child.digest, {
      ...child,
      ...before,
      optional: child.optional && (before?.optional ?? true),
    });
  }
  return [...unique.values()];
}

function parseSubject(json: JsonObject): Digest | undefined {
  const subject = optionalObject(json, 'subject');
  return subject === undefined ? undefined : requiredDigest(subject, 'digest', 'subject');
}

function annotationsOf(json: JsonObject): Annotations {
  const annotations = json['annotations'];
  if (!isObject(annotations)) return {};
  const entries = Object.entries(annotations);
  return Object.fromEntries(
    entries.flatMap(([key, value]) => (typeof value === 'string' ? [[key, value]] : [])),
  );
}

function requiredDigest(json: JsonObject, property: string, field: string): Digest {
  const value = json[property];
  const digest = typeof value === 'string' ? parseDigest(value) : undefined;
  if (digest === undefined) throw new ManifestProblem(`${field} holds no valid ${property}`);
  return digest;
}

function optionalString(json: JsonObject, property: string): string | undefined {
  const value = json[property];
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string') throw new ManifestProblem(`${property} is not a string`);
  return value;
}

/** A media type that is kept in a row (RFC 6838 gives its two names 127 characters each). */
function optionalType(json: JsonObject, property: string): string | undefined {
  const type = optionalString(json, property);
  if (type === undefined || type.length <= maxTypeLength) return type;
  throw new ManifestProblem(`${property} is longer than ${maxTypeLength} characters`);
}

function optionalObject(json: JsonObject, property: string): JsonObject | undefined {
  const value = json[property];
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw new ManifestProblem(`${property} is not an object`);
  return value;
}

function optionalArray(json: JsonObject, property: string): readonly unknown[] {
  const value: unknown = json[property];
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new ManifestProblem(`${property} is not an array`);
  return value;
}
