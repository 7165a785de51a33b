import { LRUCache } from 'lru-cache';
import type { Clock } from '../ports/clock.ts';
import type { TableStore } from '../ports/table-store.ts';

const partition = 'token-use';
const maxNames = 5_000;
/** The least time between two writes of one instance about one token. */
const intervalMs = 10 * 60_000;

/**
 * When each token was last used, in rows of their own. Right to ten minutes: it costs a write per
 * token, instance and that time, which no sign-in waits for or fails with.
 */
export class TokenUse {
  readonly #tables: TableStore;
  readonly #clock: Clock;
  readonly #writtenAtMs = new LRUCache<string, number>({ max: maxNames });

  constructor(tables: TableStore, clock: Clock) {
    this.#tables = tables;
    this.#clock = clock;
  }

  /** Notes a use, unless one was noted just now. Returns at once and never throws. */
  note(rowKey: string): void {
    const at = this.#clock.now();
    if (at.getTime() - (this.#writtenAtMs.get(rowKey) ?? -Infinity) < intervalMs) return;
    this.#writtenAtMs.set(rowKey, at.getTime());
    const operation = { kind: 'upsert', rowKey, properties: { at } } as const;
    void this.#tables
      .commit('settings', partition, [operation])
      .catch(() => this.#writtenAtMs.delete(rowKey));
  }

  /** By lower-case name. Throws StorageUnavailable. */
  async all(): Promise<ReadonlyMap<string, Date>> {
    const rows = await this.#tables.list('settings', partition, { from: '0', before: '{' });
    return new Map(
      rows.flatMap(({ rowKey, properties: { at } }) => (at instanceof Date ? [[rowKey, at]] : [])),
    );
  }

  /** Throws StorageUnavailable. */
  async of(rowKey: string): Promise<Date | undefined> {
    const at = (await this.#tables.get('settings', partition, rowKey))?.properties['at'];
    return at instanceof Date ? at : undefined;
  }

  /** Of a token that is no more; what cannot be forgotten is older than any successor. */
  async forget(rowKey: string): Promise<void> {
    this.#writtenAtMs.delete(rowKey);
    const operation = { kind: 'delete', rowKey, etag: '*' } as const;
    await this.#tables.commit('settings', partition, [operation]).catch(() => undefined);
  }
}
