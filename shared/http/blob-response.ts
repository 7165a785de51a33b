import { randomBytes } from 'node:crypto';
import type { Digest } from '../domain/digest.ts';
import { RegistryError } from '../errors.ts';
import type { ByteRange } from '../ports/blob-store.ts';
import { blobUnknown } from '../registry/blobs/pull-blob.ts';
import type { BlobLink } from '../registry/rows/row-types.ts';
import { limits, seconds } from '../registry/settings.ts';
import { parseRange, rangeLength } from './byte-range.ts';
import type { RegistryResponse } from './message.ts';
import { storageBaseFor } from './direct-push.ts';
import type { Call } from './route.ts';

/**
 * The answer to a GET of a blob. Small blobs and small or odd ranges are answered here, with the
 * digest header that storage can't add; everything else is a redirect to a short-lived URL of this
 * one blob (docs/storage.md, "Blob GET"). Storage ignores ranges it does not know, as RFC 9110 lets
 * it.
 */
export async function serveBlob(
  call: Call,
  digest: Digest,
  { name, sizeBytes }: BlobLink,
): Promise<RegistryResponse> {
  const { blobs } = call.app.registry;
  const headers = {
    'Content-Type': 'application/octet-stream',
    'Docker-Content-Digest': digest,
    'Accept-Ranges': 'bytes',
    'Cache-Control': 'private, max-age=31536000, immutable',
  };
  const asked = parseRange(call.request.headers.get('range'), sizeBytes);
  if (asked.kind === 'unsatisfiable') {
    throw new RegistryError('SIZE_INVALID', {
      status: 416,
      message: 'the range lies outside the blob',
      headers: { 'Content-Range': `bytes */${sizeBytes}` },
    });
  }
  const read = async (range?: ByteRange) => {
    const bytes = await blobs.read('content', name, range);
    if (bytes === undefined) throw blobUnknown(digest);
    return bytes;
  };

  if (asked.kind === 'whole' && sizeBytes <= limits.maxServedBlobBytes) {
    return { status: 200, headers, body: sizeBytes === 0 ? new Uint8Array() : await read() };
  }
  if (asked.kind === 'ranges' && isServedHere(asked.ranges, asked.redirectable)) {
    const parts = await Promise.all(
      asked.ranges.map(async (range) => ({ range, bytes: await read(range) })),
    );
    return partialContent(parts, sizeBytes, headers);
  }
  const publicBase = storageBaseFor(call);
  const location = await blobs.signedReadUrl('content', name, {
    sasTtlSeconds: seconds.readSasTtl,
    ...(publicBase === undefined ? {} : { publicBase }),
  });
  return {
    status: 307,
    headers: { Location: location, 'Docker-Content-Digest': digest, 'Cache-Control': 'no-store' },
  };
}

function isServedHere(ranges: readonly ByteRange[], redirectable: boolean): boolean {
  const sum = ranges.reduce((total, range) => total + rangeLength(range), 0);
  return sum <= (redirectable ? limits.maxServedBlobBytes : limits.maxServedRangeBytes);
}

interface Part {
  readonly range: ByteRange;
  readonly bytes: Uint8Array;
}

function partialContent(
  parts: readonly Part[],
  sizeBytes: number,
  headers: Readonly<Record<string, string>>,
): RegistryResponse {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) {
    return {
      status: 206,
      headers: { ...headers, 'Content-Range': contentRange(only.range, sizeBytes) },
      body: only.bytes,
    };
  }
  const boundary = randomBytes(16).toString('hex');
  const body = Buffer.concat([
    ...parts.flatMap(({ range, bytes }) => [
      Buffer.from(
        `\r\n--${boundary}\r\nContent-Type: application/octet-stream\r\n` +
          `Content-Range: ${contentRange(range, sizeBytes)}\r\n\r\n`,
      ),
      bytes,
    ]),
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
  const contentType = `multipart/byteranges; boundary=${boundary}`;
  return { status: 206, headers: { ...headers, 'Content-Type': contentType }, body };
}

function contentRange({ first, last }: ByteRange, sizeBytes: number): string {
  return `bytes ${first}-${last}/${sizeBytes}`;
}
