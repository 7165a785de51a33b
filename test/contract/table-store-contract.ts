import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type {
  Operation,
  RowProperties,
  ScannedRow,
  ScannableTableStore,
} from '../../shared/ports/table-store.ts';

/**
 * What every TableStore promises. `connect` gives one on an account whose tables may not exist yet.
 */
export function tableStoreContract(connect: () => Promise<ScannableTableStore>): void {
  let store: ScannableTableStore;
  beforeAll(async () => {
    store = await connect();
  });

  const newPartition = () => `team,a.app-${randomUUID()}`;
  const insert = (rowKey: string, properties: RowProperties = {}): Operation => ({
    kind: 'insert',
    rowKey,
    properties,
  });
  const etagOf = async (partition: string, rowKey: string) =>
    (await store.get('repo', partition, rowKey))?.etag ?? 'no such row';
  const keysOf = async (partition: string) =>
    (await store.list('repo', partition, { from: '', before: '~', select: [] })).map(
      ({ rowKey }) => rowKey,
    );

  describe('rows', () => {
    it('come back with every type of property, and nothing else', async () => {
      const partition = newPartition();
      const properties = {
        text: 'naïve " \\ \n \u2028 <tag> 100%25 \u{1f6a2}',
        empty: '',
        digits: '007',
        size: 4_294_967_296 * 1000,
        zero: 0,
        negative: -1,
        flag: false,
        created: new Date('2026-11-24T12:34:56.789Z'),
        bytes: Uint8Array.from({ length: 256 }, (_, index) => index),
      };
      await store.commit('repo', partition, [insert('m:sha256:00', properties)]);
      await store.commit('repo', partition, [insert('m:1', properties), insert('m:2', {})]);
      expect((await store.get('repo', partition, 'm:sha256:00'))?.properties).toEqual(properties);
      expect((await store.get('repo', partition, 'm:1'))?.properties).toEqual(properties);
      expect((await store.get('repo', partition, 'm:2'))?.properties).toEqual({});
      const listed = await store.list('repo', partition, { from: 'm:', before: 'm;' });
      expect(listed.map((row) => row.properties)).toEqual([properties, {}, properties]);
    });

    it('hold 60 KiB of bytes', async () => {
      const partition = newPartition();
      const bytes = new Uint8Array(60 * 1024).fill(0xff);
      await store.commit('repo', partition, [insert('a', { bytes }), insert('b')]);
      expect((await store.get('repo', partition, 'a'))?.properties).toEqual({ bytes });
    });

    it('have keys of every character that ours are made of', async () => {
      const partition = 'team,x_y.app-1';
      const rowKey = `p:sha512:${'a'.repeat(128)}:sha512:${'b'.repeat(128)},v1.0_-~!Z'`;
      await store.commit('repo', partition, [{ kind: 'upsert', rowKey, properties: { n: 1 } }]);
      await store.commit('repo', partition, [
        { kind: 'merge', rowKey, etag: '*', properties: { o: 2 } },
        { kind: 'upsert', rowKey: 'other', properties: {} },
      ]);
      const row = await store.get('repo', partition, rowKey);
      expect(row).toMatchObject({ rowKey, properties: { n: 1, o: 2 } });
    });

    it('are as old as storage says', async () => {
      const partition = newPartition();
      await store.commit('repo', partition, [insert('a')]);
      const young = await store.get('repo', partition, 'a');
      expect(young?.ageMs).toBeGreaterThanOrEqual(0);
      expect(young?.ageMs).toBeLessThan(1500);
      await new Promise((resolve) => setTimeout(resolve, 2100));
      const [older] = await store.list('repo', partition, { from: 'a', before: 'b', select: [] });
      expect(older?.ageMs).toBeGreaterThan(1000);
      expect(older?.ageMs).toBeLessThan(5000);
    });

    it('that do not exist are undefined', async () => {
      expect(await store.get('repo', newPartition(), 'a')).toBeUndefined();
    });

    it('refuse a number that is not a safe integer and a name that is reserved', async () => {
      const commit = (properties: RowProperties) =>
        store.commit('repo', newPartition(), [insert('a', properties)]);
      await expect(commit({ half: 0.5 })).rejects.toThrow(RangeError);
      await expect(commit({ w: 'mine' })).rejects.toThrow(TypeError);
    });
  });

  describe.each([
    { form: 'one operation', beside: [] },
    { form: 'a batch', beside: [insert('z:beside'), insert('z:last')] },
  ])('$form', ({ beside }) => {
    const commit = (partition: string, operation: Operation) =>
      store.commit('repo', partition, [operation, ...beside]);
    const withRow = async (properties: RowProperties = { old: 1 }) => {
      const partition = newPartition();
      await store.commit('repo', partition, [insert('row', properties)]);
      return { partition, etag: await etagOf(partition, 'row') };
    };
    const properties = { new: 2 };
    const failed = { ok: false, index: 0 };

    it('inserts, and gives the ETag that a read gives', async () => {
      const partition = newPartition();
      const outcome = await commit(partition, insert('row', properties));
      expect(outcome).toEqual({
        ok: true,
        etags: await Promise.all(
          ['row', ...beside.map(({ rowKey }) => rowKey)].map((key) => etagOf(partition, key)),
        ),
      });
    });

    it('does not insert a row that exists', async () => {
      const { partition } = await withRow();
      const outcome = await commit(partition, insert('row', properties));
      expect(outcome).toEqual({ ...failed, reason: 'exists' });
      expect(await keysOf(partition)).toEqual(['row']);
    });

    it('replaces under the ETag read, and drops the old properties', async () => {
      const { partition, etag } = await withRow();
      const outcome = await commit(partition, { kind: 'replace', rowKey: 'row', etag, properties });
      const row = await store.get('repo', partition, 'row');
      expect(row?.properties).toEqual(properties);
      expect(outcome.ok && outcome.etags[0]).toBe(row?.etag);
      expect(row?.etag).not.toBe(etag);
    });

    it('merges, and keeps the old properties', async () => {
      const { partition, etag } = await withRow();
      const outcome = await commit(partition, { kind: 'merge', rowKey: 'row', etag, properties });
      const row = await store.get('repo', partition, 'row');
      expect(row?.properties).toEqual({ old: 1, new: 2 });
      expect(outcome.ok && outcome.etags[0]).toBe(row?.etag);
    });

    it('an empty merge touches the row: another ETag, the same properties', async () => {
      const { partition, etag } = await withRow();
      await commit(partition, { kind: 'merge', rowKey: 'row', etag: '*', properties: {} });
      const row = await store.get('repo', partition, 'row');
      expect(row?.properties).toEqual({ old: 1 });
      expect(row?.etag).not.toBe(etag);
    });

    it('are scanned over a range of partitions, in order, or as many as wanted', async () => {
      const prefix = newPartition();
      for (const name of ['a', 'b', 'c', 'd']) {
        const rows = ['1', '2'].map((rowKey) => insert(rowKey, { of: name }));
        await store.commit('data', `${prefix}-${name}`, rows);
      }
      const range = { after: `${prefix}-a`, upTo: `${prefix}-c` };
      const keys = (rows: readonly ScannedRow[]) =>
        rows.map(({ partitionKey, rowKey }) => partitionKey.slice(-1) + rowKey);
      const scanned = await store.scan('data', range);
      expect(keys(scanned)).toEqual(['b1', 'b2', 'c1', 'c2']);
      expect(scanned[0]?.properties).toEqual({ of: 'b' });
      expect(keys(await store.scan('data', { ...range, limit: 3 }))).toEqual(['b1', 'b2', 'c1']);
    });

    it('merges into what is there, or inserts', async () => {
      const partition = newPartition();
      const kind = 'merge-or-insert';
      const merge = (properties: RowProperties) =>
        commit(partition, { kind, rowKey: 'a', properties });
      expect(await merge({ a: 1 })).toMatchObject({ ok: true });
      const first = await store.get('repo', partition, 'a');
      expect(first?.properties).toEqual({ a: 1 });
      await store.commit('repo', partition, [
        { kind, rowKey: 'a', properties: { b: 2 } },
        { kind, rowKey: 'b', properties: {} },
      ]);
      const last = await store.get('repo', partition, 'a');
      expect(last?.properties).toEqual({ a: 1, b: 2 });
      expect(last?.etag).not.toBe(first?.etag);
      expect(await store.get('repo', partition, 'b')).toBeDefined();
    });

    it('upserts whatever is there', async () => {
      const { partition } = await withRow();
      await commit(partition, { kind: 'upsert', rowKey: 'row', properties });
      expect((await store.get('repo', partition, 'row'))?.properties).toEqual(properties);
      const fresh = newPartition();
      await commit(fresh, { kind: 'upsert', rowKey: 'row', properties });
      expect((await store.get('repo', fresh, 'row'))?.properties).toEqual(properties);
    });

    it('deletes under the ETag read', async () => {
      const { partition, etag } = await withRow();
      const outcome = await commit(partition, { kind: 'delete', rowKey: 'row', etag });
      expect(outcome.ok && outcome.etags[0]).toBe('');
      expect(await store.get('repo', partition, 'row')).toBeUndefined();
    });

    it.each(['replace', 'merge', 'delete'] as const)(
      '%s of a row that changed meanwhile does nothing',
      async (kind) => {
        const { partition, etag } = await withRow();
        await store.commit('repo', partition, [
          { kind: 'merge', rowKey: 'row', etag: '*', properties: {} },
        ]);
        const outcome = await commit(partition, { kind, rowKey: 'row', etag, properties });
        expect(outcome).toEqual({ ...failed, reason: 'changed' });
        expect((await store.get('repo', partition, 'row'))?.properties).toEqual({ old: 1 });
        expect(await keysOf(partition)).toEqual(['row']);
      },
    );

    it.each(['replace', 'merge', 'delete'] as const)(
      '%s of a row that is missing does nothing, under an ETag or *',
      async (kind) => {
        const { partition, etag } = await withRow();
        await store.commit('repo', partition, [{ kind: 'delete', rowKey: 'row', etag: '*' }]);
        for (const condition of ['*', etag]) {
          const operation = { kind, rowKey: 'row', etag: condition, properties };
          expect(await commit(partition, operation)).toEqual({ ...failed, reason: 'missing' });
        }
        expect(await keysOf(partition)).toEqual([]);
      },
    );
  });

  describe('a transaction', () => {
    it('names the first operation that could not be done, and undoes the ones before it', async () => {
      const partition = newPartition();
      await store.commit('repo', partition, [insert('b:there'), insert('u:session')]);
      const etag = await etagOf(partition, 'u:session');
      const outcome = await store.commit('repo', partition, [
        { kind: 'delete', rowKey: 'u:session', etag },
        { kind: 'merge', rowKey: 'b:there', etag: '*', properties: { touched: true } },
        { kind: 'merge', rowKey: 'b:gone', etag: '*', properties: {} },
        insert('m:new'),
        insert('b:there2'),
      ]);
      expect(outcome).toEqual({ ok: false, index: 2, reason: 'missing' });
      expect(await keysOf(partition)).toEqual(['b:there', 'u:session']);
      expect(await etagOf(partition, 'u:session')).toBe(etag);
    });

    it('does a hundred operations of every kind at once', async () => {
      const partition = newPartition();
      const keys = Array.from({ length: 100 }, (_, index) => `k${String(index).padStart(2, '0')}`);
      const first = await store.commit(
        'repo',
        partition,
        keys.map((key) => insert(key, { size: 1 })),
      );
      const etags = first.ok ? first.etags : [];
      const kinds = ['replace', 'merge', 'delete'] as const;
      const second = await store.commit(
        'repo',
        partition,
        keys.map((rowKey, index) => ({
          kind: kinds[index % 3] ?? 'delete',
          rowKey,
          etag: etags[index] ?? '',
          properties: { changed: true },
        })),
      );
      expect(second.ok).toBe(true);
      const rows = await store.list('repo', partition, { from: '', before: '~' });
      expect(rows).toHaveLength(67);
      expect(rows.slice(0, 2).map(({ properties }) => properties)).toEqual([
        { changed: true },
        { size: 1, changed: true },
      ]);
      expect(second.ok && second.etags[0]).toBe(rows[0]?.etag);
    });

    it('one of many that race for a row wins', async () => {
      const partition = newPartition();
      await store.commit('repo', partition, [insert('n:intent')]);
      const etag = await etagOf(partition, 'n:intent');
      const outcomes = await Promise.all(
        Array.from({ length: 8 }, (_, racer) =>
          store.commit('repo', partition, [
            { kind: 'delete', rowKey: 'n:intent', etag },
            insert(`b:${racer}`),
          ]),
        ),
      );
      expect(outcomes.filter(({ ok }) => ok)).toHaveLength(1);
      expect(await keysOf(partition)).toEqual([`b:${outcomes.findIndex(({ ok }) => ok)}`]);
    });
  });

  describe('a range', () => {
    const keys = ['0', 'A', 'B', 'Z', '_x', 'a', 'a-b', 'a.b', 'a0', 'a_b', 'aa'];
    const partition = newPartition();
    beforeAll(async () => {
      await store.commit(
        'repo',
        partition,
        keys.toReversed().map((key) => insert(key, { a: 1, b: 'two' })),
      );
      await store.commit('repo', `${partition}x`, [insert('a')]);
    });

    it('is in ordinal order, of its partition only', async () => {
      expect(await keysOf(partition)).toEqual(keys);
    });

    it('begins with its first key and ends before its last', async () => {
      const rows = await store.list('repo', partition, { from: 'B', before: 'a.b' });
      expect(rows.map(({ rowKey }) => rowKey)).toEqual(['B', 'Z', '_x', 'a', 'a-b']);
      expect(rows[0]?.etag).toBe(await etagOf(partition, 'B'));
    });

    it('has no more rows than its limit', async () => {
      const listed = (limit: number) =>
        store.list('repo', partition, { from: 'B', before: '~', limit });
      expect((await listed(2)).map(({ rowKey }) => rowKey)).toEqual(['B', 'Z']);
      expect(await listed(0)).toEqual([]);
    });

    it('has the properties selected, and always key, ETag and age', async () => {
      const [row] = await store.list('repo', partition, { from: 'a', before: 'a-', select: ['b'] });
      expect(row).toMatchObject({ rowKey: 'a', properties: { b: 'two' } });
      expect(row?.etag).toBe(await etagOf(partition, 'a'));
      const [bare] = await store.list('repo', partition, { from: 'a', before: 'a-', select: [] });
      expect(bare?.properties).toEqual({});
    });

    it('is empty where there is nothing', async () => {
      expect(await store.list('repo', newPartition(), { from: '', before: '~' })).toEqual([]);
    });

    it('of more than a page is whole', async () => {
      const large = newPartition();
      const names = Array.from(
        { length: 1100 },
        (_, index) => `t:${String(index).padStart(4, '0')}`,
      );
      for (let start = 0; start < names.length; start += 100) {
        await store.commit(
          'repo',
          large,
          names.slice(start, start + 100).map((key) => insert(key)),
        );
      }
      expect(await keysOf(large)).toEqual(names);
      const rows = await store.list('repo', large, { from: '', before: '~', limit: 1050 });
      expect(rows).toHaveLength(1050);
    });
  });

  it('creates a table that is missing when it is first used', async () => {
    expect(await store.get('keys', 'k', 'a')).toBeUndefined();
    expect(await store.list('catalog', 'c', { from: '', before: '~' })).toEqual([]);
    const outcome = await store.commit('data', newPartition(), [insert('l'), insert('h:team')]);
    expect(outcome.ok).toBe(true);
    const missing = await store.commit('digests', newPartition(), [
      { kind: 'merge', rowKey: 'x', etag: '*', properties: {} },
    ]);
    expect(missing).toEqual({ ok: false, index: 0, reason: 'missing' });
  });
}
