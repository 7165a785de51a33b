/*
 * One tag and all its rows (docs/storage.md, "Tags"): whether it is immutable, and its place in the
 * order of time. A rule is in the policy from the start, but some instances do not know it yet.
 *
 * Rows of one partition: `m:<M>` (with `state`), `t` (with `digest`, `flag`, `order`), `g:<M>` (with
 * `flag`, `order`), `o:<order>`. `policy` is the policy's row, and `promised` no row at all: what a
 * client was told that pushed under the rule.
 */
import type { Actors, Model } from './engine.ts';
import { end, mayTry, type Memory, type Program } from './program.ts';
import {
  asEtag,
  insert,
  insertOrReplace,
  merge,
  type Operation,
  remove,
  replace,
  upsert,
  type World,
} from './world.ts';

export type Digest = 'M1' | 'M2';

/** What an instance knows, and what it makes of what it reads. */
interface Instance {
  /** Whether it knows the rule. */
  readonly knows: boolean;
  /** As it must not be: a flag that its rules do not explain is passed over. */
  readonly trustsMemory?: boolean;
}

/** After the rows were read: whether to ask for the policy, to refuse, or to write. */
function judged(memory: Memory, moves: boolean, { knows, trustsMemory }: Instance): string {
  memory['held'] = knows;
  if (memory['flag'] === true && !knows && trustsMemory !== true) return 'Get policy';
  return knows && moves ? end('403') : 'EGT';
}

const getPolicy = (moves: (memory: Memory) => boolean) => (world: World, memory: Memory) => {
  const held = world.property('policy', 'rule') === true;
  memory['held'] = held;
  return held && moves(memory) ? end('403') : 'EGT';
};

const movesAway = (digest: Digest) => (memory: Memory) =>
  memory['t'] !== undefined && memory['was'] !== digest;

/** PUT of a manifest under the tag, which gets a place of that name in the order of time. */
export function put(order: string, digest: Digest, instance: Instance): Program {
  return {
    start: 'Get m',
    steps: {
      'Get m': (world, memory) => {
        if (!mayTry(memory, 2)) return end('503');
        memory['m'] = world.etag(`m:${digest}`);
        memory['live'] = world.property(`m:${digest}`, 'state') === 'live';
        return 'Get t';
      },
      'Get t': (world, memory) => {
        readTag(world, memory);
        return judged(memory, movesAway(digest)(memory), instance);
      },
      'Get policy': getPolicy(movesAway(digest)),
      EGT: (world, memory) => {
        const { m, live, t, was, held } = memory;
        const done = world.commit(
          live === true
            ? merge(`m:${digest}`, asEtag(m))
            : insertOrReplace(`m:${digest}`, m, { state: 'live' }),
          insertOrReplace('t', t, { digest, order, flag: held }),
          upsert(`g:${digest}`, { order, flag: held }),
          ...(typeof was === 'string' && was !== digest ? [remove(`g:${was}`, '*')] : []),
          ...dropOrder(memory),
          insert(`o:${order}`),
          ...(held === true ? [upsert('promised', { digest })] : []),
        );
        return done ? end('201') : 'Get m';
      },
    },
  };
}

function readTag(world: World, memory: Memory): void {
  memory['t'] = world.etag('t');
  memory['was'] = world.property('t', 'digest');
  memory['flag'] = world.property('t', 'flag');
  memory['order'] = world.property('t', 'order');
}

function dropOrder({ order }: Memory): Operation[] {
  return typeof order === 'string' ? [remove(`o:${order}`, '*')] : [];
}

/** DELETE of the tag. */
export function deleteTag(instance: Instance): Program {
  return {
    start: 'Get t',
    steps: {
      'Get t': (world, memory) => {
        readTag(world, memory);
        return world.has('t') ? judged(memory, true, instance) : end('404');
      },
      'Get policy': getPolicy(() => true),
      EGT: (world, memory) =>
        world.commit(
          remove('t', asEtag(memory['t'])),
          remove(`g:${String(memory['was'])}`, '*'),
          ...dropOrder(memory),
        )
          ? end('202')
          : 'Get t',
    },
  };
}

/** DELETE by digest. `pins` is on the ETag with which the reverse row was listed. */
export function deleteManifest(
  digest: Digest,
  instance: Instance & { readonly pins?: boolean },
): Program {
  const { pins = true } = instance;
  const isTagged = (memory: Memory) => memory['g'] !== undefined;
  return {
    start: 'Get m',
    steps: {
      'Get m': (world, memory) => {
        memory['m'] = world.etag(`m:${digest}`);
        return world.property(`m:${digest}`, 'state') === 'live' ? 'List g' : end('404');
      },
      'List g': (world, memory) => {
        memory['g'] = world.etag(`g:${digest}`);
        memory['flag'] = world.property(`g:${digest}`, 'flag');
        memory['order'] = world.property(`g:${digest}`, 'order');
        return judged(memory, isTagged(memory), instance);
      },
      'Get policy': getPolicy(isTagged),
      EGT: (world, memory) =>
        world.commit(
          replace(`m:${digest}`, asEtag(memory['m']), { state: 'purging' }),
          ...(isTagged(memory)
            ? [
                remove('t', '*'),
                remove(`g:${digest}`, pins ? asEtag(memory['g']) : '*'),
                ...dropOrder(memory),
              ]
            : []),
        )
          ? end('202')
          : 'Get m',
    },
  };
}

/** The job that gives a tag of an earlier release its place in the order of time. */
export function bringInOrder(order: string): Program {
  return {
    start: 'Get t',
    steps: {
      'Get t': (world, memory) => {
        readTag(world, memory);
        return memory['t'] === undefined || memory['order'] !== undefined ? end('nothing') : 'EGT';
      },
      EGT: (world, { t, was, flag }) =>
        world.commit(
          merge('t', asEtag(t), { order }),
          upsert(`g:${String(was)}`, { order, flag }),
          insert(`o:${order}`),
        )
          ? end('done')
          : 'Get t',
    },
  };
}

/** A15: what was pushed under a rule stays. J3, J4: the rows of the tag agree. */
function invariant(world: World): string | undefined {
  const digest = world.property('t', 'digest');
  const promised = world.property('promised', 'digest');
  if (promised !== undefined && digest !== promised) {
    return `A15 ${String(promised)} was pushed under a rule, and the tag is at ${String(digest)}`;
  }
  if (digest !== undefined && world.property(`m:${String(digest)}`, 'state') !== 'live') {
    return `J3 the tag points to ${String(digest)}, which is not live`;
  }
  for (const each of ['M1', 'M2']) {
    if (world.has(`g:${each}`) !== (digest === each)) return `J3 g:${each} is not true`;
  }
  for (const name of ['order', 'flag']) {
    const [own, reverse] = [world.property('t', name), world.property(`g:${String(digest)}`, name)];
    if ((own ?? false) !== (reverse ?? false)) return `J4 the reverse row has another ${name}`;
  }
  const order = world.property('t', 'order');
  for (const each of ['A', 'B', 'C', 'J']) {
    if (world.has(`o:${each}`) !== (order === each)) return `J4 o:${each} is not true`;
  }
  return undefined;
}

const rule = { policy: { rule: true } };
const live = { state: 'live' };
const starts = {
  'nothing is there': rule,
  'M1 has the tag': {
    ...rule,
    'm:M1': live,
    'm:M2': live,
    t: { digest: 'M1', order: 'A', flag: false },
    'g:M1': { order: 'A', flag: false },
    'o:A': {},
  },
  'M1 has the tag since an earlier release': {
    ...rule,
    'm:M1': live,
    'm:M2': live,
    t: { digest: 'M1' },
    'g:M1': {},
  },
} as const;

/** That start with those who act on it. */
export function tagRows(start: keyof typeof starts, actors: Actors, duplicates = 0): Model {
  return {
    start: starts[start],
    actors,
    invariant,
    duplicates,
  };
}
