import { beforeEach, describe, expect, test } from 'vitest';
import { parsePolicy } from '../../shared/policy/policy-document.ts';
import type { PolicyDocument } from '../../shared/policy/policy-document.ts';
import { PolicyStore, propagationSeconds } from '../../shared/policy/policy-store.ts';
import { systemClock } from '../../shared/ports/clock.ts';
import { StorageUnavailable, type TableStore } from '../../shared/ports/table-store.ts';
import { counted, movableClock } from '../auth/registry-tables.ts';
import { testTables } from '../auth/test-tables.ts';

const tables = testTables();

beforeEach(async () => {
  const row = await tables.get('settings', 'policy', 'document');
  if (row === undefined) return;
  const operation = { kind: 'delete', rowKey: 'document', etag: '*' } as const;
  await tables.commit('settings', 'policy', [operation]);
});

const open = (...anonymousPull: string[]): PolicyDocument => policyOf({ anonymousPull });

function policyOf(json: unknown): PolicyDocument {
  const parsed = parsePolicy(json);
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
  return parsed.policy;
}

describe('the policy', () => {
  test('is empty, with an ETag, until somebody writes one', async () => {
    const store = new PolicyStore(tables, systemClock);
    const { document, etag } = await store.read();
    expect(document).toEqual(policyOf({}));
    expect(etag).toMatch(/^"[\w-]{22}"$/);
    expect(await store.overwrite(open('a'))).toMatchObject({ document: open('a') });
    expect((await store.read()).document).toEqual(open('a'));
  });

  test('loses none of several changes that are made at once', async () => {
    const names = ['a', 'b', 'c', 'd'];
    await Promise.all(
      names.map((name) =>
        new PolicyStore(tables, systemClock).update(({ document }) => ({
          ...document,
          anonymousPull: [...document.anonymousPull, name],
        })),
      ),
    );
    const { document } = await new PolicyStore(tables, systemClock).read();
    expect(document.anonymousPull.toSorted()).toEqual(names);
  });

  test('that is written is in force at once here, and elsewhere after a minute at most', async () => {
    const clock = movableClock();
    const [here, elsewhere] = [new PolicyStore(tables, clock), new PolicyStore(tables, clock)];
    expect(await elsewhere.current()).toEqual(open());
    await here.overwrite(open('a'));
    expect(await here.current()).toEqual(open('a'));
    clock.advance(propagationSeconds);
    expect(await elsewhere.current()).toEqual(open('a'));
  });

  test('costs no storage operation while it is fresh', async () => {
    const counting = counted(tables);
    const store = new PolicyStore(counting, systemClock);
    await store.current();
    await store.current();
    expect(counting.asked).toEqual(['get']);
  });

  test('holds for a quarter of an hour while storage is down, then decides nothing', async () => {
    const clock = movableClock();
    let down = false;
    const get: TableStore['get'] = async (...key) => {
      if (down) throw new StorageUnavailable('down');
      return tables.get(...key);
    };
    const store = new PolicyStore({ ...tables, get }, clock);
    await store.overwrite(open('a'));
    down = true;
    clock.advance(14 * 60);
    expect(await store.current()).toEqual(open('a'));
    clock.advance(2 * 60);
    await expect(store.current()).rejects.toThrow(StorageUnavailable);
  });

  test('of a newer release, with a section unknown here, decides nothing', async () => {
    const document = new Uint8Array(Buffer.from('{"protection":[]}'));
    const operation = { kind: 'upsert', rowKey: 'document', properties: { document } } as const;
    await tables.commit('settings', 'policy', [operation]);
    const store = new PolicyStore(tables, systemClock);
    await expect(store.current()).rejects.toThrow(StorageUnavailable);
  });
});

describe('a document', () => {
  const rules = [{ repositories: ['team/*'], actions: ['content/read'] }];

  test('says everything that is wrong with it, and where', () => {
    const parsed = parsePolicy({
      anonymousPull: ['Team'],
      scopeMaps: [
        { name: 'admin', rules },
        { name: 'x', rules: [] },
      ],
      typo: 1,
    });
    const places = 'problems' in parsed ? parsed.problems.map(({ at }) => at) : [];
    expect(places).toEqual([
      '/anonymousPull/0',
      '/scopeMaps/0/name',
      '/scopeMaps/1/rules',
      '/typo',
    ]);
  });

  test('has no federation rule without a claim, with a wildcard issuer, or over http', () => {
    const rule = { name: 'ci', issuer: 'https://i.example', audience: 'me', claims: { sub: 'a' } };
    expect(parsePolicy({ federation: [{ ...rule, rules }] })).toHaveProperty('policy');
    for (const wrong of [
      { claims: {} },
      { issuer: 'https://*.example' },
      { issuer: 'http://i.example' },
      { issuer: 'https://user@i.example' },
      { issuer: 'https://i.example?x' },
      { audience: '' },
    ]) {
      expect(parsePolicy({ federation: [{ ...rule, rules, ...wrong }] })).toHaveProperty(
        'problems',
      );
    }
  });

  test('has no name twice, whatever the case', () => {
    const twice = [
      { name: 'a', rules },
      { name: 'A', rules },
    ];
    expect(parsePolicy({ scopeMaps: twice })).toHaveProperty('problems');
  });

  test('has retention, immutability, soft delete, quarantine and quotas, each of which says something', () => {
    const repositories = ['team/*'];
    const whole = {
      retention: [
        {
          name: 'ci',
          repositories,
          tags: [{ match: 'pr-\\d+', olderThanDays: 14, keepNewest: 3 }],
          untaggedAfterDays: 7,
          protect: ['v\\d+(?:\\.\\d+)'],
        },
      ],
      deleteReferrers: repositories,
      immutability: [{ repositories, tags: 'v.*' }],
      softDelete: [{ repositories, retainDays: 7 }],
      quarantine: repositories,
      quotas: [{ repositories, maxBytes: 10 }],
      backup: { keepDays: 3 },
    };
    expect(policyOf(whole)).toMatchObject(whole);
    for (const wrong of [
      { retention: [{ name: 'a', repositories }] },
      { retention: [{ name: 'a', repositories, tags: [{ match: 'x' }] }] },
      { retention: [{ name: 'a', repositories, tags: [{ match: '(a+)+', keepNewest: 1 }] }] },
      { immutability: [{ repositories: [] }] },
      { softDelete: [{ repositories, retainDays: 0 }] },
      { quotas: [{ repositories }] },
    ]) {
      expect(parsePolicy(wrong)).toHaveProperty('problems');
    }
  });
});
