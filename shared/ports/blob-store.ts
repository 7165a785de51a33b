import type { PhysicalName } from '../domain/physical-name.ts';

/**
 * `content` holds layers, `manifests` the manifests too large for a row, `staging` what a write SAS
 * reaches. `backups` has a port of its own (backup-store.ts).
 */
export const containerNames = ['content', 'manifests', 'staging', 'backups'] as const;
export type ContainerName = (typeof containerNames)[number];

export interface BlobProperties {
  readonly sizeBytes: number;
  readonly etag: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Bytes `first` to `last`, both inclusive, as in an HTTP byte range. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

export interface ListedBlob {
  readonly name: PhysicalName;
  readonly sizeBytes: number;
  /** Age of the last write in milliseconds, by storage's own clock. */
  readonly ageMs: number;
}

export interface BlobPage {
  readonly blobs: readonly ListedBlob[];
  /** Undefined on the last page. A page may be empty and yet have a next one. */
  readonly next: string | undefined;
}

/**
 * Blob Storage as the protocol needs it. A blob of name N lies at `blobPathOf(N)` of its container.
 * No method retries a write whose body it can't repeat; all writes here have repeatable bodies and
 * are idempotent by name. Every method throws StorageUnavailable (table-store.ts) when storage
 * throttles, fails or does not answer within the adapter's bounded retries.
 */
export interface BlobStore {
  /**
   * Put Block, with Content-MD5 where a network lies between. `blockId` is plain ASCII, the same
   * length for every block of a blob. The buffer may be reused once the promise has settled.
   */
  stageBlock(
    container: ContainerName,
    name: PhysicalName,
    blockId: string,
    bytes: Uint8Array,
  ): Promise<void>;

  /**
   * Put Block List with `If-None-Match: *`: the blob appears whole or not at all. `exists` when a
   * blob of this name is already committed (perhaps by an earlier attempt whose answer was lost);
   * `missing` when storage does not have one of the blocks.
   */
  commitBlocks(
    container: ContainerName,
    name: PhysicalName,
    blockIds: readonly string[],
    metadata: Readonly<Record<string, string>>,
  ): Promise<'committed' | 'exists' | 'missing'>;

  /**
   * Put Blob with `If-None-Match: *`, and Content-MD5 like a block; at most 5,000 MiB, meant for
   * small ones. `exists` as with commitBlocks.
   */
  putBlob(
    container: ContainerName,
    name: PhysicalName,
    bytes: Uint8Array,
    metadata: Readonly<Record<string, string>>,
  ): Promise<'committed' | 'exists'>;

  /**
   * Set Blob Metadata, replacing all of it, pinned to the blob's ETag. `changed` when the blob is
   * not the one of that ETag any more.
   */
  setMetadata(
    container: ContainerName,
    name: PhysicalName,
    etag: string,
    metadata: Readonly<Record<string, string>>,
  ): Promise<'set' | 'changed'>;

  /** Undefined when there is no committed blob of this name. */
  properties(container: ContainerName, name: PhysicalName): Promise<BlobProperties | undefined>;

  /**
   * The whole blob, or a range of it, in memory. Undefined when there is no committed blob of this
   * name.
   */
  read(
    container: ContainerName,
    name: PhysicalName,
    range?: ByteRange,
  ): Promise<Uint8Array | undefined>;

  /**
   * The blob's bytes as they arrive, for hashing or serving; a broken connection is resumed at the
   * offset reached, pinned to the ETag of the first answer. Undefined when there is no committed
   * blob. Holds a connection until it is iterated to the end or the iteration is ended.
   */
  stream(
    container: ContainerName,
    name: PhysicalName,
    range?: ByteRange,
  ): Promise<AsyncIterable<Uint8Array> | undefined>;

  /**
   * Deletes the blob; one that is `staged` may also be but blocks that were never committed, which
   * takes a request more. Nothing there is as good as deleted.
   */
  delete(container: ContainerName, name: PhysicalName, what: 'committed' | 'staged'): Promise<void>;

  /**
   * A page of the container's blobs in the order of their names, uncommitted ones included, of
   * which storage says no size. At most 5,000; `after` is the `next` of the page before. Blobs that
   * don't have the name of one of ours are left out.
   */
  list(container: ContainerName, after: string | undefined): Promise<BlobPage>;

  /**
   * A URL with which anyone may read this one blob (`sr=b&sp=r`, `rsct=application/octet-stream`),
   * valid from five minutes ago for `sasTtlSeconds` from now. `publicBase` replaces the blob
   * endpoint (with the account in its path, where it has one), for a local storage that clients
   * reach by another address; no request is sent but now and then one for a key.
   */
  signedReadUrl(
    container: ContainerName,
    name: PhysicalName,
    options: { readonly sasTtlSeconds: number; readonly publicBase?: string },
  ): Promise<string>;
}
