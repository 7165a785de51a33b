import type { Digest, DigestAlgorithm } from '../../domain/digest.ts';
import type { PhysicalName } from '../../domain/physical-name.ts';
import type { Tag } from '../../domain/reference.ts';
import type { RowProperties } from '../../ports/table-store.ts';

/** A repository's right to read a digest, and where its bytes lie (row `b`). */
export interface BlobLink {
  readonly name: PhysicalName;
  readonly sizeBytes: number;
  readonly etag: string;
  readonly ageMs: number;
  /** The upload session that made the link, when one did. */
  readonly uploadId: string | undefined;
}

/** Blocks that one request staged, in order; their ids derive from the attempt and their index. */
export interface StagedRun {
  readonly attempt: string;
  readonly count: number;
}

/** An upload in progress (row `u`): the intent that names its blob before the blob has bytes. */
export interface UploadSession {
  readonly id: string;
  readonly name: PhysicalName;
  readonly subject: string;
  /** What its bytes are hashed with as they come. */
  readonly algorithm: DigestAlgorithm;
  readonly offset: number;
  readonly runs: readonly StagedRun[];
  /** Digest of all bytes so far, when one request brought them all. */
  readonly prefixDigest: Digest | undefined;
  /**
   * Nobody may finish it any more and the sweep removes it: `discarded`, or a `duplicate`, whose
   * bytes were those of `prefixDigest` and which the repository had already.
   */
  readonly state: 'open' | 'discarded' | 'duplicate';
  readonly workKey: string;
  readonly etag: string;
}

/**
 * A manifest's life: `pending` until its last transaction, `purging` once deleted. Only `live` is
 * served.
 */
export type ManifestState = 'pending' | 'live' | 'deleted' | 'purging';

/** What the row `m` says of a manifest, apart from its bytes. */
export interface ManifestRow {
  readonly digest: Digest;
  readonly state: ManifestState;
  readonly mediaType: string;
  readonly sizeBytes: number;
  /** The bytes, while they fit the row. */
  readonly inline: Uint8Array | undefined;
  /** Where the bytes lie when they don't. */
  readonly blobName: PhysicalName | undefined;
  readonly subject: Digest | undefined;
  /** The subjects of which fallback tags say that this manifest refers to them. */
  readonly fallbackSubjects: readonly Digest[];
  readonly etag: string;
  readonly ageMs: number;
  /** All of the row, so that a replace keeps what it does not know. */
  readonly properties: RowProperties;
}

/** A live manifest with its bytes exactly as they were pushed. */
export interface StoredManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

/** Row `t`. */
export interface TagRow {
  readonly tag: Tag;
  readonly digest: Digest;
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly etag: string;
  readonly properties: RowProperties;
}
