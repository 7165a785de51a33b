import { createHash } from 'node:crypto';
import type { Config } from '../config.ts';
import { blobPathOf, type PhysicalName } from '../domain/physical-name.ts';
import type { BlobProperties, BlobStore, ContainerName } from '../ports/blob-store.ts';
import { attempt, BlobRefusal } from './blob-attempt.ts';
import { deleteCommitted, deleteStaged } from './blob-delete.ts';
import { listBlobsOf } from './blob-list.ts';
import type { BlobService } from './blob-service.ts';
import { streamBlob } from './blob-stream.ts';
import { ensureContainer } from './containers.ts';
import { readUrlSigner } from './read-url.ts';
import { retrying, storageRetryLimits, type RetryLimits } from './retry.ts';

/** Blob Storage, or Azurite. Creates a container when a write finds it missing. */
export function azureBlobStore(
  settings: Config['storage'],
  service: BlobService,
  limits = storageRetryLimits,
): BlobStore {
  const overNetwork = service.endpoint.startsWith('https:');
  /**
   * Content-MD5, with which storage refuses bytes that changed on their way. Not over plain HTTP,
   * which only a local Azurite speaks: there is no way to speak of, and it costs a fifth of its
   * speed.
   */
  const checksumOf = (body: Buffer) =>
    overNetwork ? { transactionalContentMD5: createHash('md5').update(body).digest() } : {};

  const blobClient = async (container: ContainerName, name: PhysicalName) =>
    (await service.client()).getContainerClient(container).getBlockBlobClient(blobPathOf(name));

  /**
   * Tries a call until storage decides it; one that finds its container missing creates it first.
   */
  async function write<T>(
    what: string,
    container: ContainerName,
    bytes: number,
    call: (abortSignal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const bounds = limitsFor(bytes, limits);
    try {
      return await retrying(bounds, ({ timeoutMs }) => attempt(what, timeoutMs, call));
    } catch (error) {
      if (!isRefusal(error, 'ContainerNotFound')) throw error;
      await ensureContainer(service, container, limits);
      return retrying(bounds, ({ timeoutMs }) => attempt(what, timeoutMs, call));
    }
  }

  async function properties(
    container: ContainerName,
    name: PhysicalName,
  ): Promise<BlobProperties | undefined> {
    const blob = await blobClient(container, name);
    const found = await undefinedWhenMissing(
      retrying(limits, ({ timeoutMs }) =>
        attempt('describe a blob', timeoutMs, (abortSignal) => blob.getProperties({ abortSignal })),
      ),
    );
    if (found === undefined) return undefined;
    const { contentLength, etag, metadata = {} } = found;
    if (contentLength === undefined || etag === undefined) {
      throw new TypeError('Blob Storage described a blob without Content-Length or ETag');
    }
    return { sizeBytes: contentLength, etag, metadata };
  }

  const stream: BlobStore['stream'] = async (container, name, range) =>
    undefinedWhenMissing(streamBlob(await blobClient(container, name), range, limits));

  return {
    async stageBlock(container, name, blockId, bytes) {
      const blob = await blobClient(container, name);
      const body = asBuffer(bytes);
      const checksum = checksumOf(body);
      await write('stage a block', container, body.length, (abortSignal) =>
        blob.stageBlock(base64(blockId), body, body.length, {
          ...checksum,
          abortSignal,
        }),
      );
    },

    async commitBlocks(container, name, blockIds, metadata) {
      const blob = await blobClient(container, name);
      const ids = blockIds.map(base64);
      try {
        await write('commit a blob', container, 0, (abortSignal) =>
          blob.commitBlockList(ids, {
            conditions: onlyNew,
            metadata: { ...metadata },
            abortSignal,
          }),
        );
        return 'committed';
      } catch (error) {
        if (isRefusal(error, 'InvalidBlockList')) return 'missing';
        if (isRefusal(error, 'BlobAlreadyExists')) return 'exists';
        throw error;
      }
    },

    async putBlob(container, name, bytes, metadata) {
      const blob = await blobClient(container, name);
      const body = asBuffer(bytes);
      const checksum = checksumOf(body);
      try {
        await write('put a blob', container, body.length, (abortSignal) =>
          blob.upload(body, body.length, {
            ...checksum,
            conditions: onlyNew,
            metadata: { ...metadata },
            abortSignal,
          }),
        );
        return 'committed';
      } catch (error) {
        if (isRefusal(error, 'BlobAlreadyExists')) return 'exists';
        throw error;
      }
    },

    async setMetadata(container, name, etag, metadata) {
      const blob = await blobClient(container, name);
      let repeated = false;
      try {
        await retrying(limits, (current) => {
          repeated = current.repeated;
          return attempt('set metadata', current.timeoutMs, (abortSignal) =>
            blob.setMetadata({ ...metadata }, { conditions: { ifMatch: etag }, abortSignal }),
          );
        });
        return 'set';
      } catch (error) {
        if (!(error instanceof BlobRefusal) || ![404, 412].includes(error.status)) throw error;
        // The change that was met may be our own, of a try whose answer was lost.
        const now = repeated ? await properties(container, name) : undefined;
        return now !== undefined && sameMetadata(now.metadata, metadata) ? 'set' : 'changed';
      }
    },

    properties,

    async read(container, name, range) {
      const bytes = await stream(container, name, range);
      if (bytes === undefined) return undefined;
      const chunks: Uint8Array[] = [];
      for await (const chunk of bytes) chunks.push(chunk);
      return Buffer.concat(chunks);
    },

    stream,

    async delete(container, name, what) {
      const blob = await blobClient(container, name);
      await (what === 'staged' ? deleteStaged : deleteCommitted)(blob, limits);
    },

    async list(container, after) {
      const client = (await service.client()).getContainerClient(container);
      return await listBlobsOf(client, after, limits);
    },

    signedReadUrl: readUrlSigner(settings, service, limits),
  };
}

/** A byte that appears is never overwritten: whoever comes second is told so. */
const onlyNew = { ifNoneMatch: '*' };

/** A try that carries bytes gets time for them, at 1 MiB/s. */
function limitsFor(bytes: number, limits: RetryLimits): RetryLimits {
  const transferMs = Math.ceil((bytes / 1024 / 1024) * 1000);
  return {
    ...limits,
    tryTimeoutMs: limits.tryTimeoutMs + transferMs,
    deadlineMs: limits.deadlineMs + transferMs * limits.tries,
  };
}

async function undefinedWhenMissing<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof BlobRefusal && error.status === 404) return undefined;
    throw error;
  }
}

function isRefusal(error: unknown, code: string): boolean {
  return error instanceof BlobRefusal && error.code === code;
}

function sameMetadata(
  actual: Readonly<Record<string, string>>,
  expected: Readonly<Record<string, string>>,
): boolean {
  const names = Object.keys(expected);
  return (
    names.length === Object.keys(actual).length &&
    names.every((name) => actual[name] === expected[name])
  );
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function base64(ascii: string): string {
  return Buffer.from(ascii, 'latin1').toString('base64');
}
