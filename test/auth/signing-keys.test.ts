import { beforeEach, describe, expect, test } from 'vitest';
import { defaultKeySchedule, type KeySchedule } from '../../shared/auth/key-schedule.ts';
import { SigningKeys } from '../../shared/auth/signing-keys.ts';
import { systemClock } from '../../shared/ports/clock.ts';
import { StorageUnavailable, type TableStore } from '../../shared/ports/table-store.ts';
import { startTestAzurite } from '../harness/azurite.ts';
import { counted, deleteSigningKeys, movableClock, tablesOf } from './registry-tables.ts';
import { testTables } from './test-tables.ts';

const tables = testTables();

beforeEach(() => deleteSigningKeys(tables));

const instance = (schedule: KeySchedule = defaultKeySchedule, store = tables) =>
  new SigningKeys(store, systemClock, schedule);

const kidsOf = async (keys: SigningKeys) => (await keys.published()).map(({ kid }) => kid);

describe('the first signing key', () => {
  test('is one and the same for instances that start together', async () => {
    const instances = Array.from({ length: 8 }, () => instance());
    const kids = await Promise.all(instances.map(async (keys) => (await keys.current()).kid));
    expect(new Set(kids).size).toBe(1);
  });

  test('is made once for requests that arrive together', async () => {
    const store = counted(tables);
    const keys = instance(defaultKeySchedule, store);
    const kids = await Promise.all(
      Array.from({ length: 20 }, async () => (await keys.current()).kid),
    );
    expect(new Set(kids).size).toBe(1);
    expect(store.asked).toEqual(['list', 'commit', 'list']);
  });

  test('is found by an instance that is asked to verify before it was ever asked to sign', async () => {
    const verifier = instance();
    expect(await verifier.verificationKey('unknown')).toBeUndefined();
    const { kid } = await instance().current();
    expect(await verifier.verificationKey(kid)).toBeDefined();
  });
});

describe('signing keys', () => {
  test('are read once and then kept', async () => {
    await instance().current();
    const store = counted(tables);
    const keys = instance(defaultKeySchedule, store);
    for (let use = 0; use < 5; use += 1) {
      const { kid } = await keys.current();
      await keys.verificationKey(kid);
    }
    expect(store.asked).toEqual(['list']);
  });

  test('are read again for a kid never seen, but not for every one', async () => {
    const clock = movableClock();
    const store = counted(tables);
    const keys = new SigningKeys(store, clock, defaultKeySchedule);
    await keys.current();
    const before = store.asked.length;
    clock.advance(60);
    for (const kid of ['a', 'b', 'c']) expect(await keys.verificationKey(kid)).toBeUndefined();
    expect(store.asked.length).toBe(before + 1);
  });

  test('that replaced deleted ones are found by their kid', async () => {
    const clock = movableClock();
    const keys = new SigningKeys(tables, clock, defaultKeySchedule);
    const leaked = await keys.current();
    await deleteSigningKeys(tables);
    const { kid } = await instance().current();
    clock.advance(60);
    expect(await keys.verificationKey(kid)).toBeDefined();
    expect(await keys.verificationKey(leaked.kid)).toBeUndefined();
  });

  test('are published without their private half', async () => {
    const [published] = await instance().published();
    expect(published).toEqual({
      kty: 'EC',
      crv: 'P-256',
      x: expect.any(String),
      y: expect.any(String),
      kid: expect.any(String),
      alg: 'ES256',
      use: 'sig',
    });
  });
});

describe('rotation', () => {
  const due: KeySchedule = { ...defaultKeySchedule, rotationMs: 0 };

  test('publishes a successor before it signs', async () => {
    const clock = movableClock();
    const timer = instance(due);
    const signer = new SigningKeys(tables, clock, { ...due, refreshMs: 24 * 3600 * 1000 });
    const old = (await timer.current()).kid;
    await timer.rotate();

    const [first, successor] = await kidsOf(signer);
    expect(first).toBe(old);
    expect(successor).toBeDefined();
    expect((await signer.current()).kid).toBe(old);
    clock.advance(due.activationMs / 1000 - 60);
    expect((await signer.current()).kid).toBe(old);
    clock.advance(120);
    expect((await signer.current()).kid).toBe(successor);
    expect(await signer.verificationKey(old)).toBeDefined();
  });

  test('reaches instances that have read the keys already', async () => {
    const clock = movableClock();
    const other = new SigningKeys(tables, clock, due);
    await other.current();
    const timer = instance(due);
    await timer.rotate();
    expect(await kidsOf(other)).toHaveLength(1);
    clock.advance(due.refreshMs / 1000);
    expect(await kidsOf(other)).toEqual(await kidsOf(timer));
  });

  test('keeps the old key while its tokens live and deletes it afterwards', async () => {
    const timer = instance(due);
    const old = (await timer.current()).kid;
    await timer.rotate();
    await instance().rotate();
    expect(await kidsOf(instance())).toContain(old);

    const muchLater: KeySchedule = { ...defaultKeySchedule, activationMs: 0, overlapMs: 0 };
    await instance(muchLater).rotate();
    const left = instance();
    expect(await kidsOf(left)).toHaveLength(1);
    expect(await left.verificationKey(old)).toBeUndefined();
  });

  test('by two timers that both found it due makes one successor', async () => {
    await instance().current();
    let waiting = 0;
    const bothWrite = Promise.withResolvers<void>();
    const store: TableStore = {
      ...tables,
      commit: async (...given) => {
        waiting += 1;
        if (waiting === 2) bothWrite.resolve();
        await bothWrite.promise;
        return tables.commit(...given);
      },
    };
    const timers = [instance(due, store), instance(due, store)];
    await Promise.all(timers.map((timer) => timer.rotate()));
    expect(waiting).toBe(2);
    expect(await kidsOf(instance())).toHaveLength(2);
  });

  test('does nothing while the newest key is young', async () => {
    const keys = instance();
    const before = await kidsOf(keys);
    await keys.rotate();
    expect(await kidsOf(keys)).toEqual(before);
  });
});

describe('while storage is down', () => {
  test('known keys go on signing and verifying, and nothing is made up for unknown ones', async () => {
    const mortal = await startTestAzurite();
    const clock = movableClock();
    const keys = new SigningKeys(tablesOf(mortal), clock, defaultKeySchedule);
    const { kid } = await keys.current();
    await mortal.kill();
    clock.advance(3600);
    expect((await keys.current()).kid).toBe(kid);
    expect(await keys.verificationKey(kid)).toBeDefined();
    clock.advance(3600);
    await expect(keys.verificationKey('unknown')).rejects.toThrow(StorageUnavailable);
  });

  test('an instance that never read the keys says so, and recovers with the next request', async () => {
    const mortal = await startTestAzurite();
    await mortal.kill();
    let reached = tablesOf(mortal);
    const store: TableStore = {
      ...reached,
      list: (...given) => reached.list(...given),
      commit: (...given) => reached.commit(...given),
    };
    const keys = instance(defaultKeySchedule, store);
    await expect(keys.current()).rejects.toThrow(StorageUnavailable);
    await expect(keys.verificationKey('any')).rejects.toThrow(StorageUnavailable);
    reached = tables;
    const { kid } = await keys.current();
    expect(await keys.verificationKey(kid)).toBeDefined();
  });
});
