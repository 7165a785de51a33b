import { LRUCache } from 'lru-cache';
import type { Digest } from '../../domain/digest.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Operation, TableStore } from '../../ports/table-store.ts';
import { pullsPartition } from '../rows/row-keys.ts';

export interface Stores {
  readonly tables: TableStore;
  readonly clock: Clock;
}

/** Of a manifest, an instance writes a pull at most so often. */
const againAfterMs = 6 * 60 * 60 * 1000;
const flushAfterMs = 60_000;
const maxPending = 20_000;
const maxTransactionOperations = 100;

/**
 * What an instance remembers of pulls until it writes them, in batches, a minute after the first:
 * beside whatever requests there are, none of which waits for it. What it could not write it keeps
 * for the next time; what it held when it died is forgotten.
 */
export class PullSampler {
  readonly #written = new LRUCache<string, true>({ max: 50_000, ttl: againAfterMs });
  /** Times by digest by partition. */
  #pending = new Map<string, Map<Digest, Date>>();
  #count = 0;
  #timer: NodeJS.Timeout | undefined;
  #firstAtMs = 0;
  #flushing: Promise<void> | undefined;

  /** Remembers a pull. Asks storage nothing and never throws. */
  note(stores: Stores, partition: string, digest: Digest): void {
    if (this.#written.has(`${partition} ${digest}`)) return;
    const pulls = this.#pending.get(partition) ?? new Map<Digest, Date>();
    if (!pulls.has(digest)) {
      if (this.#count >= maxPending) return;
      this.#count += 1;
    }
    this.#pending.set(partition, pulls.set(digest, stores.clock.now()));
    const nowMs = performance.now();
    if (this.#timer === undefined) {
      this.#firstAtMs = nowMs;
      this.#timer = setTimeout(() => void this.flush(stores), flushAfterMs).unref();
    }
    // The timers of an instance that sleeps between requests may be late.
    if (nowMs - this.#firstAtMs >= flushAfterMs) setImmediate(() => void this.flush(stores));
  }

  /** Writes what is remembered: a request for 100 manifests of a repository. Never throws. */
  async flush(stores: Stores): Promise<void> {
    this.#flushing ??= this.#flush(stores).finally(() => (this.#flushing = undefined));
    await this.#flushing;
  }

  async #flush(stores: Stores): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const pending = this.#pending;
    this.#pending = new Map();
    this.#count = 0;
    for (const [partition, pulls] of pending) {
      const all = [...pulls];
      for (let at = 0; at < all.length; at += maxTransactionOperations) {
        await this.#write(stores, partition, all.slice(at, at + maxTransactionOperations));
      }
    }
  }

  async #write(
    stores: Stores,
    partition: string,
    pulls: readonly (readonly [Digest, Date])[],
  ): Promise<void> {
    const operations = pulls.map(([rowKey, pulled]): Operation => ({
      kind: 'upsert',
      rowKey,
      properties: { pulled },
    }));
    try {
      await stores.tables.commit('usage', pullsPartition(partition), operations);
      for (const [digest] of pulls) this.#written.set(`${partition} ${digest}`, true);
    } catch {
      for (const [digest] of pulls) this.note(stores, partition, digest);
    }
  }
}
