import type { BlobStore } from '../ports/blob-store.ts';
import type { Clock } from '../ports/clock.ts';
import type { TableStore } from '../ports/table-store.ts';

/** What every use case works with. */
export interface Registry {
  readonly tables: TableStore;
  readonly blobs: BlobStore;
  readonly clock: Clock;
}
