import type { Clock } from '../ports/clock.ts';

const hourMs = 3_600_000;
/** Keys are read again behind the back of who uses them when they are this old. */
const refreshMs = hourMs;
/** For so long keys verify while their owner cannot be asked: it takes leaked keys away. */
const maxAgeMs = 24 * hourMs;
/** The least time between two reads. */
const retryMs = 10_000;

/**
 * Public keys of somebody else, as they were last read. A key that is not among them makes them be
 * read again, at most every ten seconds, since their owner may replace them at any time.
 */
export class KeyCache<Keys> {
  readonly #fetchKeys: () => Promise<Keys>;
  readonly #clock: Clock;
  #keys: Keys | undefined;
  #readAtMs = -Infinity;
  #triedAtMs = -Infinity;
  #failure: unknown;
  #reading: Promise<void> | undefined;

  /** `fetchKeys` throws when the keys cannot be had. */
  constructor(fetchKeys: () => Promise<Keys>, clock: Clock) {
    this.#fetchKeys = fetchKeys;
    this.#clock = clock;
  }

  /**
   * What `pick` finds among the keys; undefined when that is nothing. Throws what reading them
   * threw when that is not known: they were never read, or too long ago, or could not be read again
   * for what was not found.
   */
  async find<Found>(pick: (keys: Keys) => Found | undefined): Promise<Found | undefined> {
    const ageMs = this.#nowMs() - this.#readAtMs;
    const known = ageMs < maxAgeMs ? this.#picked(pick) : undefined;
    if (known === undefined) {
      await this.#readAgain();
      return this.#picked(pick);
    }
    if (ageMs >= refreshMs) void this.#readAgain().catch(() => undefined);
    return known;
  }

  #picked<Found>(pick: (keys: Keys) => Found | undefined): Found | undefined {
    return this.#keys === undefined ? undefined : pick(this.#keys);
  }

  /** Reads the keys unless that was tried just now; then its outcome stands. */
  async #readAgain(): Promise<void> {
    if (this.#reading === undefined && this.#nowMs() - this.#triedAtMs < retryMs) {
      if (this.#failure !== undefined) throw this.#failure;
      return;
    }
    this.#reading ??= this.#read().finally(() => (this.#reading = undefined));
    await this.#reading;
  }

  async #read(): Promise<void> {
    this.#triedAtMs = this.#nowMs();
    try {
      this.#keys = await this.#fetchKeys();
      this.#readAtMs = this.#nowMs();
      this.#failure = undefined;
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  #nowMs(): number {
    return this.#clock.now().getTime();
  }
}
