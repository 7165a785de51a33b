import { LRUCache } from 'lru-cache';
import type { Attributes } from './rows/attributes.ts';
import { FreshFlight } from './fresh-flight.ts';
import type { BlobLink, StoredManifest, TagRow, UploadSession } from './rows/row-types.ts';
import { PullSampler } from './usage/pull-sampler.ts';
import { seconds as defaultSeconds, type Seconds } from './settings.ts';

export interface CachedManifest {
  readonly manifest: StoredManifest;
  /** When storage last said that the manifest is there, in ms of the process's clock. */
  readonly confirmedAtMs: number;
}

/**
 * What an instance remembers between requests. Keys are `partition key, row key` joined by a space.
 */
export interface Caches {
  /**
   * Bytes are immutable, so an entry is right for ever; whether it still exists is asked elsewhere.
   */
  readonly manifests: LRUCache<string, CachedManifest>;
  /** Younger than the hour that given-up bytes still lie in storage. */
  readonly blobLinks: LRUCache<string, BlobLink>;
  /** A hint that saves a read; every use ends in a write under the session's ETag. */
  readonly uploads: LRUCache<string, UploadSession>;
  /** How many direct uploads each principal has open in a repository, roughly. */
  readonly directUploads: LRUCache<string, number>;
  /** How much each principal had in `staging` when it was looked at last. */
  readonly stagedBytes: LRUCache<string, Promise<number>>;
  /** Repositories whose catalogue row this instance has seen; true when seen visible. */
  readonly catalogued: LRUCache<string, boolean>;
  /** The last answer of each tag, for when storage throttles. */
  readonly tags: LRUCache<string, TagRow>;
  readonly tagReads: FreshFlight<TagRow | undefined>;
  readonly repositoryAttributes: KnownAttributes;
  /** Pulls that are not written yet. */
  readonly pulls: PullSampler;
  /** Repositories whose tags are all in the order of time. */
  readonly tagsInOrder: LRUCache<string, true>;
  /** When the last complete backup began, in ms of the process's clock. */
  readonly lastBackupBegun: LRUCache<string, number>;
}

/** What an instance knows of the attributes of repositories, by partition key. */
export interface KnownAttributes {
  known: ReadonlyMap<string, Attributes> | undefined;
  /** In ms of the process's clock. */
  freshUntilMs: number;
  /** A read of storage that is under way. */
  loading: Promise<ReadonlyMap<string, Attributes>> | undefined;
}

export function createCaches(seconds: Seconds = defaultSeconds): Caches {
  return {
    manifests: new LRUCache({
      maxSize: 64 * 1024 * 1024,
      sizeCalculation: ({ manifest }) => manifest.bytes.byteLength + 512,
    }),
    blobLinks: new LRUCache({ max: 20_000, ttl: seconds.blobLinkCache * 1000 }),
    uploads: new LRUCache({ max: 1000, ttl: 10 * 60 * 1000 }),
    directUploads: new LRUCache({ max: 10_000, ttl: 60 * 1000 }),
    stagedBytes: new LRUCache({ max: 10_000, ttl: 60 * 1000 }),
    catalogued: new LRUCache({ max: 10_000, ttl: seconds.catalogSeen * 1000 }),
    tags: new LRUCache({ max: 10_000, ttl: seconds.staleTag * 1000 }),
    tagReads: new FreshFlight(),
    repositoryAttributes: { known: undefined, freshUntilMs: 0, loading: undefined },
    pulls: new PullSampler(),
    tagsInOrder: new LRUCache({ max: 10_000, ttl: seconds.catalogSeen * 1000 }),
    lastBackupBegun: new LRUCache({ max: 1, ttl: 60 * 1000 }),
  };
}

export function cacheKey(partition: string, rowKey: string): string {
  return `${partition} ${rowKey}`;
}
