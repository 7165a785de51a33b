import type { PhysicalName } from '../domain/physical-name.ts';
import type { StagingName, StagingOwner } from '../domain/staging-name.ts';

/** What a client put under a staging name, as far as it can be told without reading it. */
export interface StagedBytes {
  readonly sizeBytes: number;
}

/** A committed staging blob at one ETag, with nothing about it but bytes. */
export interface StagedBlob {
  readonly etag: string;
  readonly sizeBytes: number;
}

/** How much one wants to know of at most. */
export interface EnoughStaged {
  readonly sizeBytes: number;
  readonly uncommitted: number;
}

/** What lies under an owner's names. */
export interface StagedByOwner {
  /** Of the blobs that are committed. */
  readonly sizeBytes: number;
  /** Of the others storage says only, one by one, how much it holds: see `inspect`. */
  readonly uncommitted: readonly StagingName[];
}

/**
 * The container `staging`, the only one clients may write to, and the way out of it
 * (docs/storage.md, "Direct push"). Its blobs are never served. Whoever holds a URL may do to its
 * blob what the URL's signature does not forbid, at any time, so that every answer here is about
 * one moment and what must stay true is pinned to an ETag. Every method throws StorageUnavailable
 * (table-store.ts) when storage throttles, fails or does not answer within bounded retries.
 */
export interface StagingStore {
  /**
   * A URL with which anyone may Put Block this one block of this one blob, from five minutes ago
   * for `sasTtlSeconds` from now; the time limits when a write may begin. Where storage can, the
   * signature covers the operation and the block (`srq=comp,blockid`). `publicBase` as with
   * BlobStore's `signedReadUrl`. `blockId` is plain ASCII.
   */
  signedBlockUrl(
    name: StagingName,
    blockId: string,
    options: { readonly sasTtlSeconds: number; readonly publicBase?: string },
  ): Promise<string>;

  /**
   * Get Block List: the block's bytes, or those of the blob when it is committed already. Undefined
   * while there is neither, or anything else besides.
   */
  inspect(name: StagingName, blockId: string): Promise<StagedBytes | undefined>;

  /**
   * What lies under an owner's names, by List Blobs: a request for each 5,000 blobs. Not of one
   * moment; reads no further once the committed ones hold `enough.sizeBytes`, or
   * `enough.uncommitted` of the others are found.
   */
  ownedBy(owner: StagingOwner, enough: EnoughStaged): Promise<StagedByOwner>;

  /**
   * Put Block List of the one block with `If-None-Match: *`, without metadata. `exists` when the
   * blob is committed, by whomever; `refused` when there is no such block or somebody's lease is in
   * the way.
   */
  commit(name: StagingName, blockId: string): Promise<'committed' | 'exists' | 'refused'>;

  /**
   * The committed blob. Undefined when there is none, or when it is not what `commit` makes: a
   * block blob that can be read at once, without metadata or headers of its own.
   */
  describe(name: StagingName): Promise<StagedBlob | undefined>;

  /**
   * The bytes at that ETag, as BlobStore's `stream`. Undefined when the blob is not that of the
   * ETag any more.
   */
  stream(name: StagingName, etag: string): Promise<AsyncIterable<Uint8Array> | undefined>;

  /**
   * Copies the bytes at that ETag within storage to a name of `content` that does not exist: the
   * name appears whole or not at all, without metadata. `exists` when it is there, perhaps by an
   * earlier attempt whose answer was lost; `changed` when the source is not that of the ETag any
   * more. Azure copies at most 5,000 MiB.
   */
  publish(
    name: StagingName,
    staged: StagedBlob,
    target: PhysicalName,
  ): Promise<'copied' | 'exists' | 'changed'>;

  /**
   * Deletes the blob, its snapshots and its uncommitted blocks, and breaks a lease that is in the
   * way. Nothing there is as good as deleted.
   */
  discard(name: StagingName): Promise<void>;
}
