import type { Clock } from '../ports/clock.ts';
import type { TableStore } from '../ports/table-store.ts';

/** What signing in and checking permissions works with. */
export interface Authority {
  readonly tables: TableStore;
  readonly clock: Clock;
}
