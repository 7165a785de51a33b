/** Sizes and times of the registry, in one place. */
export const limits = {
  /** OCI distribution-spec v1.1: registries should accept manifests of at least 4 MiB. */
  maxManifestBytes: 4 * 1024 * 1024,
  /**
   * What fits a table row's binary property with room to spare (64 KiB is Table Storage's limit).
   */
  maxInlineManifestBytes: 60 * 1024,
  /** Blobs up to this size the function answers itself, larger ones are a redirect. */
  maxServedBlobBytes: 64 * 1024,
  /** Suffix and multiple ranges up to this sum the function answers itself. */
  maxServedRangeBytes: 8 * 1024 * 1024,
  /**
   * A request holds one block more than are in flight. Above 4 MiB, Azure's faster path begins
   * ("High-throughput block blobs").
   */
  blockBytes: 5 * 1024 * 1024,
  blocksInFlight: 3,
  maxBlocks: 50_000,
  /** Azure's limit of a transaction. */
  maxTransactionOperations: 100,
  maxListPage: 1000,
  maxReferrersPage: 200,
  /** As many tags or manifests of a repository are put in the order of time. */
  maxSorted: 10_000,
  /** Clients accept 4 MiB of an index; the rest of it is small. */
  maxReferrersBytes: 4 * 1024 * 1024 - 1024,
  /** Of one principal, in one repository; beyond it a layer comes through the function. */
  maxOpenDirectUploads: 2000,
  /** What one principal may have in `staging`; beyond it its layers come through the function. */
  maxStagedBytes: 2 * 1024 ** 4,
  /** Azure's limit of a block, and so of a layer that a client puts into storage. */
  maxBlockBytes: 4000 * 1024 * 1024,
} as const;

const hour = 3600;

/** How long things are promised, remembered or waited for, unless a registry is told otherwise. */
export const seconds = {
  readSasTtl: 20 * 60,
  /** A layer's bytes must have begun to come this long after their upload was asked for. */
  writeSasTtl: 15 * 60,
  /** A staging blob whose layer is published is deleted once no URL to it is valid any more. */
  stagedBytes: 20 * 60,
  /** A direct upload that a request works on is taken over when this was silent for so long. */
  directClaim: 60,
  /** A request that finishes direct uploads ends in time for the platform's 230 s. */
  directWork: 180,
  /** As long does a HEAD or GET look for a blob among direct uploads. */
  directLook: 10,
  /** An upload nobody finished is looked at this long after it began. */
  uploadIdle: 24 * hour,
  /** A blob linked but not referred to is looked at this long after it was linked. */
  unreferencedBlob: 24 * hour,
  /** A blob link older than this is touched by HEAD, which promises its blob for 12 hours more. */
  touchAfter: 12 * hour,
  /** A half-written or deleted manifest, or an intent, is looked at this long after. */
  unfinishedWork: hour,
  /** A repository without a row is forgotten when nobody began to push to it for so long. */
  emptyRepository: 24 * hour,
  /** The audit judges nothing that was written since. */
  auditedAge: 48 * hour,
  /** An audit begins so long after the last one ended. */
  auditPause: 7 * 24 * hour,
  /** What a day is where the policy says how many of them something that was deleted is kept. */
  retainedDay: 24 * hour,
  /** What repositories hold is counted anew so long after the last count began. */
  usageCount: 23 * hour,
  /** Retention runs again so long after the last run began. */
  retentionPause: 23 * hour,
  catalogSeen: 10 * 60,
  blobLinkCache: 10 * 60,
  manifestCacheByDigest: 60,
  staleTag: 30,
  /** Attributes of repositories reach every instance within this time. */
  repositoryAttributes: 60,
} as const;

/**
 * The same table with other times, for tests that can't wait. `unfinishedWork` must stay above
 * `blobLinkCache` and `readSasTtl` together, `emptyRepository` above `catalogSeen`, and
 * `unreferencedBlob` above `touchAfter`: docs/storage.md, "Sweep".
 */
export type Seconds = Readonly<Record<keyof typeof seconds, number>>;
