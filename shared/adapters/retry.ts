import { setTimeout as sleep } from 'node:timers/promises';
import { StorageUnavailable } from '../ports/table-store.ts';

export interface RetryLimits {
  readonly tries: number;
  readonly firstDelayMs: number;
  /** The longest one try may take. */
  readonly tryTimeoutMs: number;
  /** No try begins later than this after the first. */
  readonly deadlineMs: number;
}

export const storageRetryLimits: RetryLimits = {
  tries: 5,
  firstDelayMs: 50,
  tryTimeoutMs: 10_000,
  deadlineMs: 20_000,
};

/**
 * One try that storage did not decide: no answer, a reset, a time-out, 408, 429 or 5xx. Whether a
 * write happened is not known.
 */
export class Undecided extends Error {
  override readonly name = 'Undecided';
  readonly retryAfterSeconds: number | undefined;

  constructor(
    message: string,
    options: { cause?: unknown; retryAfterSeconds?: number | undefined } = {},
  ) {
    super(message, { cause: options.cause });
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

export interface Try {
  /** True once an earlier try was undecided: its write may have happened. */
  readonly repeated: boolean;
  readonly timeoutMs: number;
}

/**
 * Runs `attempt` until it is decided: at most `limits.tries` times, waiting a random part of an
 * exponentially growing delay, or as long as storage's `Retry-After` asks. Throws
 * StorageUnavailable with the last cause when it stays undecided; anything else that `attempt`
 * throws passes through.
 */
export async function retrying<T>(
  limits: RetryLimits,
  attempt: (current: Try) => Promise<T>,
): Promise<T> {
  const deadline = performance.now() + limits.deadlineMs;
  for (let done = 0; ;) {
    try {
      return await attempt({ repeated: done > 0, timeoutMs: limits.tryTimeoutMs });
    } catch (error) {
      if (!(error instanceof Undecided)) throw error;
      done += 1;
      const delayMs = delayBeforeRetry(limits, done, error.retryAfterSeconds);
      if (done === limits.tries || performance.now() + delayMs > deadline) {
        throw new StorageUnavailable(`${error.message} (${done} tries)`, {
          cause: error,
          ...(error.retryAfterSeconds !== undefined && {
            retryAfterSeconds: error.retryAfterSeconds,
          }),
        });
      }
      await sleep(delayMs);
    }
  }
}

function delayBeforeRetry(
  limits: RetryLimits,
  triesDone: number,
  retryAfterSeconds: number | undefined,
): number {
  if (retryAfterSeconds !== undefined) return retryAfterSeconds * 1000;
  const longest = limits.firstDelayMs * 2 ** (triesDone - 1);
  return longest * (0.5 + Math.random() / 2);
}

/** 501 and 505 would be answered the same way again. */
export function isUndecidedStatus(status: number): boolean {
  return status === 408 || status === 429 || (status >= 500 && status !== 501 && status !== 505);
}

/** `Retry-After` in seconds; undefined when absent or a date, which storage does not send. */
export function parseRetryAfter(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,4}$/.test(header) ? Number(header) : undefined;
}
