import type { BlobGetPropertiesResponse } from '@azure/storage-blob';
import type { Config } from '../config.ts';
import { blobPathOf } from '../domain/physical-name.ts';
import { type StagingName, stagingPathOf, stagingPrefixOf } from '../domain/staging-name.ts';
import type { StagedBlob, StagingStore } from '../ports/staging-store.ts';
import { attempt, BlobRefusal } from './blob-attempt.ts';
import { deleteStaged } from './blob-delete.ts';
import type { BlobService } from './blob-service.ts';
import { streamBlob } from './blob-stream.ts';
import { ensureContainer } from './containers.ts';
import { lazy } from './lazy.ts';
import { retrying, storageRetryLimits } from './retry.ts';
import { copyWithinStore } from './staging-copy.ts';
import { stagedUnder } from './staging-list.ts';
import { blockUrlSigner } from './write-url.ts';

/** The account whose container `staging` clients write to. */
export interface StagingAccount {
  readonly settings: Config['storage'];
  readonly service: BlobService;
}

/**
 * The container `staging` of a storage account, or of Azurite; what is published goes to the
 * container `content` of `content`, the same account or another.
 */
export function azureStagingStore(
  settings: Config['storage'],
  staging: StagingAccount,
  content: BlobService,
  limits = storageRetryLimits,
): StagingStore {
  const copy = copyWithinStore(settings, limits);

  const container = async () => (await staging.service.client()).getContainerClient('staging');
  const clientOf = async (name: StagingName) =>
    (await container()).getBlockBlobClient(stagingPathOf(name));

  const decided = <T>(what: string, call: (abortSignal: AbortSignal) => Promise<T>): Promise<T> =>
    retrying(limits, ({ timeoutMs }) => attempt(what, timeoutMs, call));

  const sign = blockUrlSigner(staging.settings, staging.service, limits);
  /** A client can't create the container it writes to; the other is where a first blob may go. */
  const ready = lazy(async () => {
    await Promise.all([
      ensureContainer(staging.service, 'staging', limits),
      ensureContainer(content, 'content', limits),
    ]);
  });

  return {
    async signedBlockUrl(name, blockId, options) {
      await ready();
      return await sign(name, blockId, options);
    },

    async inspect(name, blockId) {
      const blob = await clientOf(name);
      const list = await unlessRefused(
        decided('list the blocks of a blob', (abortSignal) =>
          blob.getBlockList('all', { abortSignal }),
        ),
      );
      if (list instanceof BlobRefusal) return undefined;
      const { committedBlocks = [], uncommittedBlocks = [] } = list;
      if (committedBlocks.length > 0) {
        return { sizeBytes: committedBlocks.reduce((sum, { size }) => sum + size, 0) };
      }
      const [only] = uncommittedBlocks;
      const isOurs = uncommittedBlocks.length === 1 && only?.name === base64(blockId);
      return isOurs ? { sizeBytes: only.size } : undefined;
    },

    async ownedBy(owner, enough) {
      return await stagedUnder(await container(), stagingPrefixOf(owner), enough, limits);
    },

    async commit(name, blockId) {
      const blob = await clientOf(name);
      const outcome = await unlessRefused(
        decided('commit a staged blob', (abortSignal) =>
          blob.commitBlockList([base64(blockId)], { conditions: onlyNew, abortSignal }),
        ),
      );
      if (!(outcome instanceof BlobRefusal)) return 'committed';
      return outcome.code === 'BlobAlreadyExists' ? 'exists' : 'refused';
    },

    async describe(name) {
      const blob = await clientOf(name);
      const found = await unlessRefused(
        decided('describe a staged blob', (abortSignal) => blob.getProperties({ abortSignal })),
      );
      return found instanceof BlobRefusal ? undefined : plainBlob(found);
    },

    async stream(name, etag) {
      const blob = await clientOf(name);
      const bytes = await unlessRefused(streamBlob(blob, undefined, limits, etag));
      return bytes instanceof BlobRefusal ? undefined : bytes;
    },

    async publish(name, staged, target) {
      const [source, contentClient] = await Promise.all([
        clientOf(name),
        content.client(),
        ready(),
      ]);
      const copied = contentClient
        .getContainerClient('content')
        .getBlockBlobClient(blobPathOf(target));
      const outcome = await unlessRefused(copy(source.url, staged, copied));
      if (!(outcome instanceof BlobRefusal)) return 'copied';
      return outcome.code === 'BlobAlreadyExists' ? 'exists' : 'changed';
    },

    async discard(name) {
      const blob = await clientOf(name);
      try {
        await deleteStaged(blob, limits);
      } catch (error) {
        // Whoever had the URL may have taken a lease on the blob.
        if (!(error instanceof BlobRefusal) || error.status !== 412) throw error;
        await unlessRefused(
          decided('break a lease', (abortSignal) =>
            blob.getBlobLeaseClient().breakLease(0, { abortSignal }),
          ),
        );
        await deleteStaged(blob, limits);
      }
    },
  };
}

const onlyNew = { ifNoneMatch: '*' };

/** What storage refuses is an answer here: the blob is in its writer's hands, not in ours. */
async function unlessRefused<T>(answer: Promise<T>): Promise<T | BlobRefusal> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof BlobRefusal) return error;
    throw error;
  }
}

/** Whatever its writer added to the blob would be copied along, so nothing may have been. */
function plainBlob(found: BlobGetPropertiesResponse): StagedBlob | undefined {
  const { etag, contentLength: sizeBytes, metadata = {} } = found;
  const { contentEncoding, contentLanguage, contentDisposition, cacheControl } = found;
  if (etag === undefined || sizeBytes === undefined) return undefined;
  const own = [contentEncoding, contentLanguage, contentDisposition, cacheControl];
  const isPlain =
    found.blobType === 'BlockBlob' &&
    found.accessTier !== 'Archive' &&
    found.contentType === 'application/octet-stream' &&
    own.every((header) => header === undefined || header === '') &&
    Object.keys(metadata).length === 0;
  return isPlain ? { etag, sizeBytes } : undefined;
}

function base64(ascii: string): string {
  return Buffer.from(ascii, 'latin1').toString('base64');
}
