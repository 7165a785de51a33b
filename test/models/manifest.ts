/*
 * A manifest M with two children, written in two transactions (docs/storage.md, "Manifest PUT" 3),
 * against its deletion, the sweep that purges it, restore, and releases of its children.
 *
 * Rows of one partition: `m` (with `state`), `t` (the tag), `p1`, `p2` (M names the child), `b1`,
 * `b2` (the children), `z:m`, `z:b1`, `z:b2`.
 */
import { type Actors, leftBehind, type Model } from './engine.ts';
import { purge } from './manifest-purge.ts';
import { end, mayTry, type Program, runAlone } from './program.ts';
import { asEtag, insertOrReplace, merge, remove, replace, upsert, type World } from './world.ts';

/** PUT by tag. A conflict makes it read again; the last attempt gives up. */
export function put(attempts: number): Program {
  return {
    start: 'Get m',
    steps: {
      'Get m': (world, memory) => {
        if (!mayTry(memory, attempts)) return end('503');
        memory['m'] = world.etag('m');
        return world.property('m', 'state') === 'live'
          ? 'EGT{Merge m If-Match, t}'
          : 'EGT{m pending, Insert z:m, Merge b1 *, Upsert p1}';
      },
      'EGT{Merge m If-Match, t}': (world, { m }) =>
        world.commit(merge('m', asEtag(m)), upsert('t')) ? end('201') : 'Get m',
      'EGT{m pending, Insert z:m, Merge b1 *, Upsert p1}': (world, memory) => {
        if (!world.has('b1')) return end('404 MANIFEST_BLOB_UNKNOWN');
        const claimed = world.commit(
          insertOrReplace('m', memory['m'], { state: 'pending' }),
          upsert('z:m'),
          merge('b1', '*'),
          upsert('p1'),
        );
        memory['m'] = world.etag('m');
        return claimed
          ? 'EGT{Replace m live If-Match, Delete z:m, Merge b2 *, Upsert p2, t}'
          : 'Get m';
      },
      'EGT{Replace m live If-Match, Delete z:m, Merge b2 *, Upsert p2, t}': (world, { m }) => {
        const done = world.commit(
          replace('m', asEtag(m), { state: 'live' }),
          remove('z:m', '*'),
          merge('b2', '*'),
          upsert('p2'),
          upsert('t'),
        );
        if (done) return end('201');
        return world.has('b2') ? 'Get m' : end('404 MANIFEST_BLOB_UNKNOWN');
      },
    },
  };
}

/** PUT of a manifest that fits one transaction. */
export const putAtOnce: Program = {
  start: 'Get m',
  steps: {
    'Get m': (world, memory) => {
      memory['m'] = world.etag('m');
      return world.property('m', 'state') === 'live'
        ? 'EGT{Merge m If-Match, t}'
        : 'EGT{m live, Merge b1 *, Merge b2 *, Upsert p1, Upsert p2, t}';
    },
    'EGT{Merge m If-Match, t}': (world, { m }) =>
      end(world.commit(merge('m', asEtag(m)), upsert('t')) ? '201' : '503'),
    'EGT{m live, Merge b1 *, Merge b2 *, Upsert p1, Upsert p2, t}': (world, memory) => {
      const done = world.commit(
        insertOrReplace('m', memory['m'], { state: 'live' }),
        merge('b1', '*'),
        merge('b2', '*'),
        upsert('p1'),
        upsert('p2'),
        upsert('t'),
      );
      return end(done ? '201' : '404 or 503');
    },
  },
};

/** As an earlier draft had it: several transactions, and nothing that holds them together. */
export const putWithoutPending: Program = {
  start: 'EGT{Merge b1 *, Upsert p1}',
  steps: {
    'EGT{Merge b1 *, Upsert p1}': (world) =>
      world.commit(merge('b1', '*'), upsert('p1'))
        ? 'EGT{Merge b2 *, Upsert p2, Upsert m, Upsert t}'
        : end('404'),
    'EGT{Merge b2 *, Upsert p2, Upsert m, Upsert t}': (world) => {
      const live = { state: 'live' };
      world.commit(merge('b2', '*'), upsert('p2'), upsert('m', live), upsert('t'));
      return end('201');
    },
  },
};

/** DELETE by digest; what the code does when soft delete is on is the same with `deleted`. */
export function deleteManifest(to: 'purging' | 'deleted' = 'purging'): Program {
  const step = `EGT{Replace m ${to} If-Match, Delete t, Insert z:m}`;
  return {
    start: 'Get m',
    steps: {
      'Get m': (world, memory) => {
        if (world.property('m', 'state') !== 'live') return end('404');
        memory['m'] = world.etag('m');
        return 'List g';
      },
      'List g': (world, memory) => {
        memory['tagged'] = world.has('t');
        return step;
      },
      [step]: (world, { m, tagged }) => {
        const done = world.commit(
          replace('m', asEtag(m), { state: to }),
          ...(tagged === true ? [remove('t', '*')] : []),
          upsert('z:m'),
        );
        return done ? end('202') : 'Get m';
      },
    },
  };
}

/** Makes a deleted manifest live again; its `p` rows are still there. */
export const restore: Program = {
  start: 'Get m',
  steps: {
    'Get m': (world, memory) => {
      memory['m'] = world.etag('m');
      return world.property('m', 'state') === 'deleted'
        ? 'EGT{Replace m live If-Match, Insert t}'
        : end('404');
    },
    'EGT{Replace m live If-Match, Insert t}': (world, { m }) =>
      world.commit(replace('m', asEtag(m), { state: 'live' }), upsert('t'))
        ? end('restored')
        : 'Get m',
  },
};

/** As it must not be: deleting drops the holds on the children, restoring takes them up again. */
export const deleteDroppingHolds: Program = {
  start: 'EGT{Replace m deleted, Delete t, Delete p1, Delete p2, Insert z:b1, Insert z:b2}',
  steps: {
    'EGT{Replace m deleted, Delete t, Delete p1, Delete p2, Insert z:b1, Insert z:b2}': (world) => {
      if (world.property('m', 'state') !== 'live') return end('404');
      for (const key of ['t', 'p1', 'p2']) world.erase(key);
      world.commit(replace('m', '*', { state: 'deleted' }), upsert('z:b1'), upsert('z:b2'));
      return end('202');
    },
  },
};

/** As it must not be: a hold whose manifest is absent is taken for garbage. */
export const sweepOrphanedHold: Program = {
  start: 'Get m',
  steps: {
    'Get m': (world) => (world.has('m') ? end('in use') : 'Delete p1'),
    'Delete p1': (world) => {
      world.erase('p1');
      return end('done');
    },
  },
};

/** The release of a child by the sweep of `z:b`, up to where the repository's right ends. */
export function releaseChild(child: 1 | 2): Program {
  const [link, hold, work] = [`b${child}`, `p${child}`, `z:b${child}`] as const;
  return {
    start: `Get ${link}, Get ${work}`,
    steps: {
      [`Get ${link}, Get ${work}`]: (world, memory) => {
        memory['b'] = world.etag(link);
        memory['z'] = world.etag(work);
        return world.has(link) ? `List ${hold}` : end('nothing there');
      },
      [`List ${hold}`]: (world) =>
        world.has(hold) ? `Delete ${work} If-Match` : `Delete ${link} If-Match`,
      [`Delete ${work} If-Match`]: (world, { z }) => {
        if (z !== undefined) world.commit(remove(work, asEtag(z)));
        return end('referenced');
      },
      [`Delete ${link} If-Match`]: (world, { b }) =>
        end(world.commit(remove(link, asEtag(b))) ? 'released' : 'conflict, later'),
    },
  };
}

/** DELETE of a child: refused while a manifest that is not being purged refers to it. */
export function deleteChild(child: 1 | 2): Program {
  const [link, hold] = [`b${child}`, `p${child}`] as const;
  return {
    start: `Get ${link}`,
    steps: {
      [`Get ${link}`]: (world, memory) => {
        memory['b'] = world.etag(link);
        return world.has(link) ? `List ${hold}` : end('404');
      },
      [`List ${hold}`]: (world) => (world.has(hold) ? 'Get m' : `Delete ${link} If-Match`),
      'Get m': (world) => {
        const state = world.property('m', 'state');
        return state === undefined || state === 'purging'
          ? `Delete ${link} If-Match`
          : end('405, referenced');
      },
      [`Delete ${link} If-Match`]: (world, { b }) =>
        world.commit(remove(link, asEtag(b))) ? end('202') : `Get ${link}`,
    },
  };
}

/** J1 to J3: a live manifest holds its children, which are there; a tag has a live manifest. */
function invariant(world: World): string | undefined {
  const state = world.property('m', 'state');
  for (const child of [1, 2]) {
    if (state === 'live' && !world.has(`p${child}`)) return `J1 m live without p${child}`;
    const held = state === 'live' || state === 'deleted';
    if (held && !world.has(`b${child}`)) return `J2 m ${String(state)} without b${child}`;
  }
  if (world.has('t') && state !== 'live') return `J3 t while m is ${String(state)}`;
  return undefined;
}

/** K4: what is not live is purged by its work row, and then the children go by theirs. */
const afterwards = {
  sweep(world: World): void {
    if (world.has('z:m')) runAlone(world, purge);
    for (const child of [1, 2] as const) {
      if (world.has(`z:b${child}`)) runAlone(world, releaseChild(child));
    }
  },
  clean(world: World): string | undefined {
    if (world.property('m', 'state') === 'live') return undefined;
    return leftBehind(world, ['m', 'p1', 'p2', 'b1', 'b2']);
  },
};

const children = { b1: {}, b2: {}, 'z:b1': {}, 'z:b2': {} };
const image = { b1: {}, b2: {}, p1: {}, p2: {} };
const starts = {
  'the children are there': children,
  'the image is live': { ...image, m: { state: 'live' }, t: {} },
  'the image is half purged': {
    b1: {},
    b2: {},
    p2: {},
    m: { state: 'purging' },
    'z:m': {},
    'z:b1': {},
  },
  'the image is deleted and can be restored': { ...image, m: { state: 'deleted' }, 'z:m': {} },
} as const;
type Start = keyof typeof starts;

/** That start with those who act on it. */
export function manifest(start: Start, actors: Actors, duplicates = 0): Model {
  return {
    start: starts[start],
    actors,
    invariant,
    afterwards,
    duplicates,
  };
}
