import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connectStorage, type Storage } from '../../shared/adapters/storage.ts';
import { newPhysicalName } from '../../shared/domain/physical-name.ts';
import { StorageUnavailable, type Operation } from '../../shared/ports/table-store.ts';
import { startTestAzurite, type TestAzurite } from '../harness/azurite.ts';
import { startFaultProxy, type Fault, type FaultProxy } from '../harness/fault-proxy.ts';
import { keySettings } from './key-settings.ts';

let azurite: TestAzurite;
let proxy: FaultProxy;
/** Through the proxy, patient and hasty, and directly. */
let storage: Storage;
let hasty: Storage;
let direct: Storage;

beforeAll(async () => {
  azurite = await startTestAzurite();
  proxy = await startFaultProxy(azurite);
  const settings = keySettings({ ...azurite, ...proxy });
  const limits = { tries: 4, firstDelayMs: 20, tryTimeoutMs: 8000, deadlineMs: 15_000 };
  storage = connectStorage(settings, limits);
  hasty = connectStorage(settings, { ...limits, tries: 8, tryTimeoutMs: 400 });
  direct = connectStorage(keySettings(azurite));
  await direct.prepare();
});
afterEach(() => proxy.clear());
afterAll(async () => {
  await proxy.stop();
  await azurite.stop();
});

let partitions = 0;
const newPartition = () => `team.faults-${partitions++}`;
const properties = { new: 2 };
const undecided: readonly [string, Fault][] = [
  ['its answer is lost', { kind: 'loseAnswer' }],
  ['a 503', { kind: 'status', status: 503 }],
  ['a 500', { kind: 'status', status: 500 }],
  ['a reset', { kind: 'reset' }],
];
const tooLate: Fault = { kind: 'delay', ms: 1500, at: 'after' };
const late: [string, Fault] = ['an answer that comes too late', tooLate];

/** Rows `row`, `other` and `third`, and an operation of each kind on the first. */
async function startingPoint(kind: Operation['kind']) {
  const partition = newPartition();
  const keys = kind === 'insert' ? ['other', 'third'] : ['row', 'other', 'third'];
  await direct.tables.commit(
    'repo',
    partition,
    keys.map((rowKey) => ({ kind: 'insert', rowKey, properties: { old: 1 } })),
  );
  const etag = (await direct.tables.get('repo', partition, 'row'))?.etag ?? '*';
  const operation: Operation =
    kind === 'insert' || kind === 'upsert'
      ? { kind, rowKey: 'row', properties }
      : { kind, rowKey: 'row', etag, properties };
  return { partition, operation };
}

const rowOf = (partition: string, rowKey: string) => direct.tables.get('repo', partition, rowKey);
const propertiesAfter = {
  insert: { new: 2 },
  upsert: { new: 2 },
  replace: { new: 2 },
  merge: { old: 1, new: 2 },
  delete: undefined,
} as const;
const kinds = ['insert', 'upsert', 'replace', 'merge', 'delete'] as const;

describe.each(kinds)('R4 own answer: a single %s', (kind) => {
  it.each(undecided)('comes out done after %s', async (_, fault) => {
    const { partition, operation } = await startingPoint(kind);
    proxy.inject({ on: kind, fault });
    const outcome = await storage.tables.commit('repo', partition, [operation]);
    const row = await rowOf(partition, 'row');
    expect(row?.properties).toEqual(propertiesAfter[kind]);
    expect(outcome).toEqual({ ok: true, etags: [row?.etag ?? ''] });
    expect(proxy.counts()[kind]).toBe(2);
  });

  it('is done once when it is delivered twice', async () => {
    const { partition, operation } = await startingPoint(kind);
    proxy.inject({ on: kind, fault: { kind: 'duplicate' } });
    expect((await storage.tables.commit('repo', partition, [operation])).ok).toBe(true);
    expect((await rowOf(partition, 'row'))?.properties).toEqual(propertiesAfter[kind]);
  });
});

describe.each(kinds)('R4 own answer: a transaction beginning with %s', (kind) => {
  it.each(undecided)('comes out done after %s', async (_, fault) => {
    const { partition, operation } = await startingPoint(kind);
    proxy.inject({ on: 'batch', fault });
    const outcome = await storage.tables.commit('repo', partition, [
      operation,
      { kind: 'delete', rowKey: 'other', etag: '*' },
      { kind: 'merge', rowKey: 'third', etag: '*', properties: {} },
    ]);
    const row = await rowOf(partition, 'row');
    const third = await rowOf(partition, 'third');
    expect(row?.properties).toEqual(propertiesAfter[kind]);
    expect(await rowOf(partition, 'other')).toBeUndefined();
    expect(outcome).toEqual({ ok: true, etags: [row?.etag ?? '', '', third?.etag] });
    expect(proxy.counts().batch).toBe(2);
  });
});

describe('R4 own answer', () => {
  it('of every kind of operation and transaction comes out done when it came too late', async () => {
    const starts = await Promise.all([...kinds, ...kinds].map(startingPoint));
    proxy.inject({ on: ({ kind }) => kind !== 'get', fault: tooLate, times: starts.length });
    const outcomes = await Promise.all(
      starts.map(({ partition, operation }, index) =>
        hasty.tables.commit(
          'repo',
          partition,
          index < kinds.length
            ? [operation]
            : [operation, { kind: 'delete', rowKey: 'other', etag: '*' }],
        ),
      ),
    );
    expect(outcomes.map(({ ok }) => ok)).toEqual(starts.map(() => true));
    const rows = await Promise.all(starts.map(({ partition }) => rowOf(partition, 'row')));
    expect(rows.map((row) => row?.properties)).toEqual(
      [...kinds, ...kinds].map((kind) => propertiesAfter[kind]),
    );
  });
});

describe('a request that arrives long after its repetition', () => {
  it.each(['insert', 'replace', 'merge', 'delete'] as const)(
    'changes nothing: %s',
    async (kind) => {
      const { partition, operation } = await startingPoint(kind);
      proxy.inject({ on: kind, fault: { kind: 'deliverLate', ms: 500 } });
      const outcome = await storage.tables.commit('repo', partition, [operation]);
      expect(outcome.ok).toBe(true);
      const before = await rowOf(partition, 'row');
      await new Promise((resolve) => setTimeout(resolve, 700));
      expect(await rowOf(partition, 'row')).toEqual(
        before && { ...before, ageMs: expect.any(Number) },
      );
    },
  );
});

describe('R4 own answer: what is not ours', () => {
  it.each(['status', 'reset'] as const)(
    'a conflict met after %s is believed when the rows are another’s',
    async (fault) => {
      const { partition } = await startingPoint('replace');
      proxy.inject({
        on: 'batch',
        fault: fault === 'status' ? { kind: fault, status: 503 } : { kind: fault },
      });
      const outcome = await storage.tables.commit('repo', partition, [
        { kind: 'merge', rowKey: 'other', etag: '*', properties },
        { kind: 'insert', rowKey: 'row', properties },
      ]);
      expect(outcome).toEqual({ ok: false, index: 1, reason: 'exists' });
      expect((await rowOf(partition, 'other'))?.properties).toEqual({ old: 1 });
    },
  );

  it('a conflict met without a fault costs no further request', async () => {
    const { partition } = await startingPoint('replace');
    const insert: Operation = { kind: 'insert', rowKey: 'row', properties };
    await storage.tables.commit('repo', partition, [insert]);
    expect(proxy.counts()).toEqual({ insert: 1 });
  });

  it('a row that another wrote since gets an ETag that does not match any more', async () => {
    const { partition, operation } = await startingPoint('insert');
    proxy.inject({ on: 'batch', fault: { kind: 'loseAnswer' } });
    proxy.inject({ on: 'batch', fault: { kind: 'delay', ms: 1000, at: 'before' } });
    const committing = storage.tables.commit('repo', partition, [
      operation,
      { kind: 'upsert', rowKey: 'other', properties },
    ]);
    await expect.poll(() => rowOf(partition, 'row'), { interval: 5 }).toBeDefined();
    const other: Operation = { kind: 'upsert', rowKey: 'other', properties: { theirs: true } };
    await direct.tables.commit('repo', partition, [other]);
    const outcome = await committing;
    expect(outcome.ok && outcome.etags[0]).toBe((await rowOf(partition, 'row'))?.etag);
    const etag = (outcome.ok && outcome.etags[1]) || '';
    const replace: Operation = { kind: 'replace', rowKey: 'other', etag, properties };
    expect(await direct.tables.commit('repo', partition, [replace])).toMatchObject({
      reason: 'changed',
    });
  });

  it('deletes alone count as done only when all of their rows are gone', async () => {
    const { partition } = await startingPoint('delete');
    const deletes: Operation[] = ['row', 'other'].map((rowKey) => ({
      kind: 'delete',
      rowKey,
      etag: '*',
    }));
    proxy.inject({ on: 'batch', fault: { kind: 'loseAnswer' } });
    expect(await storage.tables.commit('repo', partition, deletes)).toEqual({
      ok: true,
      etags: ['', ''],
    });
    await direct.tables.commit('repo', partition, [
      { kind: 'insert', rowKey: 'other', properties },
    ]);
    proxy.inject({ on: 'batch', fault: { kind: 'reset' } });
    expect(await storage.tables.commit('repo', partition, deletes)).toEqual({
      ok: false,
      index: 0,
      reason: 'missing',
    });
    expect(await rowOf(partition, 'other')).toBeDefined();
  });
});

describe('a storage that fails', () => {
  it.each<Fault>([{ kind: 'status', status: 503 }, { kind: 'reset' }])(
    'is given up after a few tries ($kind)',
    async (fault) => {
      const partition = newPartition();
      proxy.inject({ fault, times: 100 });
      const { tables, blobs } = storage;
      const name = newPhysicalName(new Date());
      await Promise.all([
        expect(tables.get('repo', partition, 'row')).rejects.toThrow(StorageUnavailable),
        expect(tables.list('repo', partition, { from: '', before: '~' })).rejects.toThrow(
          StorageUnavailable,
        ),
        expect(
          tables.commit('repo', partition, [{ kind: 'insert', rowKey: 'row', properties }]),
        ).rejects.toThrow(StorageUnavailable),
        expect(blobs.properties('content', name)).rejects.toThrow(StorageUnavailable),
        expect(blobs.read('content', name)).rejects.toThrow(StorageUnavailable),
        expect(blobs.putBlob('content', name, new Uint8Array(1), {})).rejects.toThrow(
          StorageUnavailable,
        ),
        expect(blobs.commitBlocks('content', name, [], {})).rejects.toThrow(StorageUnavailable),
      ]);
      expect(Object.values(proxy.counts())).toEqual([4, 4, 4, 4, 4, 4, 4]);
    },
  );

  it('is waited for as long as it asks, and its wish is passed on', async () => {
    const fault: Fault = { kind: 'status', status: 429, retryAfterSeconds: 1 };
    proxy.inject({ on: 'get', fault });
    const start = performance.now();
    expect(await storage.tables.get('repo', newPartition(), 'row')).toBeUndefined();
    expect(performance.now() - start).toBeGreaterThan(990);

    const patient: Fault = { ...fault, retryAfterSeconds: 30 };
    proxy.inject({ on: 'get', fault: patient });
    await expect(storage.tables.get('repo', newPartition(), 'row')).rejects.toMatchObject({
      name: 'StorageUnavailable',
      retryAfterSeconds: 30,
    });
  });

  it('that hangs is tried again', async () => {
    const { partition } = await startingPoint('replace');
    proxy.inject({ on: 'get', fault: { kind: 'hang' } });
    expect((await hasty.tables.get('repo', partition, 'row'))?.properties).toEqual({ old: 1 });
  });

  it('is not asked again what it refused', async () => {
    proxy.inject({ fault: { kind: 'status', status: 403 } });
    await expect(storage.tables.get('repo', newPartition(), 'row')).rejects.toThrow(
      StorageUnavailable,
    );
    expect(proxy.counts()).toEqual({ get: 1 });
  });
});

describe('A10 a list', () => {
  it('goes on behind an empty page and a short one', async () => {
    const { partition } = await startingPoint('replace');
    const list = () => storage.tables.list('repo', partition, { from: '', before: '~', limit: 3 });
    proxy.inject({ on: 'list', fault: { kind: 'emptyPage' }, times: 2 });
    expect((await list()).map(({ rowKey }) => rowKey)).toEqual(['other', 'row', 'third']);
    expect(proxy.counts().list).toBe(3);
    proxy.clear();
    proxy.inject({ on: 'list', fault: { kind: 'shortPage', rows: 1 }, times: 2 });
    expect((await list()).map(({ rowKey }) => rowKey)).toEqual(['other', 'row', 'third']);
    expect(proxy.counts().list).toBe(3);
  });
});

describe('blobs under faults', () => {
  const name = () => newPhysicalName(new Date());
  const bytes = randomBytes(300_000);

  it.each([...undecided, late])(
    'a put and a commit are never half done after %s',
    async (_, fault) => {
      const { blobs } = fault === tooLate ? hasty : storage;
      const happened = fault.kind === 'loseAnswer' || fault.kind === 'delay';
      const put = name();
      proxy.inject({ on: 'putBlob', fault });
      expect(await blobs.putBlob('content', put, bytes, { digest: 'd' })).toBe(
        happened ? 'exists' : 'committed',
      );
      const committed = name();
      for (const on of ['putBlock', 'putBlockList'] as const) proxy.inject({ on, fault });
      await blobs.stageBlock('content', committed, 'block000000000', bytes);
      expect(
        await blobs.commitBlocks('content', committed, ['block000000000'], { digest: 'd' }),
      ).toBe(happened ? 'exists' : 'committed');
      for (const each of [put, committed]) {
        expect(bytes.equals((await direct.blobs.read('content', each)) ?? bytes.subarray(1))).toBe(
          true,
        );
        expect((await direct.blobs.properties('content', each))?.metadata).toEqual({ digest: 'd' });
      }
    },
  );

  it.each(undecided)('metadata are set after %s', async (_, fault) => {
    const blob = name();
    await direct.blobs.putBlob('content', blob, bytes, {});
    const etag = (await direct.blobs.properties('content', blob))?.etag ?? '';
    proxy.inject({ on: 'setBlobMetadata', fault });
    expect(await storage.blobs.setMetadata('content', blob, etag, { digest: 'd' })).toBe('set');
  });

  it('a stream that breaks off is resumed where it was, as often as it moves on', async () => {
    const blob = name();
    await direct.blobs.putBlob('content', blob, bytes, {});
    proxy.inject({ on: 'getBlob', fault: { kind: 'truncate', bytes: 50_000 }, times: 5 });
    const read = await storage.blobs.read('content', blob);
    expect(bytes.equals(read ?? bytes.subarray(1))).toBe(true);
    const range = { first: 100_000, last: 250_000 };
    proxy.inject({ on: 'getBlob', fault: { kind: 'truncate', bytes: 70_000 }, times: 2 });
    const part = await storage.blobs.read('content', blob, range);
    expect(bytes.subarray(100_000, 250_001).equals(part ?? bytes)).toBe(true);
  });

  it('a stream that goes silent is resumed where it was', async () => {
    const blob = name();
    await direct.blobs.putBlob('content', blob, bytes, {});
    proxy.inject({ on: 'getBlob', fault: { kind: 'stall', bytes: 50_000 } });
    const read = await hasty.blobs.read('content', blob);
    expect(bytes.equals(read ?? bytes.subarray(1))).toBe(true);
    expect(proxy.counts().getBlob).toBeGreaterThan(1);
  });

  it('a stream that never moves on ends in StorageUnavailable', async () => {
    const blob = name();
    await direct.blobs.putBlob('content', blob, bytes, {});
    proxy.inject({ on: 'getBlob', fault: { kind: 'truncate', bytes: 0 }, times: 100 });
    await expect(storage.blobs.read('content', blob)).rejects.toThrow(StorageUnavailable);
  });

  it('a stream does not mix the bytes of two states of a blob', async () => {
    const blob = name();
    await direct.blobs.putBlob('content', blob, bytes, {});
    const etag = (await direct.blobs.properties('content', blob))?.etag ?? '';
    proxy.inject({ on: 'getBlob', fault: { kind: 'truncate', bytes: 50_000 } });
    const stream = await storage.blobs.stream('content', blob);
    await direct.blobs.setMetadata('content', blob, etag, { digest: 'd' });
    const readAll = async () => {
      for await (const chunk of stream ?? []) expect(chunk.byteLength).toBeGreaterThan(0);
    };
    await expect(readAll()).rejects.toThrow(StorageUnavailable);
  });
});

it('what deletes staged blocks leaves nothing behind, however late it arrives', async () => {
  const name = newPhysicalName(new Date());
  await direct.blobs.stageBlock('content', name, 'nonce000000000', Buffer.from('a'));
  proxy.inject({ on: 'putBlockList', fault: { kind: 'deliverLate', ms: 300 } });
  await storage.blobs.delete('content', name, 'staged');
  await sleep(600);
  const { blobs } = await direct.blobs.list('content', undefined);
  expect(blobs.map((blob) => blob.name)).not.toContain(name);
});
