import { createHash, randomBytes } from 'node:crypto';
import { type Digest, type DigestAlgorithm, digestOf } from '../../domain/digest.ts';
import type { PhysicalName } from '../../domain/physical-name.ts';
import type { BlobStore } from '../../ports/blob-store.ts';
import { RegistryError } from '../../errors.ts';
import { limits } from '../settings.ts';
import type { StagedRun } from '../rows/row-types.ts';
import { blockId } from './upload-row.ts';

/**
 * Most blobs are small configs: the first buffer is small, and only a body that fills it gets a
 * block's.
 */
const firstBufferBytes = 64 * 1024;

export type Bytes = AsyncIterable<Uint8Array>;

export interface Staged {
  readonly run: StagedRun;
  readonly sizeBytes: number;
  readonly digest: Digest;
  /**
   * The bytes themselves, when they were few enough to be kept instead of staged; then no block
   * was.
   */
  readonly whole: Uint8Array | undefined;
}

/**
 * Hashes a body while staging it as blocks of `name`, several in flight, in a fixed number of
 * buffers. With `keepWhole`, a body that fits one block is not staged but handed back, for a single
 * Put Blob. Block ids begin with a nonce of this call, so that a stalled twin can't replace them.
 */
export async function stage(
  blobs: BlobStore,
  name: PhysicalName,
  body: Bytes,
  options: { readonly algorithm: DigestAlgorithm; readonly keepWhole: boolean },
): Promise<Staged> {
  const attempt = randomBytes(4).toString('hex');
  const hash = createHash(options.algorithm);
  const buffers = new BufferPool(limits.blocksInFlight + 1);
  const inFlight = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;
  let count = 0;
  let sizeBytes = 0;

  const send = (buffer: Buffer, length: number) => {
    const id = blockId(attempt, count++);
    const sent = blobs
      .stageBlock('content', name, id, buffer.subarray(0, length))
      .catch((error: unknown) => void (failure ??= { error }))
      .finally(() => {
        inFlight.delete(sent);
        buffers.release(buffer);
      });
    inFlight.add(sent);
  };

  let buffer: Buffer = Buffer.allocUnsafeSlow(firstBufferBytes);
  let filled = 0;
  const makeRoom = async () => {
    const full = buffer;
    if (full.length === limits.blockBytes) {
      send(full, filled);
      while (buffers.isEmpty()) await Promise.race(inFlight);
    }
    buffer = buffers.take();
    filled = full.length === limits.blockBytes ? 0 : full.copy(buffer);
  };
  try {
    for await (const chunk of body) {
      if (failure !== undefined) break;
      hash.update(chunk);
      sizeBytes += chunk.byteLength;
      for (let read = 0; read < chunk.byteLength;) {
        if (filled === buffer.length) await makeRoom();
        const part = chunk.subarray(read, read + buffer.length - filled);
        buffer.set(part, filled);
        filled += part.byteLength;
        read += part.byteLength;
      }
    }
    const whole = options.keepWhole && count === 0 ? buffer.subarray(0, filled) : undefined;
    if (whole === undefined && filled > 0 && failure === undefined) send(buffer, filled);
    await Promise.all(inFlight);
    if (failure !== undefined) throw failure.error;
    return {
      run: { attempt, count },
      sizeBytes,
      digest: digestOf(options.algorithm, hash.digest('hex')),
      whole,
    };
  } finally {
    await Promise.all(inFlight);
  }
}

/** Hashes a body and lets it go. */
export async function hashOf(
  body: Bytes,
  algorithm: DigestAlgorithm,
): Promise<{ readonly digest: Digest; readonly sizeBytes: number }> {
  const hash = createHash(algorithm);
  let sizeBytes = 0;
  for await (const chunk of body) {
    hash.update(chunk);
    sizeBytes += chunk.byteLength;
  }
  return { digest: digestOf(algorithm, hash.digest('hex')), sizeBytes };
}

export function digestMismatch(expected: Digest, actual: Digest): RegistryError {
  return new RegistryError('DIGEST_INVALID', { detail: { expected, actual } });
}

/**
 * A fixed number of block buffers, made when first needed and used again, so that memory stays
 * flat.
 */
class BufferPool {
  readonly #free: Buffer[] = [];
  #unmade: number;

  constructor(size: number) {
    this.#unmade = size;
  }

  isEmpty(): boolean {
    return this.#free.length === 0 && this.#unmade === 0;
  }

  take(): Buffer {
    const buffer = this.#free.pop();
    if (buffer !== undefined) return buffer;
    this.#unmade -= 1;
    return Buffer.allocUnsafeSlow(limits.blockBytes);
  }

  release(buffer: Buffer): void {
    if (buffer.length === limits.blockBytes) this.#free.push(buffer);
  }
}
