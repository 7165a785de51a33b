/** The life of a signing key, in milliseconds of its age by storage's clock. */
export interface KeySchedule {
  /**
   * A newer key signs only from this age on, so that every instance has had the time to read it.
   */
  readonly activationMs: number;
  /** The newest key gets a successor at this age. */
  readonly rotationMs: number;
  /**
   * A key goes when its successor has been signing for this long: no token signed by it lives then.
   */
  readonly overlapMs: number;
  /**
   * An instance reads the keys again when its copy is this old. Must be well below `activationMs`.
   */
  readonly refreshMs: number;
  /** The least time between two reads that an unknown `kid` or a storage failure causes. */
  readonly retryMs: number;
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** The overlap covers the longest token (refresh, 3 h) and an hour of clocks that disagree. */
export const defaultKeySchedule: KeySchedule = {
  activationMs: 15 * minuteMs,
  rotationMs: 30 * 24 * hourMs,
  overlapMs: 4 * hourMs,
  refreshMs: 5 * minuteMs,
  retryMs: 10_000,
};

interface Dated {
  readonly createdAtMs: number;
}

/**
 * The key to sign with, of keys in ascending order of generation: the newest that is old enough to
 * be known everywhere; before any is, the first, which nobody can have missed. Undefined without
 * keys.
 */
export function signingKeyAt<K extends Dated>(
  keys: readonly K[],
  nowMs: number,
  schedule: KeySchedule,
): K | undefined {
  return keys.findLast((key) => nowMs - key.createdAtMs >= schedule.activationMs) ?? keys[0];
}

export function rotationIsDue(newest: Dated, nowMs: number, schedule: KeySchedule): boolean {
  return nowMs - newest.createdAtMs >= schedule.rotationMs;
}

/**
 * Keys, of keys in ascending order of generation, that no living token can have been signed with.
 */
export function retiredKeys<K extends Dated>(
  keys: readonly K[],
  nowMs: number,
  schedule: KeySchedule,
): K[] {
  const successorMs = schedule.activationMs + schedule.overlapMs;
  return keys.filter((_, index) => {
    const successor = keys[index + 1];
    return successor !== undefined && nowMs - successor.createdAtMs >= successorMs;
  });
}
