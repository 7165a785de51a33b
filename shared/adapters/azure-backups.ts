import { createHash } from 'node:crypto';
import type { BackupStore } from '../ports/backup-store.ts';
import { attempt, BlobRefusal } from './blob-attempt.ts';
import { deleteCommitted } from './blob-delete.ts';
import type { BlobService } from './blob-service.ts';
import { streamBlob } from './blob-stream.ts';
import { ensureContainer } from './containers.ts';
import { retrying, storageRetryLimits } from './retry.ts';

const container = 'backups';
const maxPageSize = 5000;

/** Container `backups` of the content account, made by the first write. */
export function azureBackupStore(service: BlobService, limits = storageRetryLimits): BackupStore {
  const client = async () => (await service.client()).getContainerClient(container);
  const decided = <T>(what: string, call: (abortSignal: AbortSignal) => Promise<T>): Promise<T> =>
    retrying(limits, ({ timeoutMs }) => attempt(what, timeoutMs, call));

  async function put(path: string, bytes: Uint8Array): Promise<void> {
    const blob = (await client()).getBlockBlobClient(path);
    const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const transactionalContentMD5 = createHash('md5').update(body).digest();
    await decided('write a backup', (abortSignal) =>
      blob.upload(body, body.length, {
        abortSignal,
        transactionalContentMD5,
        conditions: { ifNoneMatch: '*' },
      }),
    );
  }

  return {
    async write(path, bytes) {
      try {
        await put(path, bytes).catch(async (error: unknown) => {
          if (!isRefusal(error, 'ContainerNotFound')) throw error;
          await ensureContainer(service, container, limits);
          await put(path, bytes);
        });
        return 'written';
      } catch (error) {
        if (isRefusal(error, 'BlobAlreadyExists')) return 'exists';
        throw error;
      }
    },

    async read(path) {
      try {
        const chunks: Uint8Array[] = [];
        const blob = (await client()).getBlobClient(path);
        for await (const chunk of await streamBlob(blob, undefined, limits)) chunks.push(chunk);
        return Buffer.concat(chunks);
      } catch (error) {
        if (error instanceof BlobRefusal && error.status === 404) return undefined;
        throw error;
      }
    },

    async list(prefix, after) {
      try {
        return await decided('list backups', async (abortSignal) => {
          const pages = (await client())
            .listBlobsFlat({ prefix, abortSignal })
            .byPage({ maxPageSize, ...(after !== undefined && { continuationToken: after }) });
          const { done, value } = await pages.next();
          if (done === true) return { paths: [], next: undefined };
          const paths = value.segment.blobItems.map(({ name }) => name);
          return { paths, next: value.continuationToken || undefined };
        });
      } catch (error) {
        if (!isRefusal(error, 'ContainerNotFound')) throw error;
        return { paths: [], next: undefined };
      }
    },

    async delete(path) {
      await deleteCommitted((await client()).getBlockBlobClient(path), limits);
    },
  };
}

function isRefusal(error: unknown, code: string): boolean {
  return error instanceof BlobRefusal && error.code === code;
}
