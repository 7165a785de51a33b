import { beforeEach, describe, expect, test } from 'vitest';
import { tokenPropagationSeconds } from '../../../shared/auth/known-tokens.ts';
import { RepositoryTokens } from '../../../shared/auth/repository-tokens.ts';
import { StorageUnavailable, type TableStore } from '../../../shared/ports/table-store.ts';
import { counted, type MovableClock, movableClock } from '../registry-tables.ts';
import { testTables } from '../test-tables.ts';
import { clearSettings } from './settings.ts';

const tables = testTables();
let clock: MovableClock;
let here: RepositoryTokens;
let elsewhere: RepositoryTokens;

const builds = { scopeMap: 'builds', enabled: true };
const wrong = `lighter_${'A'.repeat(43)}`;

beforeEach(async () => {
  await clearSettings(tables);
  clock = movableClock();
  here = new RepositoryTokens(tables, clock);
  elsewhere = new RepositoryTokens(tables, clock);
});

async function generate(slot: 'password1' | 'password2' = 'password1'): Promise<string> {
  await here.put('ci', builds);
  return (await here.generatePassword('ci', slot)) ?? '';
}

/** The tables, that can be made to fail, or to wait. */
function faulty(): TableStore & { down: boolean; hold: Promise<void> | undefined } {
  const store = {
    down: false,
    hold: undefined as Promise<void> | undefined,
    async get(...given: Parameters<TableStore['get']>) {
      const row = await reach(() => tables.get(...given));
      await store.hold;
      return row;
    },
    list: (...given: Parameters<TableStore['list']>) => reach(() => tables.list(...given)),
    commit: (...given: Parameters<TableStore['commit']>) => reach(() => tables.commit(...given)),
  };
  const reach = async <T>(call: () => Promise<T>): Promise<T> => {
    if (store.down) throw new StorageUnavailable('down');
    return call();
  };
  return store;
}

describe('on another instance, within a minute,', () => {
  test.each<[string, () => Promise<unknown>]>([
    ['disabling', () => here.put('ci', { ...builds, enabled: false })],
    ['deleting', () => here.delete('ci')],
    ['a new password', () => here.generatePassword('ci', 'password1')],
    ['deleting the password', () => here.deletePassword('ci', 'password1')],
  ])('%s is in force', async (_what, change) => {
    const password = await generate();
    expect(await elsewhere.signIn('ci', password)).toBe(true);
    await change();
    expect(await here.signIn('ci', password)).toBe(false);
    clock.advance(tokenPropagationSeconds);
    expect(await elsewhere.signIn('ci', password)).toBe(false);
    expect(tokenPropagationSeconds).toBe(60);
  });

  test('another scope map is in force', async () => {
    await generate();
    expect(await elsewhere.current('ci')).toMatchObject({ scopeMap: 'builds' });
    await here.put('ci', { scopeMap: 'other', enabled: true });
    expect(await here.current('ci')).toMatchObject({ scopeMap: 'other' });
    clock.advance(tokenPropagationSeconds);
    expect(await elsewhere.current('ci')).toMatchObject({ scopeMap: 'other' });
  });
});

test('a password that was just made works everywhere at once, also where another was known', async () => {
  const first = await generate();
  expect(await elsewhere.signIn('ci', first)).toBe(true);
  expect(await elsewhere.signIn('ci', wrong)).toBe(false);
  clock.advance(2);
  const second = await here.generatePassword('ci', 'password2');
  expect(await elsewhere.signIn('ci', second ?? '')).toBe(true);
});

test('a token that was just made works where nobody knew of it, at most two seconds later', async () => {
  expect(await elsewhere.signIn('ci', wrong)).toBe(false);
  const password = await generate();
  clock.advance(2);
  expect(await elsewhere.signIn('ci', password)).toBe(true);
});

test('a read that was under way does not undo a change', async () => {
  const store = faulty();
  const instance = new RepositoryTokens(store, clock);
  const password = await generate();
  expect(await instance.signIn('ci', password)).toBe(true);
  clock.advance(30);
  let letGo: (() => void) | undefined;
  store.hold = new Promise((resolve) => (letGo = resolve));
  // In use, the token is read anew behind the request; that read has the old row and is slow.
  expect(await instance.signIn('ci', password)).toBe(true);
  await new Promise((resolve) => setTimeout(resolve, 100));
  const held = store.hold;
  store.hold = undefined;
  await instance.put('ci', { ...builds, enabled: false });
  letGo?.();
  await held;
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await instance.signIn('ci', password)).toBe(false);
});

describe('while storage is down', () => {
  test('known tokens work for a quarter of an hour and not longer; nothing is called wrong', async () => {
    const password = await generate();
    const store = faulty();
    const instance = new RepositoryTokens(store, clock);
    expect(await instance.signIn('ci', password)).toBe(true);
    store.down = true;
    clock.advance(14 * 60);
    expect(await instance.signIn('ci', password)).toBe(true);
    await expect(instance.signIn('ci', wrong)).rejects.toThrow(StorageUnavailable);
    await expect(instance.signIn('unknown', password)).rejects.toThrow(StorageUnavailable);
    clock.advance(2 * 60);
    await expect(instance.signIn('ci', password)).rejects.toThrow(StorageUnavailable);
    store.down = false;
    expect(await instance.signIn('ci', password)).toBe(true);
  });

  test('an instance that knows nothing lets nobody in and calls nobody wrong', async () => {
    const password = await generate();
    const store = faulty();
    store.down = true;
    const instance = new RepositoryTokens(store, clock);
    await expect(instance.signIn('ci', password)).rejects.toThrow(StorageUnavailable);
    store.down = false;
    expect(await instance.signIn('ci', password)).toBe(true);
  });

  test('questions without an answer are not counted as wrong passwords', async () => {
    const password = await generate();
    const store = faulty();
    const instance = new RepositoryTokens(store, clock);
    await instance.signIn('ci', password);
    store.down = true;
    for (let guess = 0; guess < 30; guess += 1) {
      await expect(instance.signIn('ci', wrong)).rejects.toThrow(StorageUnavailable);
    }
    store.down = false;
    expect(await instance.signIn('ci', wrong)).toBe(false);
  });

  test('a change whose outcome is not known is looked up before the token is used again', async () => {
    const password = await generate();
    const lost: TableStore = {
      get: (...given) => tables.get(...given),
      list: (...given) => tables.list(...given),
      async commit(...given) {
        await tables.commit(...given);
        throw new StorageUnavailable('the answer was lost');
      },
    };
    const instance = new RepositoryTokens(lost, clock);
    expect(await instance.signIn('ci', password)).toBe(true);
    const disabled = instance.put('ci', { ...builds, enabled: false });
    await expect(disabled).rejects.toThrow(StorageUnavailable);
    expect(await instance.signIn('ci', password)).toBe(false);
  });
});

describe('guessing', () => {
  const guess = (name = 'ci') => here.signIn(name, `lighter_${crypto.randomUUID()}0123456`);
  const outcomes = async (names: readonly string[]) =>
    (await Promise.allSettled(names.map(guess))).map((each) =>
      each.status === 'fulfilled' ? each.value : Object(each.reason).code,
    );

  test('is slowed down after ten wrong passwords, also for names that do not exist', async () => {
    await generate();
    for (const name of ['ci', 'nobody']) {
      const all = await outcomes(Array.from({ length: 30 }, () => name));
      expect(all.filter((each) => each === false)).toHaveLength(10);
      expect(all.filter((each) => each === 'TOOMANYREQUESTS')).toHaveLength(20);
    }
    await expect(guess()).rejects.toMatchObject({ headers: { 'Retry-After': '6' } });
    clock.advance(6);
    expect(await guess()).toBe(false);
    await expect(guess()).rejects.toMatchObject({ code: 'TOOMANYREQUESTS' });
  });

  test('does not keep out who has the right password, warm, cold, or after a change', async () => {
    const password = await generate();
    await outcomes(Array.from({ length: 30 }, () => 'ci'));
    expect(await here.signIn('ci', password)).toBe(true);
    const second = await generate('password2');
    expect(await here.signIn('ci', second)).toBe(true);

    here = elsewhere;
    await outcomes(Array.from({ length: 30 }, () => 'ci'));
    const owner = new RepositoryTokens(tables, clock);
    expect(await here.signIn('ci', password)).toBe(true);
    const third = await owner.generatePassword('ci', 'password1');
    // What is known here is a minute old at most, whoever asks.
    clock.advance(tokenPropagationSeconds);
    await outcomes(Array.from({ length: 30 }, () => 'ci'));
    expect(await here.signIn('ci', third ?? '')).toBe(true);
  });

  test('with what is no password of ours costs storage nothing', async () => {
    await generate();
    const counting = counted(tables);
    const instance = new RepositoryTokens(counting, clock);
    for (const junk of ['', 'x', 'lighter_', `lighter_${'A'.repeat(44)}`, 'p'.repeat(100_000)]) {
      expect(await instance.signIn('ci', junk)).toBe(false);
    }
    expect(counting.asked).toEqual([]);
  });

  test('costs storage the same for names that exist, are in use, or do not exist', async () => {
    const password = await generate();
    const asked = async (name: string, inUse: boolean): Promise<number[]> => {
      const counting = counted(tables);
      const instance = new RepositoryTokens(counting, clock);
      await instance.signIn('other', wrong);
      if (inUse) await instance.signIn(name, password);
      const counts: number[] = [];
      for (let again = 0; again < 6; again += 1) {
        const before = counting.asked.length;
        await instance.signIn(name, wrong).catch(() => undefined);
        counts.push(counting.asked.length - before);
        clock.advance(again === 2 ? 3 : 1);
      }
      return counts;
    };
    const unknown = await asked('nobody', false);
    expect(unknown[0]).toBe(1);
    expect(await asked('ci', false)).toEqual(unknown);
    expect(await asked('ci', true)).toEqual(unknown);
  });

  test('takes the same time for a name that exists and one that does not', async () => {
    await generate();
    const median = async (name: string): Promise<number> => {
      const times: number[] = [];
      for (let again = 0; again < 400; again += 1) {
        clock.advance(again % 100 === 0 ? 60 : 0);
        const startedMs = performance.now();
        await here.signIn(name, wrong).catch(() => undefined);
        times.push(performance.now() - startedMs);
      }
      return times.toSorted((one, other) => one - other)[200] ?? 0;
    };
    await median('ci');
    const [known, unknown] = [await median('ci'), await median('nobody')];
    // Coarse: it would show a read of storage, or a hash that is computed for one of them only.
    expect(Math.max(known, unknown) / Math.min(known, unknown)).toBeLessThan(3);
  });
});

describe('the time of the last use', () => {
  const lastUsedAt = async () => (await here.get('ci'))?.lastUsedAt;
  const noted = () => expect.poll(lastUsedAt).toBeDefined();

  test('is told, and changes nothing of the token', async () => {
    const password = await generate();
    const before = await here.get('ci');
    expect(before).not.toHaveProperty('lastUsedAt');
    await elsewhere.signIn('ci', wrong);
    expect(await lastUsedAt()).toBeUndefined();
    await elsewhere.signIn('ci', password);
    await noted();
    expect((await here.get('ci'))?.etag).toBe(before?.etag);
    expect((await here.list())[0]?.lastUsedAt).toEqual(await lastUsedAt());
  });

  test('is written once in ten minutes', async () => {
    const password = await generate();
    const counting = counted(tables);
    const instance = new RepositoryTokens(counting, clock);
    const commits = () => counting.asked.filter((method) => method === 'commit').length;
    for (let again = 0; again < 10; again += 1) {
      await instance.signIn('ci', password);
      clock.advance(59);
    }
    expect(commits()).toBe(1);
    clock.advance(10);
    await instance.signIn('ci', password);
    expect(commits()).toBe(2);
  });

  test('neither delays nor fails a sign-in', async () => {
    const password = await generate();
    for (const commit of [
      () => new Promise<never>(() => undefined),
      () => Promise.reject(new StorageUnavailable('down')),
    ]) {
      const store: TableStore = {
        get: (...given) => tables.get(...given),
        list: (...given) => tables.list(...given),
        commit,
      };
      expect(await new RepositoryTokens(store, clock).signIn('ci', password)).toBe(true);
    }
  });

  test('is not that of a former token of the name', async () => {
    const password = await generate();
    await elsewhere.signIn('ci', password);
    await noted();
    await here.delete('ci');
    expect(await tables.get('settings', 'token-use', 'ci')).toBeUndefined();
    // Another instance notes a use just when the token is deleted.
    const properties = { at: clock.now() };
    await tables.commit('settings', 'token-use', [{ kind: 'upsert', rowKey: 'ci', properties }]);
    clock.advance(1);
    await here.put('ci', builds);
    expect(await lastUsedAt()).toBeUndefined();
  });
});
