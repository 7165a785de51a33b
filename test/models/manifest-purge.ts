/** The sweep of `z:m`: how a manifest that is not live goes, with its holds on its children. */
import { end, type Program, type Step } from './program.ts';
import { asEtag, merge, remove, replace, upsert } from './world.ts';

/**
 * The sweep of `z:m`: what is half written (to which `pending` looks abandoned), deleted and due, or
 * already `purging` goes, child by child, in transactions that assert `m`.
 */
export const purge: Program = {
  start: 'Get m',
  steps: {
    'Get m': (world, memory) => {
      memory['m'] = world.etag('m');
      const state = world.property('m', 'state');
      if (state === undefined) return end('nothing there');
      if (state === 'live') return end('in use');
      return state === 'purging' ? dropStep(1) : 'EGT{Replace m purging If-Match}';
    },
    'EGT{Replace m purging If-Match}': fence(dropStep(1)),
    [dropStep(1)]: drop(1, dropStep(2)),
    [dropStep(2)]: drop(2, 'EGT{Delete m If-Match, Delete z:m}'),
    'EGT{Delete m If-Match, Delete z:m}': (world, { m }) => {
      world.commit(remove('m', asEtag(m)), remove('z:m', '*'));
      return end('done');
    },
  },
};

const removeStep = 'EGT{Delete m If-Match, Delete p1, Delete p2, Insert z:b1, Insert z:b2}';

/** The same of a manifest that fits one transaction; what does not go so goes child by child. */
export const purgeAtOnce: Program = {
  ...purge,
  steps: {
    ...purge.steps,
    'Get m': (world, memory) => {
      memory['m'] = world.etag('m');
      memory['z'] = world.etag('z:m');
      const state = world.property('m', 'state');
      if (state === undefined) return 'Delete z:m If-Match';
      if (state === 'live') return end('in use');
      return state === 'purging' ? removeStep : 'EGT{Replace m purging If-Match}';
    },
    'EGT{Replace m purging If-Match}': fence(removeStep),
    [removeStep]: (world, { m }) => {
      const done = world.commit(
        remove('m', asEtag(m)),
        remove('p1', '*'),
        remove('p2', '*'),
        upsert('z:b1'),
        upsert('z:b2'),
      );
      return done ? 'Delete z:m If-Match' : dropStep(1);
    },
    'Delete z:m If-Match': (world, { z }) => {
      if (z !== undefined) world.commit(remove('z:m', asEtag(z)));
      return end('done');
    },
  },
};

/** Nobody who has read `m` before can make it live any more. */
function fence(next: string): Step {
  return (world, memory) => {
    const done = world.commit(replace('m', asEtag(memory['m']), { state: 'purging' }));
    memory['m'] = world.etag('m');
    return done ? next : end('conflict, later');
  };
}

function dropStep(child: 1 | 2): string {
  return `EGT{Merge m If-Match, Delete p${child}, Insert z:b${child}}`;
}

function drop(child: 1 | 2, next: string): Step {
  return (world, memory) => {
    const hold = `p${child}`;
    const done = world.commit(
      merge('m', asEtag(memory['m'])),
      ...(world.has(hold) ? [remove(hold, '*')] : []),
      upsert(`z:b${child}`),
    );
    memory['m'] = world.etag('m');
    return done ? next : end('conflict, later');
  };
}
