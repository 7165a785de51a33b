import {
  type Digest,
  type DigestAlgorithm,
  parseDigest,
  parseDigestAlgorithm,
} from '../domain/digest.ts';
import { parseRepositoryName, type RepositoryName } from '../domain/repository-name.ts';
import { RegistryError } from '../errors.ts';
import type { ByteRange } from '../ports/blob-store.ts';
import { parseContentRange } from './byte-range.ts';
import type { RegistryRequest } from './message.ts';

/** Parses the digest a client names. Throws DIGEST_INVALID, also when there is none. */
export function requiredDigest(text: string | null | undefined): Digest {
  const digest = parseDigest(text ?? '');
  if (digest !== undefined) return digest;
  throw new RegistryError('DIGEST_INVALID', {
    message: 'the digest is malformed',
    detail: { digest: text },
  });
}

/** Parses the id of an upload. Throws BLOB_UPLOAD_UNKNOWN for what this registry never gave out. */
export function requiredUploadId(text: string | undefined): string {
  if (text !== undefined && /^[0-9a-f]{32}$/.test(text)) return text;
  throw new RegistryError('BLOB_UPLOAD_UNKNOWN', { detail: { upload: text } });
}

/**
 * The algorithm an upload's bytes will be named by (`digest-algorithm`, OCI distribution-spec main,
 * end-4c).
 */
export function uploadAlgorithm(query: URLSearchParams): DigestAlgorithm {
  const text = query.get('digest-algorithm');
  const algorithm = text === null ? 'sha256' : parseDigestAlgorithm(text);
  if (algorithm !== undefined) return algorithm;
  throw new RegistryError('DIGEST_INVALID', { message: `the algorithm is unknown: ${text}` });
}

/** Where to mount from: a repository, `any` without `from`, `nowhere` when `from` is no name. */
export function mountSource(query: URLSearchParams): RepositoryName | 'any' | 'nowhere' {
  const text = query.get('from');
  return text === null ? 'any' : (parseRepositoryName(text) ?? 'nowhere');
}

/**
 * The body of an upload, undefined when there is none. One that comes with a Content-Length the
 * Functions host has read whole before anybody could refuse it, so that there is a limit to it; a
 * chunked one streams. Throws SIZE_INVALID 413.
 */
export function uploadBody(
  { body, headers }: RegistryRequest,
  maxBodyBytes: number | undefined,
): AsyncIterable<Uint8Array> | undefined {
  const contentLength = Number(headers.get('content-length') ?? 0);
  if (maxBodyBytes === undefined || contentLength <= maxBodyBytes) return body;
  throw new RegistryError('SIZE_INVALID', {
    status: 413,
    message: `a layer sent as one body may have at most ${maxBodyBytes} bytes; send it in chunks`,
    detail: { contentLength, maxBodyBytes },
  });
}

/**
 * The part of the blob that a chunk says it is; undefined when it does not say. Throws
 * BLOB_UPLOAD_INVALID.
 */
export function chunkRange({ headers }: RegistryRequest): ByteRange | undefined {
  const header = headers.get('content-range');
  if (header === null) return undefined;
  const range = parseContentRange(header);
  if (range !== undefined) return range;
  throw new RegistryError('BLOB_UPLOAD_INVALID', { message: 'the Content-Range is malformed' });
}
