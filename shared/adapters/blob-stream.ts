import { Readable } from 'node:stream';
import type { BlobClient } from '@azure/storage-blob';
import type { ByteRange } from '../ports/blob-store.ts';
import { StorageUnavailable } from '../ports/table-store.ts';
import { attempt, BlobRefusal } from './blob-attempt.ts';
import { retrying, type RetryLimits } from './retry.ts';

interface OpenBlob {
  readonly etag: string;
  readonly sizeBytes: number;
  readonly body: Readable;
}

/**
 * The bytes of a blob as they arrive. A connection that breaks, or brings nothing for as long as a
 * try may take, is resumed at the offset reached, under the ETag of the first answer, so that bytes
 * of two blobs never mix. `pinnedTo` is the ETag that answer must have. Throws BlobRefusal before
 * the first byte.
 */
export async function streamBlob(
  blob: BlobClient,
  range: ByteRange | undefined,
  limits: RetryLimits,
  pinnedTo?: string,
): Promise<AsyncIterable<Uint8Array>> {
  const start = range?.first ?? 0;
  const open = (offset: number, etag = pinnedTo) =>
    retrying(limits, ({ timeoutMs }) => openAt(blob, offset, range?.last, etag, timeoutMs));
  return chunks(await open(start), start, open, limits);
}

async function* chunks(
  first: OpenBlob,
  start: number,
  open: (offset: number, etag: string) => Promise<OpenBlob>,
  limits: RetryLimits,
): AsyncGenerator<Uint8Array, void> {
  const end = start + first.sizeBytes;
  let { body } = first;
  let iterator = body[Symbol.asyncIterator]();
  let failures = 0;
  try {
    for (let offset = start; offset < end;) {
      let chunk: Uint8Array;
      try {
        chunk = await nextChunk(body, iterator, limits.tryTimeoutMs);
      } catch (cause) {
        body.destroy();
        failures += 1;
        if (failures === limits.tries) {
          throw new StorageUnavailable('a read of Blob Storage keeps breaking off', { cause });
        }
        ({ body } = await open(offset, first.etag).catch(changedMeanwhile));
        iterator = body[Symbol.asyncIterator]();
        continue;
      }
      failures = 0;
      offset += chunk.byteLength;
      yield chunk;
    }
  } finally {
    body.destroy();
  }
}

/**
 * A blob is never overwritten, but its ETag changes with its metadata; a second reading will do.
 */
function changedMeanwhile(cause: unknown): never {
  if (!(cause instanceof BlobRefusal)) throw cause;
  throw new StorageUnavailable('a blob changed while it was read', { cause });
}

async function nextChunk(
  body: Readable,
  iterator: AsyncIterator<unknown>,
  timeoutMs: number,
): Promise<Uint8Array> {
  const timer = setTimeout(
    () => body.destroy(new Error(`no bytes for ${timeoutMs} ms`)),
    timeoutMs,
  );
  try {
    const { value } = await iterator.next();
    if (value instanceof Uint8Array) return value;
    throw new Error('the answer ended before its Content-Length');
  } finally {
    clearTimeout(timer);
  }
}

async function openAt(
  blob: BlobClient,
  offset: number,
  last: number | undefined,
  etag: string | undefined,
  timeoutMs: number,
): Promise<OpenBlob> {
  const count = last === undefined ? undefined : last - offset + 1;
  const answer = await attempt('read', timeoutMs, (abortSignal) =>
    blob.download(offset, count, {
      abortSignal,
      maxRetryRequests: 0,
      ...(etag !== undefined && { conditions: { ifMatch: etag } }),
    }),
  );
  const { readableStreamBody: body, contentLength: sizeBytes, etag: answered } = answer;
  if (!(body instanceof Readable) || sizeBytes === undefined || answered === undefined) {
    throw new TypeError('the answer of Blob Storage has no body, Content-Length or ETag');
  }
  // It may break before anybody reads it; the reading then meets the error.
  body.on('error', () => undefined);
  return { etag: answered, sizeBytes, body };
}
