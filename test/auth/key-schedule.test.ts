import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  defaultKeySchedule,
  retiredKeys,
  rotationIsDue,
  signingKeyAt,
} from '../../shared/auth/key-schedule.ts';

const { activationMs, rotationMs, overlapMs, refreshMs } = defaultKeySchedule;
const longestTokenMs = 3 * 60 * 60_000;
const key = (createdAtMs: number) => ({ createdAtMs });

describe('the schedule of signing keys', () => {
  test('lets the first key of all sign at once', () => {
    const first = key(1000);
    expect(signingKeyAt([first], 1000, defaultKeySchedule)).toBe(first);
  });

  test('lets a successor sign only when every instance has had the time to read it', () => {
    const [old, fresh] = [key(0), key(rotationMs)];
    const signsAt = (ms: number) => signingKeyAt([old, fresh], ms, defaultKeySchedule);
    expect(signsAt(rotationMs + activationMs - 1)).toBe(old);
    expect(signsAt(rotationMs + activationMs)).toBe(fresh);
    expect(refreshMs * 2).toBeLessThan(activationMs);
  });

  test('has nothing to sign with without keys', () => {
    expect(signingKeyAt([], 0, defaultKeySchedule)).toBeUndefined();
  });

  test('asks for a successor at the age of rotation', () => {
    expect(rotationIsDue(key(0), rotationMs - 1, defaultKeySchedule)).toBe(false);
    expect(rotationIsDue(key(0), rotationMs, defaultKeySchedule)).toBe(true);
  });

  test('never retires the newest key, however old', () => {
    expect(retiredKeys([key(0)], 100 * rotationMs, defaultKeySchedule)).toEqual([]);
  });

  test('never retires a key that a living token can have been signed with', () => {
    const ages = fc.array(fc.integer({ min: 0, max: 3 * rotationMs }), { minLength: 1 });
    const createdAt = ages.map((list) => list.toSorted((one, other) => one - other).map(key));
    fc.assert(
      fc.property(createdAt, fc.nat(longestTokenMs), (keys, tokenAgeMs) => {
        const nowMs = 4 * rotationMs;
        const knownThen = keys.filter((each) => each.createdAtMs <= nowMs - tokenAgeMs);
        const signer = signingKeyAt(knownThen, nowMs - tokenAgeMs, defaultKeySchedule);
        expect(retiredKeys(keys, nowMs, defaultKeySchedule)).not.toContain(signer);
      }),
    );
    expect(overlapMs).toBeGreaterThan(longestTokenMs);
  });
});
