import { expect, it } from 'vitest';
import { explore } from './engine.ts';
import { end, type Program } from './program.ts';
import { asEtag, insert, merge, remove, replace, upsert, World } from './world.ts';

const holds = () => undefined;

/** Adds one to a counter, as who reads it first and then writes it. */
const increment = (conditional: boolean): Program => ({
  start: 'Get counter',
  steps: {
    'Get counter': (world, memory) => {
      memory['counter'] = world.etag('counter');
      memory['value'] = world.property('counter', 'value');
      return 'Replace counter';
    },
    'Replace counter': (world, { counter, value }) => {
      const etag = conditional ? asEtag(counter) : '*';
      const done = world.commit(replace('counter', etag, { value: Number(value) + 1 }));
      return done ? end('added') : 'Get counter';
    },
  },
});

/** And then says so, by taking its row away. */
function incrementOnce(name: string, conditional: boolean): Program {
  const { start, steps } = increment(conditional);
  return {
    start,
    steps: {
      ...steps,
      'Replace counter': (world, memory) => {
        const next = steps['Replace counter']?.(world, memory) ?? '';
        if (next === end('added')) world.erase(`z:${name}`);
        return next;
      },
    },
  };
}

const counting = (conditional: boolean) =>
  explore({
    start: { counter: { value: 0 }, 'z:A': {}, 'z:B': {} },
    actors: { A: incrementOnce('A', conditional), B: incrementOnce('B', conditional) },
    invariant: (world) =>
      !world.anyUnder('z:') && world.property('counter', 'value') !== 2
        ? 'lost an update'
        : undefined,
  });

it('finds an update that is lost between two requests, and tells how', () => {
  const { counterexample } = counting(false);
  expect(counterexample?.problem).toBe('lost an update');
  expect(counterexample?.trace).toHaveLength(4);
  expect(counting(true).counterexample).toBeUndefined();
});

it('does all operations of a transaction or none', () => {
  const world = new World(new Map(), 0);
  expect(world.commit(insert('a'), insert('b'))).toBe(true);
  expect(world.commit(remove('a', '*'), insert('b'))).toBe(false);
  expect(world.commit(remove('a', '*'), merge('c', '*'))).toBe(false);
  expect([world.has('a'), world.has('b')]).toEqual([true, true]);
});

it('knows ETags: each write makes a new one, and a stale one matches nothing', () => {
  const world = new World(new Map(), 0);
  world.commit(insert('a', { kept: 1 }));
  const first = world.etag('a');
  expect(world.commit(merge('a', '*', { other: 2 }))).toBe(true);
  expect(world.property('a', 'kept')).toBe(1);
  for (const stale of [replace('a', first), merge('a', first), remove('a', first)]) {
    expect(world.commit(stale)).toBe(false);
  }
  expect(world.commit(upsert('a'))).toBe(true);
  expect(world.property('a', 'kept')).toBeUndefined();
});

it('delivers a write again after others were done, unless its condition forbids it', () => {
  const writes = (conditional: boolean): Program => ({
    start: 'write',
    steps: {
      write: (world) => {
        world.commit(conditional ? replace('row', world.etag('row')) : upsert('row'));
        return 'erase';
      },
      erase: (world) => {
        world.erase('not yet');
        world.erase('row');
        return end('erased');
      },
    },
  });
  const problems = [true, false].map((conditional) =>
    explore({
      start: { row: {}, 'not yet': {} },
      actors: { A: writes(conditional) },
      duplicates: 1,
      invariant: (world) => (!world.has('not yet') && world.has('row') ? 'came back' : undefined),
    }),
  );
  expect(problems.map(({ counterexample }) => counterexample?.problem)).toEqual([
    undefined,
    'came back',
  ]);
});

it('asks at every moment what is left when all die there and one sweep runs', () => {
  const program: Program = {
    start: 'first',
    steps: {
      first: (world) => {
        world.commit(insert('garbage'));
        return 'second';
      },
      second: (world) => {
        world.commit(insert('work'));
        return end('done');
      },
    },
  };
  const { counterexample } = explore({
    start: {},
    actors: { A: program },
    invariant: holds,
    afterwards: {
      sweep: (world) => {
        if (world.has('work')) world.erase('garbage');
      },
      clean: (world) => (world.has('garbage') ? 'garbage is left' : undefined),
    },
  });
  expect(counterexample).toEqual({ problem: 'garbage is left', trace: ['A: first → second'] });
});

it('refuses a step that does not exist, and more states than it may have', () => {
  const typo: Program = { start: 'no such step', steps: {} };
  const impossible = { start: {}, actors: { A: typo }, invariant: holds };
  expect(() => explore(impossible)).toThrow('no such step');
  const endless: Program = {
    start: 'count',
    steps: {
      count: (_, memory) => {
        memory['count'] = Number(memory['count'] ?? 0) + 1;
        return 'count';
      },
    },
  };
  const counting = { start: {}, actors: { A: endless }, invariant: holds };
  expect(() => explore(counting, 100)).toThrow('more than 100 states');
});
