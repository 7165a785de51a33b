import { setTimeout as sleep } from 'node:timers/promises';
import { RegistryError } from '../errors.ts';

const maxAttempts = 40;
const maxWaitMs = 500;

/**
 * What an attempt answers when other writers changed the rows it had read: it must read them again.
 */
export const lostRace = Symbol('lost race');

/**
 * Repeats an attempt until it loses no race, waiting a random while before each repetition. Throws
 * UNAVAILABLE with Retry-After when it keeps losing; what the attempt throws passes through.
 */
export async function untilDecided<T>(attempt: () => Promise<T | typeof lostRace>): Promise<T> {
  for (let lost = 0; lost < maxAttempts; lost++) {
    const outcome = await attempt();
    if (outcome !== lostRace) return outcome;
    await sleep(Math.random() * Math.min(10 * 2 ** lost, maxWaitMs));
  }
  throw contended();
}

/** Others changed what was read, and reading it again is the client's to ask for. */
export function contended(): RegistryError {
  return new RegistryError('UNAVAILABLE', { headers: { 'Retry-After': '1' } });
}
