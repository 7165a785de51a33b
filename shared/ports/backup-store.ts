/** A page of the paths of files. */
export interface BackupPage {
  readonly paths: readonly string[];
  /** Undefined on the last page. */
  readonly next: string | undefined;
}

/**
 * The files of backups: container `backups`, which no client's URL ever leads to. Files are small
 * (some MiB) and held in memory whole. Every method throws StorageUnavailable (table-store.ts) when
 * storage throttles, fails or does not answer within the adapter's bounded retries.
 */
export interface BackupStore {
  /** Put Blob with `If-None-Match: *`, and Content-MD5. `exists` when the path is taken. */
  write(path: string, bytes: Uint8Array): Promise<'written' | 'exists'>;

  /** The whole file. Undefined when there is none of this path. */
  read(path: string): Promise<Uint8Array | undefined>;

  /** Paths in ordinal order, those that begin with `prefix`; `after` is the last page's `next`. */
  list(prefix: string, after: string | undefined): Promise<BackupPage>;

  /** Deletes a file. Nothing there is as good as deleted. */
  delete(path: string): Promise<void>;
}
