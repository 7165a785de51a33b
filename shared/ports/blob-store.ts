/** `content` holds layers, `manifests` the manifests too large for a row, `staging` what a write SAS reaches. */
export const containerNames = ['content', 'manifests', 'staging'] as const;
export type ContainerName = (typeof containerNames)[number];

/** The path of a blob in its container, `/`-separated; made by us, never by a client, never reused. */
export type BlobName = string & { readonly __brand: 'BlobName' };

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

/**
 * Blob Storage as the protocol needs it. No method retries a write whose body it can't repeat; all writes
 * here have repeatable bodies and are idempotent by name. Every method throws StorageUnavailable
 * (table-store.ts) when storage throttles, fails or does not answer within the adapter's bounded retries.
 */
export interface BlobStore {
  /**
   * Put Block with Content-MD5. `blockId` is plain ASCII, the same length for every block of a blob. The
   * buffer may be reused once the promise has settled.
   */
  stageBlock(
    container: ContainerName,
    name: BlobName,
    blockId: string,
    bytes: Uint8Array,
  ): Promise<void>;

  /**
   * Put Block List with `If-None-Match: *`: the blob appears whole or not at all. `exists` when a blob of
   * this name is already committed (perhaps by an earlier attempt whose answer was lost); `missing` when
   * storage does not have one of the blocks.
   */
  commitBlocks(
    container: ContainerName,
    name: BlobName,
    blockIds: readonly string[],
    metadata: Readonly<Record<string, string>>,
  ): Promise<'committed' | 'exists' | 'missing'>;

  /** Put Blob with `If-None-Match: *` and Content-MD5; at most 5,000 MiB, meant for small ones. */
  putBlob(
    container: ContainerName,
    name: BlobName,
    bytes: Uint8Array,
    metadata: Readonly<Record<string, string>>,
  ): Promise<'committed' | 'exists'>;

  /** Undefined when there is no committed blob of this name. */
  properties(container: ContainerName, name: BlobName): Promise<BlobProperties | undefined>;

  /** The whole blob, or a range of it, in memory. Undefined when there is no committed blob of this name. */
  read(
    container: ContainerName,
    name: BlobName,
    range?: ByteRange,
  ): Promise<Uint8Array | undefined>;

  /**
   * The blob's bytes as they arrive, for hashing or serving; a broken connection is resumed at the offset
   * reached, pinned to the ETag of the first answer. Undefined when there is no committed blob.
   */
  stream(
    container: ContainerName,
    name: BlobName,
    range?: ByteRange,
  ): Promise<AsyncIterable<Uint8Array> | undefined>;

  /**
   * A URL with which anyone may read this one blob (`sr=b&sp=r`, `rsct=application/octet-stream`), valid
   * from five minutes ago for `sasTtlSeconds` from now. `publicBase` replaces storage's own address,
   * for a local storage that clients reach by another one.
   */
  signedReadUrl(
    container: ContainerName,
    name: BlobName,
    options: { readonly sasTtlSeconds: number; readonly publicBase?: string },
  ): Promise<string>;
}
