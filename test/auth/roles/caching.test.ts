import { afterEach, describe, expect, test, vi } from 'vitest';
import { RoleCache, type RoleCaching } from '../../../shared/auth/role-cache.ts';
import { RolesUnavailable } from '../../../shared/ports/role-assignments.ts';
import { movableClock } from '../registry-tables.ts';

const minute = 60;

/** A cache of what a function answers, which is counted. */
function cacheOf(
  answer: (objectId: string) => Promise<string> | string,
  waits: Partial<RoleCaching> = {},
) {
  const clock = movableClock();
  const ask = vi.fn(async (objectId: string) => answer(objectId));
  const caching: RoleCaching = {
    freshMs: 5 * 60_000,
    lastKnownMs: 60 * 60_000,
    patienceMs: 50,
    longestWaitMs: 200,
    retryMs: 10_000,
    ...waits,
  };
  return { ask, clock, cache: new RoleCache(ask, clock, caching) };
}

const never = () => new Promise<string>(() => undefined);

afterEach(() => void vi.restoreAllMocks());

describe('the roles of a principal', () => {
  test('are asked about once in five minutes', async () => {
    let count = 0;
    const { ask, cache, clock } = cacheOf(() => String((count += 1)));
    expect([await cache.get('a'), await cache.get('a')]).toEqual(['1', '1']);
    clock.advance(5 * minute - 1);
    expect(await cache.get('a')).toBe('1');
    clock.advance(2);
    expect(await cache.get('a')).toBe('2');
    expect(ask).toHaveBeenCalledTimes(2);
  });

  test('are asked about once by all who ask at once, each principal apart', async () => {
    const { ask, cache } = cacheOf((objectId) => `of ${objectId}`);
    const answers = await Promise.all(['a', 'b', 'a', 'a', 'b'].map((id) => cache.get(id)));
    expect(answers).toEqual(['of a', 'of b', 'of a', 'of a', 'of b']);
    expect(ask).toHaveBeenCalledTimes(2);
  });

  test('are for an hour the last known while there is no answer, and then none', async () => {
    let works = true;
    const { cache, clock } = cacheOf(() => {
      if (!works) throw new RolesUnavailable('down');
      return 'known';
    });
    await cache.get('a');
    works = false;
    for (let minutes = 6; minutes < 60; minutes += 6) {
      clock.advance(6 * minute);
      expect(await cache.get('a')).toBe('known');
    }
    clock.advance(6 * minute);
    await expect(cache.get('a')).rejects.toThrow('down');
  });

  test('that were never known are none while there is no answer', async () => {
    const { cache } = cacheOf(() => Promise.reject(new RolesUnavailable('down')));
    await expect(cache.get('a')).rejects.toThrow(RolesUnavailable);
  });

  test('that nobody had when they were asked about are an answer like any other', async () => {
    const { ask, cache } = cacheOf(() => '');
    expect([await cache.get('a'), await cache.get('a')]).toEqual(['', '']);
    expect(ask).toHaveBeenCalledTimes(1);
  });
});

describe('when the answer takes long', () => {
  test('who is known waits for a moment and goes by the last answer, and the next by the new one', async () => {
    let finish: ((value: string) => void) | undefined;
    const answers = [() => 'old', () => new Promise<string>((resolve) => (finish = resolve))];
    const { ask, cache, clock } = cacheOf(() => (answers.shift() ?? never)());
    await cache.get('a');
    clock.advance(6 * minute);
    expect(await cache.get('a')).toBe('old');
    finish?.('new');
    await vi.waitFor(async () => expect(await cache.get('a')).toBe('new'));
    expect(ask).toHaveBeenCalledTimes(2);
  });

  test('who is not known waits longer, and then hears that it takes too long', async () => {
    const { cache } = cacheOf(never);
    const before = performance.now();
    await expect(cache.get('a')).rejects.toThrow(RolesUnavailable);
    expect(performance.now() - before).toBeGreaterThan(190);
    expect(performance.now() - before).toBeLessThan(1500);
  });
});

describe('after a failure', () => {
  test('the same is not asked again for ten seconds, and who asks hears the time that is left', async () => {
    const { ask, cache, clock } = cacheOf(() => Promise.reject(new RolesUnavailable('down')));
    await expect(cache.get('a')).rejects.toThrow();
    clock.advance(4);
    await expect(cache.get('a')).rejects.toMatchObject({ retryAfterSeconds: 6 });
    expect(ask).toHaveBeenCalledTimes(1);
    clock.advance(7);
    await expect(cache.get('a')).rejects.toThrow();
    expect(ask).toHaveBeenCalledTimes(2);
  });

  test('another principal is asked about all the same', async () => {
    const { cache } = cacheOf((objectId) => {
      if (objectId === 'a') throw new RolesUnavailable('down');
      return 'fine';
    });
    await expect(cache.get('a')).rejects.toThrow();
    expect(await cache.get('b')).toBe('fine');
  });

  test('nobody is asked about while Azure throttles, for as long as it said', async () => {
    let throttles = true;
    const { ask, cache, clock } = cacheOf(() => {
      if (throttles) {
        throw new RolesUnavailable('429', { throttled: true, retryAfterSeconds: 30 });
      }
      return 'fine';
    });
    await expect(cache.get('a')).rejects.toMatchObject({ retryAfterSeconds: 30 });
    throttles = false;
    clock.advance(20);
    await expect(cache.get('b')).rejects.toMatchObject({ retryAfterSeconds: 10 });
    expect(ask).toHaveBeenCalledTimes(1);
    clock.advance(11);
    expect([await cache.get('a'), await cache.get('b')]).toEqual(['fine', 'fine']);
  });

  test('of ours the error itself is thrown, not hidden', async () => {
    const { cache } = cacheOf(() => Promise.reject(new TypeError('a mistake')));
    await expect(cache.get('a')).rejects.toThrow(TypeError);
    await expect(cache.get('a')).rejects.toThrow(TypeError);
  });
});
