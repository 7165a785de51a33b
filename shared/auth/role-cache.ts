import { setTimeout as sleep } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../ports/clock.ts';
import { RolesUnavailable } from '../ports/role-assignments.ts';

/** How long an answer about a principal's roles is believed, in milliseconds. */
export interface RoleCaching {
  /** Without asking again. A role given or taken away counts after this at the latest. */
  readonly freshMs: number;
  /** While Azure does not answer, since the answer was asked for. */
  readonly lastKnownMs: number;
  /** How long a request waits for a new answer when there is an older one to go by. */
  readonly patienceMs: number;
  /** How long it waits when there is none. */
  readonly longestWaitMs: number;
  /** The least time between two questions about a principal when the first failed. */
  readonly retryMs: number;
}

export const defaultRoleCaching: RoleCaching = {
  freshMs: 5 * 60_000,
  lastKnownMs: 60 * 60_000,
  patienceMs: 1_000,
  longestWaitMs: 10_000,
  retryMs: 10_000,
};

const maxPrincipals = 5_000;

interface Answer<T> {
  readonly value: T;
  readonly askedAtMs: number;
}

interface Failure {
  readonly error: unknown;
  readonly untilMs: number;
}

interface Known<T> {
  readonly answer?: Answer<T> | undefined;
  /** Of the last question, when that came to nothing. */
  readonly failure?: Failure;
}

/**
 * The last answer about each principal. Those who ask about one at once share a question. After a
 * failure the last answer goes on counting for its time, and then, as for a principal that was
 * never asked about, the failure is the answer: nobody gets in for want of one.
 */
export class RoleCache<T> {
  readonly #ask: (objectId: string) => Promise<T>;
  readonly #clock: Clock;
  readonly #caching: RoleCaching;
  readonly #principals = new LRUCache<string, Known<T>>({ max: maxPrincipals });
  readonly #asking = new Map<string, Promise<T>>();
  /** Azure asked to be left alone. */
  #throttled: Failure | undefined;

  constructor(ask: (objectId: string) => Promise<T>, clock: Clock, caching = defaultRoleCaching) {
    this.#ask = ask;
    this.#clock = clock;
    this.#caching = caching;
  }

  /** Throws what asking threw, RolesUnavailable in the main. */
  async get(objectId: string): Promise<T> {
    const { freshMs, lastKnownMs, patienceMs, longestWaitMs } = this.#caching;
    const known = this.#principals.get(objectId)?.answer;
    const ageMs = known === undefined ? Infinity : this.#nowMs() - known.askedAtMs;
    if (known !== undefined && ageMs < freshMs) return known.value;

    const asked = this.#askOnce(objectId);
    if (known === undefined || ageMs >= lastKnownMs) {
      return within(longestWaitMs, asked, () => {
        throw new RolesUnavailable('Azure Resource Manager takes too long');
      });
    }
    const lastKnown = () => known.value;
    return within(patienceMs, asked.catch(lastKnown), lastKnown);
  }

  #askOnce(objectId: string): Promise<T> {
    const underWay = this.#asking.get(objectId);
    if (underWay !== undefined) return underWay;
    const own = this.#principals.get(objectId)?.failure;
    const failure = this.#standing(this.#throttled) ?? this.#standing(own);
    if (failure !== undefined) return Promise.reject(this.#again(failure));
    const asking = this.#askNow(objectId).finally(() => this.#asking.delete(objectId));
    this.#asking.set(objectId, asking);
    return asking;
  }

  async #askNow(objectId: string): Promise<T> {
    const askedAtMs = this.#nowMs();
    try {
      const value = await this.#ask(objectId);
      this.#principals.set(objectId, { answer: { value, askedAtMs } });
      return value;
    } catch (error) {
      this.#remember(objectId, error);
      throw error;
    }
  }

  #remember(objectId: string, error: unknown): void {
    const asked = error instanceof RolesUnavailable ? error.retryAfterSeconds * 1000 : 0;
    const failure = { error, untilMs: this.#nowMs() + Math.max(asked, this.#caching.retryMs) };
    this.#principals.set(objectId, { answer: this.#principals.get(objectId)?.answer, failure });
    if (error instanceof RolesUnavailable && error.throttled) {
      this.#throttled = { error, untilMs: this.#nowMs() + asked };
    }
  }

  #standing(failure: Failure | undefined): Failure | undefined {
    return failure !== undefined && this.#nowMs() < failure.untilMs ? failure : undefined;
  }

  /** The failure as it is to be told now, with the time that is left. */
  #again({ error, untilMs }: Failure): unknown {
    if (!(error instanceof RolesUnavailable)) return error;
    const retryAfterSeconds = Math.max(1, Math.ceil((untilMs - this.#nowMs()) / 1000));
    return new RolesUnavailable(error.message, { cause: error, retryAfterSeconds });
  }

  #nowMs(): number {
    return this.#clock.now().getTime();
  }
}

/** What the promise comes to, or, when that takes longer, what `otherwise` returns or throws. */
async function within<T>(limitMs: number, promise: Promise<T>, otherwise: () => T): Promise<T> {
  const settled = new AbortController();
  const late = sleep(limitMs, undefined, { signal: settled.signal }).then(otherwise);
  try {
    return await Promise.race([promise, late]);
  } finally {
    late.catch(() => undefined);
    promise.catch(() => undefined);
    settled.abort();
  }
}
