/** Wall time. Decides when to look at something, never whether it is safe to delete it. */
export interface Clock {
  now(): Date;
}

export const systemClock: Clock = { now: () => new Date() };
