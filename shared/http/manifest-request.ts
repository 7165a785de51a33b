import {
  algorithmOf,
  computeDigest,
  type DigestAlgorithm,
  parseDigestAlgorithm,
} from '../domain/digest.ts';
import { type Manifest, ManifestProblem, parseManifest } from '../domain/manifest.ts';
import { essenceOf } from '../domain/media-type.ts';
import { parseReference, parseTag, type Reference, type Tag } from '../domain/reference.ts';
import { schema1Payload } from '../domain/schema1.ts';
import { RegistryError } from '../errors.ts';
import type { ManifestPut } from '../registry/manifests/put-manifest.ts';
import { limits } from '../registry/settings.ts';
import { readBody } from './body.ts';
import type { RegistryRequest } from './message.ts';
import { parseTagCondition } from './preconditions.ts';

/** Parses what stands behind `manifests/`. Throws DIGEST_INVALID or MANIFEST_INVALID. */
export function requiredReference(text: string): Reference {
  const reference = parseReference(text);
  if (reference !== undefined) return reference;
  if (text.includes(':')) throw new RegistryError('DIGEST_INVALID', { detail: { digest: text } });
  throw new RegistryError('MANIFEST_INVALID', { message: 'invalid tag', detail: { tag: text } });
}

/**
 * Reads a manifest PUT: its body, at most 4 MiB, checked against the digest it is put under, and
 * the tags it shall have (`?tag=`, OCI distribution-spec main, end-7b).
 */
export async function readManifestPut(
  request: RegistryRequest,
  reference: Reference,
): Promise<ManifestPut> {
  const condition = parseTagCondition(request.headers);
  const tags = [
    ...new Set([...tagsOf(reference), ...request.query.getAll('tag').map(requiredTag)]),
  ];
  const bytes = await readBody(request, limits.maxManifestBytes);
  if (bytes === undefined) {
    throw new RegistryError('MANIFEST_INVALID', {
      status: 413,
      message: `the manifest is larger than ${limits.maxManifestBytes} bytes`,
    });
  }
  const whole = parse(bytes, request.headers.get('content-type'));
  const identity = whole.kind === 'schema1' ? schema1Payload(bytes) : bytes;
  // What stands outside a signed payload is not of the digest, and clients do not read it.
  const manifest = identity === bytes ? whole : parse(identity, whole.mediaType);
  const digest = computeDigest(identity, algorithmFor(reference, request.query));
  if (reference.kind === 'digest' && reference.digest !== digest) {
    throw new RegistryError('DIGEST_INVALID', {
      detail: { expected: reference.digest, actual: digest },
    });
  }
  return { digest, manifest, bytes, tags, condition };
}

function parse(bytes: Uint8Array, contentType: string | null): Manifest {
  try {
    return parseManifest(bytes, contentType === null ? undefined : essenceOf(contentType));
  } catch (cause) {
    if (!(cause instanceof ManifestProblem)) throw cause;
    throw new RegistryError('MANIFEST_INVALID', { message: cause.message, cause });
  }
}

function tagsOf(reference: Reference): Tag[] {
  return reference.kind === 'tag' ? [reference.tag] : [];
}

function requiredTag(text: string): Tag {
  const tag = parseTag(text);
  if (tag !== undefined) return tag;
  throw new RegistryError('MANIFEST_INVALID', { message: 'invalid tag', detail: { tag: text } });
}

function algorithmFor(reference: Reference, query: URLSearchParams): DigestAlgorithm {
  if (reference.kind === 'digest') return algorithmOf(reference.digest);
  const text = query.get('digest-algorithm');
  const algorithm = text === null ? 'sha256' : parseDigestAlgorithm(text);
  if (algorithm !== undefined) return algorithm;
  throw new RegistryError('DIGEST_INVALID', { message: `the algorithm is unknown: ${text}` });
}
