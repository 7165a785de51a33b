/** Requests that reach storage for one thing that a client does. */
export interface StorageRequests {
  readonly table: number;
  /** Puts, copies and lists of blobs, which Azure prices as writes. */
  readonly blobWrite: number;
  readonly blobRead: number;
}

/**
 * What was counted on the wire: test/cost/storage-requests.test.ts counts it again. An image here
 * has a config and one layer of one block; further layers are counted by themselves.
 */
export const counted = {
  /** HEAD and GET of the manifest by tag, GET of the config, by an instance that knows neither. */
  pullCold: { table: 4, blobWrite: 0, blobRead: 1 },
  /** The same by an instance that has served it within a minute. */
  pullWarm: { table: 2, blobWrite: 0, blobRead: 1 },
  /** A layer of a pull, by an instance that does not know it; the client reads the bytes itself. */
  layerCold: { table: 1, blobWrite: 0, blobRead: 0 },
  /** Config, one layer and manifest into a repository that exists. */
  push: { table: 15, blobWrite: 2, blobRead: 0 },
  /** A further layer of a push. */
  layerPushed: { table: 6, blobWrite: 1, blobRead: 0 },
} as const satisfies Record<string, StorageRequests>;
