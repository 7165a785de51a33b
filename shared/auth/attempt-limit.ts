import { LRUCache } from 'lru-cache';
import type { Clock } from '../ports/clock.ts';

/** How often somebody may fail: `burst` times at once, then once every `refillMs`. */
export interface AttemptRate {
  readonly burst: number;
  readonly refillMs: number;
}

const maxNames = 10_000;

/**
 * Counts failures by name (generic cell rate algorithm). An attempt is counted before its outcome
 * is known, so that many at once are no way around it, and taken back when it was no failure. Kept
 * by one instance: several allow as many times more.
 */
export class AttemptLimit {
  readonly #rate: AttemptRate;
  readonly #clock: Clock;
  /** When the last counted attempt will have been paid for, by name, in milliseconds. */
  readonly #paidAtMs = new LRUCache<string, number>({ max: maxNames });

  constructor(rate: AttemptRate, clock: Clock) {
    this.#rate = rate;
    this.#clock = clock;
  }

  /** Counts an attempt and returns 0, or returns the milliseconds until one is allowed. */
  take(name: string): number {
    const nowMs = this.#clock.now().getTime();
    const { burst, refillMs } = this.#rate;
    const paidAtMs = Math.max(this.#paidAtMs.get(name) ?? 0, nowMs) + refillMs;
    const waitMs = paidAtMs - burst * refillMs - nowMs;
    if (waitMs > 0) return waitMs;
    this.#paidAtMs.set(name, paidAtMs);
    return 0;
  }

  giveBack(name: string): void {
    const paidAtMs = this.#paidAtMs.get(name);
    if (paidAtMs !== undefined) this.#paidAtMs.set(name, paidAtMs - this.#rate.refillMs);
  }
}
