import { Unavailable } from './unavailable.ts';

/**
 * The tables of the storage protocol (docs/storage.md), plus `keys` for what signs and hashes,
 * `settings` for the policy and the repository tokens, and `usage` for what repositories hold and
 * when it was last pulled.
 */
export const tableNames = [
  'repo',
  'data',
  'digests',
  'catalog',
  'keys',
  'settings',
  'usage',
] as const;
export type TableName = (typeof tableNames)[number];

/**
 * Integers are stored as Edm.Int64 and must be safe integers; bytes as Edm.Binary, at most 64 KiB.
 * The name `w` is taken by the nonce of rule R4, which readers do not see.
 */
export type RowValue = string | number | boolean | Date | Uint8Array;
export type RowProperties = Readonly<Record<string, RowValue>>;

export interface Row {
  readonly rowKey: string;
  /** Opaque; changes with every write of the row and never comes back. */
  readonly etag: string;
  /**
   * Age of the last write in milliseconds, by storage's own clock (`Date` minus `Timestamp`), never
   * ours.
   */
  readonly ageMs: number;
  readonly properties: RowProperties;
}

/**
 * One operation of a transaction. `etag` is the value a row had when it was read, or `*` for "the
 * row exists". `replace` and `delete` with a stale ETag, `insert` of an existing row, `merge`,
 * `replace` or `delete` of a missing one make the whole transaction fail. `upsert` replaces or
 * inserts, `merge-or-insert` merges or inserts, and neither ever fails.
 */
export type Operation =
  | {
      readonly kind: 'insert' | 'upsert' | 'merge-or-insert';
      readonly rowKey: string;
      readonly properties: RowProperties;
    }
  | {
      readonly kind: 'replace' | 'merge';
      readonly rowKey: string;
      readonly etag: string;
      readonly properties: RowProperties;
    }
  | { readonly kind: 'delete'; readonly rowKey: string; readonly etag: string };

export type CommitOutcome =
  | {
      readonly ok: true;
      /** The new ETag of each operation's row, in order; an empty string for a delete. */
      readonly etags: readonly string[];
    }
  | {
      readonly ok: false;
      /** The first operation that could not be done; storage names only one. */
      readonly index: number;
      readonly reason: 'exists' | 'missing' | 'changed';
    };

/** A row of any partition. */
export interface ScannedRow extends Row {
  readonly partitionKey: string;
}

export interface PartitionRange {
  /** Exclusive. */
  readonly after: string;
  /** Inclusive. */
  readonly upTo: string;
  /** The most rows wanted; all of the range when left out. */
  readonly limit?: number;
}

export interface RowRange {
  /** Inclusive. */
  readonly from: string;
  /** Exclusive. */
  readonly before: string;
  /** The most rows wanted; all of the range when left out. */
  readonly limit?: number;
  /**
   * Only these properties are fetched; all when left out. An empty array fetches the keys alone.
   */
  readonly select?: readonly string[];
}

/**
 * Table Storage as the protocol needs it. Every method throws {@link StorageUnavailable} when
 * storage throttles, fails or does not answer within the adapter's bounded retries, and for nothing
 * else.
 */
export interface TableStore {
  /** One point read of the primary; undefined when the row does not exist. */
  get(table: TableName, partitionKey: string, rowKey: string): Promise<Row | undefined>;

  /**
   * Rows of one partition in ordinal order of their keys. Follows continuation tokens until the
   * range or the limit is exhausted: a short answer means there are no more rows, even where
   * storage returned an empty page on the way.
   */
  list(table: TableName, partitionKey: string, range: RowRange): Promise<Row[]>;

  /**
   * Does all operations or none (entity group transaction; at most 100 operations, 4 MiB, each row
   * once). A single operation is sent without a batch. Every row written carries a nonce `w` of
   * this call; after a time-out, a reset or a 5xx the call is repeated, and a conflict met then is
   * believed only after the rows were read back and found not to be its own (rule R4). Of such a
   * call that turns out to have been done, a row that somebody else has written since gets an ETag
   * that no longer matches; and a call of deletes alone, which leaves no nonce, counts as done when
   * all of its rows are gone, whoever did it.
   */
  commit(
    table: TableName,
    partitionKey: string,
    operations: readonly Operation[],
  ): Promise<CommitOutcome>;
}

/** A table store whose tables can be read as a whole. */
export interface ScannableTableStore extends TableStore {
  /**
   * Rows of a range of partitions, in ordinal order of partition and row key. Reads as much of the
   * table as there is in the range, at a request for 1,000 rows: for audits, not for requests.
   */
  scan(table: TableName, range: PartitionRange): Promise<ScannedRow[]>;
}

/** Storage could not be asked. Nothing is known about whether a write happened. */
export class StorageUnavailable extends Unavailable {
  override readonly name = 'StorageUnavailable';
  /** Storage's word for it when it denied access (`AuthorizationPermissionMismatch`). */
  readonly denied: string | undefined;

  constructor(
    message: string,
    options: { cause?: unknown; retryAfterSeconds?: number; denied?: string } = {},
  ) {
    super(message, { retryAfterSeconds: 1, ...options });
    this.denied = options.denied;
  }
}
