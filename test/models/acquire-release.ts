/*
 * A repository R acquires the blob N by a mount while sweeps and DELETE requests release it
 * (docs/storage.md, "Mount" and "Release"), and another repository R2 gives N up, too.
 *
 * Rows: `b`, `n`, `z:b`, `z:n`, `z:x` of R; `b2` of R2; `l`, `x`, `h` (R holds N), `h2` of N; and
 * `bytes`, its blob.
 */
import { type Actors, leftBehind, type Model } from './engine.ts';
import { end, mayTry, type Memory, type Program, runAlone, type Step } from './program.ts';
import { afterReads, eraseGivenUp, giveUp, giveUpStep, letGo, releaseSteps } from './release.ts';
import { asEtag, insert, merge, remove, upsert, type World } from './world.ts';

/** Who mounts has read the source's link before: that nothing holds it since is the worst case. */
export function mount(attempts: number): Program {
  return {
    start: 'Merge b *',
    steps: {
      'Merge b *': (world, memory) => {
        if (world.commit(merge('b', '*'))) return end('201');
        if (!mayTry(memory, attempts)) return end('202, upload');
        return 'EGT{Insert n, Insert z:n}';
      },
      'EGT{Insert n, Insert z:n}': (world, memory) => {
        if (!world.commit(insert('n'), upsert('z:n'))) return 'Get n';
        memory['n'] = world.etag('n');
        return 'EGT{Merge l *, Upsert h}';
      },
      'Get n': (world, memory) => {
        memory['n'] = world.etag('n');
        return world.has('n') ? 'EGT{Merge l *, Upsert h}' : 'Merge b *';
      },
      'EGT{Merge l *, Upsert h}': (world) =>
        world.commit(merge('l', '*'), upsert('h'))
          ? 'EGT{Delete n If-Match, Delete z:n, Insert b, Insert z:b}'
          : 'EGT{Delete n If-Match, Delete z:n}',
      'EGT{Delete n If-Match, Delete z:n}': (world, { n }) => {
        world.commit(remove('n', asEtag(n)), remove('z:n', '*'));
        return end('202, upload');
      },
      'EGT{Delete n If-Match, Delete z:n, Insert b, Insert z:b}': (world, { n }) =>
        world.commit(remove('n', asEtag(n)), remove('z:n', '*'), insert('b'), upsert('z:b'))
          ? end('201')
          : 'Merge b *',
    },
  };
}

/** As an earlier draft had it: the holder first, then the right, and no intent. */
export const mountWithoutIntent: Program = {
  start: 'EGT{Merge l *, Upsert h}',
  steps: {
    'EGT{Merge l *, Upsert h}': (world) =>
      world.commit(merge('l', '*'), upsert('h')) ? 'Upsert b' : end('202, upload'),
    'Upsert b': (world) => {
      world.commit(upsert('b'), upsert('z:b'));
      return end('201');
    },
  },
};

/** The order in which a release reads; all but `hnb` lose data. */
export type ReadOrder = 'hnb' | 'hbn' | 'bnh';

/**
 * The sweep of a work row of R: all of the release. The bytes go at once, where the protocol waits
 * an hour; but `x` and `z:x` stay, since no stall here is as long as that.
 */
export function release(order: ReadOrder): Program {
  return {
    start: `Get ${order[0]}`,
    steps: {
      ...reads(order, afterReads),
      ...releaseSteps('', (world) => world.has('h2')),
    },
  };
}

/** DELETE of the blob: R loses its right, the sweep does the rest. */
export const deleteBlob: Program = {
  start: 'Get h',
  steps: {
    ...reads('hnb', ({ b }) => (b === undefined ? end('404') : giveUpStep)),
    [giveUpStep]: (world, memory) => (giveUp(world, memory) ? end('202') : 'Get h'),
  },
};

/** One step for each row read, in that order, and what follows them. */
function reads(order: ReadOrder, next: (memory: Memory) => string): Record<string, Step> {
  return Object.fromEntries(
    order.split('').map((row, index): [string, Step] => [
      `Get ${row}`,
      (world, memory) => {
        memory[row] = world.etag(row);
        const following = order[index + 1];
        return following === undefined ? next(memory) : `Get ${following}`;
      },
    ]),
  );
}

/** R2 gives N up. Its intents are its own partition's and meet nobody here. */
export const otherRelease: Program = {
  start: 'EGT{Delete b2, Insert n2}',
  steps: {
    'EGT{Delete b2, Insert n2}': (world) => {
      world.commit(remove('b2', '*'), insert('n2'));
      return 'Delete h2';
    },
    'Delete h2': (world) => {
      world.erase('h2');
      return 'Get l';
    },
    ...letGo('Delete n2', (world) => world.has('h') || world.has('h2')),
    'Delete n2': (world) => {
      world.erase('n2');
      return 'Get x';
    },
    ...eraseGivenUp(),
  },
};

/** I1 to I3: who is linked holds the name, whose bytes are there. */
function invariant(world: World): string | undefined {
  for (const [link, holder] of [
    ['b', 'h'],
    ['b2', 'h2'],
  ] as const) {
    if (!world.has(link)) continue;
    if (!world.has(holder)) return `I1 ${link} without ${holder}`;
    if (!world.has('l')) return `I2 ${link} without l`;
    if (!world.has('bytes')) return `I3 ${link} without bytes`;
  }
  return undefined;
}

/** K4: nothing refers to R's blob, so the sweep of R's work rows takes it away. */
const afterwards = {
  sweep(world: World): void {
    const due = ['z:b', 'z:n', 'z:x'].some((key) => world.has(key));
    if (due) runAlone(world, release('hnb'));
    if (world.has('n2')) runAlone(world, { ...otherRelease, start: 'Delete h2' });
    if (world.has('x')) runAlone(world, { start: 'Get x', steps: eraseGivenUp() });
  },
  clean(world: World): string | undefined {
    const areHeld = world.has('h2') || !world.has('bytes');
    return leftBehind(world, ['b', 'n', 'h', ...(areHeld ? [] : ['bytes'])]);
  },
};

const starts = {
  'R has the blob': ['b', 'h', 'z:b'],
  'R2 has the blob': ['b2', 'h2'],
  'a release broke off': ['n', 'h', 'z:n'],
  'a holder row was left, which the audit found': ['h', 'z:n'],
} as const;
type Start = keyof typeof starts;
export const acquireReleaseStarts = Object.keys(starts) as Start[];

/** That start with those who act on it. */
export function acquireRelease(start: Start, actors: Actors, duplicates = 0): Model {
  const rows = [...starts[start], 'l', 'bytes'];
  return {
    start: Object.fromEntries(rows.map((key) => [key, {}])),
    actors,
    invariant,
    afterwards,
    duplicates,
  };
}
