import { LRUCache } from 'lru-cache';
import type { Clock } from '../ports/clock.ts';
import type { TableStore } from '../ports/table-store.ts';
import { parseTokenRow, type StoredToken } from './repository-token.ts';

export const tokenPartition = 'tokens';
const maxNames = 5_000;
/** From this age on a token is read anew behind the request that uses it. */
const refreshMs = 20_000;
/** A change is in force on every instance after so long. */
export const tokenPropagationSeconds = 60;
/** For so long what was last read holds while storage cannot be asked. */
const maxStaleMs = 15 * 60_000;
/** The least time between two reads of a token when the first failed. */
const retryMs = 2_000;

/** What storage had of a name: a token, or none. */
export interface KnownToken {
  readonly token: StoredToken | undefined;
  /** When that was asked for, by the clock, in milliseconds. */
  readonly readAtMs: number;
  /** Rises with each read begun and each write ended, of all names. */
  readonly order: number;
}

/**
 * The rows of tokens by lower-case name, as an instance remembers them. Of a name without a token
 * it remembers that just as well, and asks storage no more and no less about it.
 */
export class KnownTokens {
  readonly #tables: TableStore;
  readonly #clock: Clock;
  readonly #known = new LRUCache<string, KnownToken>({ max: maxNames });
  readonly #triedAtMs = new LRUCache<string, number>({ max: maxNames });
  readonly #refusedAtMs = new LRUCache<string, number>({ max: maxNames });
  readonly #reading = new Map<string, Promise<KnownToken>>();
  #order = 0;

  constructor(tables: TableStore, clock: Clock) {
    this.#tables = tables;
    this.#clock = clock;
  }

  /**
   * At most {@link tokenPropagationSeconds} old, or a quarter of an hour while storage cannot be
   * asked. Throws StorageUnavailable when nothing so recent is known.
   */
  async current(rowKey: string): Promise<KnownToken> {
    const known = this.#known.get(rowKey);
    const ageMs = this.#nowMs() - (known?.readAtMs ?? -Infinity);
    if (known === undefined || ageMs >= maxStaleMs) return this.read(rowKey);
    if (ageMs < refreshMs) return known;
    if (!this.#reading.has(rowKey) && this.#triedJustNow(rowKey)) return known;
    const reading = this.read(rowKey);
    if (ageMs >= tokenPropagationSeconds * 1000) return reading.catch(() => known);
    void reading.catch(() => undefined);
    return known;
  }

  /** As storage has it now; who asks while a read is under way shares it. */
  read(rowKey: string): Promise<KnownToken> {
    const underWay = this.#reading.get(rowKey);
    if (underWay !== undefined) return underWay;
    const reading = this.#readNow(rowKey).finally(() => this.#reading.delete(rowKey));
    this.#reading.set(rowKey, reading);
    return reading;
  }

  /**
   * What a refusal may be said from: read since `sinceMs`, or for another refusal within the last
   * `freshMs`. Uses of the token make no difference to whether storage is asked.
   */
  async readForRefusal(rowKey: string, sinceMs: number, freshMs: number): Promise<KnownToken> {
    const known = this.#known.get(rowKey);
    const refusedAtMs = this.#refusedAtMs.get(rowKey) ?? -Infinity;
    if (known !== undefined && known.readAtMs >= sinceMs) {
      this.#refusedAtMs.set(rowKey, known.readAtMs);
      return known;
    }
    const wasJustRead = sinceMs - refusedAtMs < freshMs;
    if (known !== undefined && known.readAtMs >= refusedAtMs && wasJustRead) return known;
    const found = await this.read(rowKey);
    this.#refusedAtMs.set(rowKey, found.readAtMs);
    return found;
  }

  /** What a write of this instance has made of it; a read that is under way comes too late. */
  written(rowKey: string, token: StoredToken | undefined): void {
    this.#reading.delete(rowKey);
    this.#known.set(rowKey, { token, readAtMs: this.#nowMs(), order: ++this.#order });
  }

  /** A write of this instance may have happened or not: the next to ask must ask storage. */
  forget(rowKey: string): void {
    this.#reading.delete(rowKey);
    this.#known.set(rowKey, { token: undefined, readAtMs: -Infinity, order: ++this.#order });
  }

  async #readNow(rowKey: string): Promise<KnownToken> {
    const order = ++this.#order;
    const readAtMs = this.#nowMs();
    this.#triedAtMs.set(rowKey, readAtMs);
    const row = await this.#tables.get('settings', tokenPartition, rowKey);
    const token = row === undefined ? undefined : parseTokenRow(row);
    const found = { token, readAtMs, order };
    if ((this.#known.get(rowKey)?.order ?? 0) < order) this.#known.set(rowKey, found);
    return found;
  }

  #triedJustNow(rowKey: string): boolean {
    return this.#nowMs() - (this.#triedAtMs.get(rowKey) ?? -Infinity) < retryMs;
  }

  #nowMs(): number {
    return this.#clock.now().getTime();
  }
}
