import { setTimeout as sleep } from 'node:timers/promises';
import { describe } from './problem.ts';

const firstRetrySeconds = 5;
const lastRetrySeconds = 300;

export interface RenewalOptions {
  /** Makes a credential and puts it where it is used. @returns how long it works, in seconds. */
  readonly renew: () => Promise<number>;
  /** Called after each failure, with what was put in place last. */
  readonly onFailure: () => Promise<void>;
  /** Renewed at least this often, and never later than at half its lifetime. */
  readonly renewAfterSeconds: number;
  readonly log: (line: string) => void;
  readonly onState: (problem: string | undefined) => void;
  readonly signal: AbortSignal;
}

/**
 * Keeps a credential fresh until the signal. A failure is logged once in its own words, and again
 * when the words change; it is tried again after 5 seconds, then ever later up to 5 minutes. What
 * is measured is time passed, so the machine's clock does not matter.
 */
export async function keepFresh(options: RenewalOptions): Promise<void> {
  const { signal, log } = options;
  let failures = 0;
  let lastSaid: string | undefined;
  while (!signal.aborted) {
    let waitSeconds;
    try {
      const lifetimeSeconds = await options.renew();
      waitSeconds = Math.min(options.renewAfterSeconds, lifetimeSeconds / 2);
      if (failures > 0) log(`it works again after ${failures} failed attempts`);
      failures = 0;
      lastSaid = undefined;
      options.onState(undefined);
    } catch (error) {
      const said = describe(error);
      failures += 1;
      waitSeconds = Math.min(lastRetrySeconds, firstRetrySeconds * 2 ** (failures - 1));
      if (said !== lastSaid) log(said);
      lastSaid = said;
      options.onState(said);
      await options.onFailure();
    }
    await sleep(jittered(waitSeconds) * 1000, undefined, { signal }).catch(() => {});
  }
}

/** Up to a tenth sooner, so that the nodes of a cluster do not all come at once. */
const jittered = (seconds: number) => seconds * (1 - Math.random() / 10);
