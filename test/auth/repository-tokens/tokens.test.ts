import { beforeEach, describe, expect, test } from 'vitest';
import { type PutToken, RepositoryTokens } from '../../../shared/auth/repository-tokens.ts';
import { systemClock } from '../../../shared/ports/clock.ts';
import type { TableStore } from '../../../shared/ports/table-store.ts';
import { counted, movableClock } from '../registry-tables.ts';
import { testTables } from '../test-tables.ts';
import { clearSettings } from './settings.ts';

const tables = testTables();
let tokens: RepositoryTokens;

beforeEach(async () => {
  await clearSettings(tables);
  tokens = new RepositoryTokens(tables, systemClock);
});

const builds = { scopeMap: 'builds', enabled: true };

async function put(...given: Parameters<RepositoryTokens['put']>): Promise<PutToken> {
  const outcome = await tokens.put(...given);
  if (outcome === 'changed-meanwhile') throw new Error(outcome);
  return outcome;
}

async function generate(name = 'ci', on = tokens): Promise<string> {
  await on.put(name, builds);
  const password = await on.generatePassword(name, 'password1');
  if (password === undefined) throw new Error('there is no such token');
  return password;
}

describe('a repository token', () => {
  test('is made without a password, found whatever the case of its name, and listed', async () => {
    const { token: made, created } = await put('CI-Build', builds);
    expect(created).toBe(true);
    expect(made).toEqual({
      name: 'CI-Build',
      ...builds,
      passwords: [],
      createdAt: expect.any(Date),
      etag: expect.stringMatching(/./),
    });
    await tokens.put('another', builds);
    expect(await tokens.get('ci-BUILD')).toEqual(made);
    expect((await tokens.list()).map(({ name }) => name)).toEqual(['another', 'CI-Build']);
    expect(await tokens.get('nobody')).toBeUndefined();
  });

  test('keeps its passwords and the writing of its name when it is changed', async () => {
    const password = await generate('CI');
    const changed = await tokens.put('ci', { scopeMap: 'other', enabled: true });
    expect(changed).toMatchObject({
      created: false,
      token: { name: 'CI', scopeMap: 'other', passwords: [{}] },
    });
    expect(await tokens.signIn('ci', password)).toBe(true);
  });

  test('is written only under the condition that was given', async () => {
    const { token: made } = await put('ci', builds, { ifNoneMatch: '*' });
    expect(await tokens.put('ci', builds, { ifNoneMatch: '*' })).toBe('changed-meanwhile');
    const changed = await tokens.put('ci', { ...builds, enabled: false }, { ifMatch: made.etag });
    expect(changed).toMatchObject({ token: { enabled: false } });
    expect(await tokens.put('ci', builds, { ifMatch: made.etag })).toBe('changed-meanwhile');
    expect(await tokens.put('nobody', builds, { ifMatch: made.etag })).toBe('changed-meanwhile');
    expect(await tokens.delete('ci', made.etag)).toBe(false);
    expect(await tokens.get('ci')).toMatchObject({ enabled: false });
  });

  test('asks for its scope map when it gets another one, not when it is switched off', async () => {
    const asked: string[] = [];
    const set = (scopeMap: string, enabled = true) =>
      put('ci', { scopeMap, enabled }, { requireScopeMap: async () => void asked.push(scopeMap) });
    await set('builds');
    await set('BUILDS', false);
    await set('other');
    expect(asked).toEqual(['builds', 'other']);
  });

  test('does not get a scope map that somebody begins to delete once it was found', async () => {
    const other = new RepositoryTokens(tables, systemClock);
    const holders: (readonly string[])[] = [];
    let isThere = true;
    const changing = put('ci', builds, {
      async requireScopeMap() {
        if (!isThere) throw new Error('it is gone');
        isThere = false;
        holders.push(await other.holdersOf(new Set(['builds'])));
      },
    });
    await expect(changing).rejects.toThrow('it is gone');
    expect(holders).toEqual([[]]);
    expect(await tokens.list()).toEqual([]);
  });

  test('leaves nothing behind of a scope map that it did not get', async () => {
    const requireScopeMap = () => Promise.reject(new Error('there is none'));
    await expect(put('ci', builds, { requireScopeMap })).rejects.toThrow('there is none');
    expect(await tables.list('settings', 'tokens', { from: '!', before: '~' })).toEqual([]);
  });

  test('loses neither of two changes that are made at once', async () => {
    await tokens.put('ci', builds);
    const other = new RepositoryTokens(tables, systemClock);
    const [first, second] = await Promise.all([
      tokens.generatePassword('ci', 'password1'),
      other.generatePassword('ci', 'password2'),
    ]);
    const fresh = new RepositoryTokens(tables, systemClock);
    expect(await fresh.signIn('ci', first ?? '')).toBe(true);
    expect(await fresh.signIn('ci', second ?? '')).toBe(true);
  });

  test.each(['', 'a b', 'a/b', 'ä', 'admin', 'Admin', 'x'.repeat(51), crypto.randomUUID()])(
    'is not called %j',
    async (name) => {
      await expect(tokens.put(name, builds)).rejects.toThrow(RangeError);
      expect(await tokens.get(name)).toBeUndefined();
    },
  );
});

describe('a password', () => {
  test('is 256 bits behind a prefix that scanners know, and not in storage', async () => {
    const password = await generate();
    expect(password).toMatch(/^lighter_[\w-]{43}$/);
    expect(await generate()).not.toBe(password);
    const rows = await tables.list('settings', 'tokens', { from: '0', before: '{' });
    const stored = JSON.stringify(rows, (_, value: unknown) =>
      value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value,
    );
    expect(stored).not.toContain(password.slice(10, 20));
    expect(await tokens.list()).not.toHaveProperty('0.passwords.0.hash');
  });

  test('works until it is replaced, deleted, or has ended', async () => {
    const clock = movableClock();
    tokens = new RepositoryTokens(tables, clock);
    const first = await generate();
    const second = await tokens.generatePassword(
      'ci',
      'password2',
      new Date(clock.now().getTime() + 3600_000),
    );
    if (second === undefined) throw new Error('there is no such token');
    expect(await tokens.signIn('CI', first)).toBe(true);
    expect(await tokens.signIn('ci', second)).toBe(true);
    clock.advance(3600);
    expect(await tokens.signIn('ci', second)).toBe(false);

    const replaced = await tokens.generatePassword('ci', 'password1');
    expect(await tokens.signIn('ci', first)).toBe(false);
    expect(await tokens.signIn('ci', replaced ?? '')).toBe(true);
    expect(await tokens.deletePassword('ci', 'password1')).toBe(true);
    expect(await tokens.signIn('ci', replaced ?? '')).toBe(false);
  });

  test('is not for another token, nor for one that does not exist', async () => {
    const password = await generate('one');
    await generate('two');
    expect(await tokens.signIn('two', password)).toBe(false);
    expect(await tokens.signIn('three', password)).toBe(false);
    expect(await tokens.generatePassword('three', 'password1')).toBeUndefined();
    expect(await tokens.deletePassword('three', 'password1')).toBe(false);
  });

  test('does not come back with a token of the same name', async () => {
    const password = await generate();
    expect(await tokens.delete('ci')).toBe(true);
    expect(await tokens.delete('ci')).toBe(false);
    await tokens.put('ci', builds);
    expect(await tokens.signIn('ci', password)).toBe(false);
  });

  test('is hashed under one key, whichever instance makes it first', async () => {
    for (const { rowKey } of await tables.list('keys', 'token-passwords', {
      from: '0',
      before: ':',
    })) {
      await tables.commit('keys', 'token-passwords', [{ kind: 'delete', rowKey, etag: '*' }]);
    }
    const instances = Array.from({ length: 5 }, () => new RepositoryTokens(tables, systemClock));
    const passwords = await Promise.all(
      instances.map((instance, index) => generate(`t${index}`, instance)),
    );
    for (const [index, password] of passwords.entries()) {
      expect(await tokens.signIn(`t${index}`, password)).toBe(true);
    }
  });
});

test('an instance that found no key takes that of another which made one meanwhile', async () => {
  const range = { from: '0', before: ':' };
  for (const { rowKey } of await tables.list('keys', 'token-passwords', range)) {
    await tables.commit('keys', 'token-passwords', [{ kind: 'delete', rowKey, etag: '*' }]);
  }
  let first = '';
  const slow: TableStore = {
    list: (...given) => tables.list(...given),
    commit: (...given) => tables.commit(...given),
    async get(...given) {
      const row = await tables.get(...given);
      if (given[0] === 'keys' && row === undefined) first = await generate('one');
      return row;
    },
  };
  const second = await generate('two', new RepositoryTokens(slow, systemClock));
  const fresh = new RepositoryTokens(tables, systemClock);
  expect(await fresh.signIn('one', first)).toBe(true);
  expect(await fresh.signIn('two', second)).toBe(true);
});

test('a hash that is put into the row of another token opens nothing', async () => {
  const password = await generate('one');
  await generate('two');
  const [one] = await tables.list('settings', 'tokens', { from: 'one', before: 'onf' });
  if (one === undefined) throw new Error('there is no such row');
  const properties = { ...one.properties, name: 'two' };
  await tables.commit('settings', 'tokens', [{ kind: 'upsert', rowKey: 'two', properties }]);
  const fresh = new RepositoryTokens(tables, systemClock);
  expect(await fresh.signIn('one', password)).toBe(true);
  expect(await fresh.signIn('two', password)).toBe(false);
});

describe('a warm instance', () => {
  test('asks storage nothing about a token it has just seen', async () => {
    const password = await generate();
    const counting = counted(tables);
    const instance = new RepositoryTokens(counting, systemClock);
    expect(await instance.signIn('ci', password)).toBe(true);
    // The key, the token, and the note of its use.
    expect(counting.asked).toEqual(['get', 'get', 'commit']);
    for (let again = 0; again < 5; again += 1) await instance.signIn('ci', password);
    await instance.current('ci');
    expect(counting.asked).toHaveLength(3);
  });
});
