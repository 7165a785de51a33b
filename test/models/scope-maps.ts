/*
 * A repository token, which has one of two scope maps, and the policy, which has the maps
 * (docs/decisions/policy.md): tokens are given maps while maps are deleted and made again.
 *
 * Rows of one partition: `token` (with `map`), `i:<who>:<try>` (an intent, with `map`). Of another:
 * `policy` (with `a`, `b`: whether the map is there).
 */
import type { Actors, Model } from './engine.ts';
import { end, mayTry, type Memory, type Program } from './program.ts';
import { asEtag, insert, insertOrReplace, merge, remove, replace, type World } from './world.ts';

const maps = ['a', 'b'] as const;
type Map = (typeof maps)[number];

/** PUT of the token with that map. The options leave out what the code does. */
export function give(
  who: string,
  map: Map,
  { announces = true, fences = true, byEtag = true, attempts = 1 } = {},
): Program {
  const intent = ({ tried }: Memory) => `i:${who}:${Number(tried ?? 0)}`;
  const write = 'EGT{token, Delete i If-Match}';
  return {
    start: 'Get token',
    steps: {
      'Get token': (world, memory) => {
        memory['token'] = world.etag('token');
        if (world.property('token', 'map') === map) return write;
        return announces ? 'Insert i' : 'Merge policy';
      },
      'Insert i': (world, memory) => {
        world.commit(insert(intent(memory), { map }));
        memory['announced'] = true;
        memory['i'] = world.etag(intent(memory));
        return fences ? 'Merge policy' : 'Get policy';
      },
      'Merge policy': (world) => {
        world.commit(merge('policy', '*'));
        return 'Get policy';
      },
      'Get policy': (world, memory) => {
        memory['isThere'] = world.property('policy', map) === true;
        if (memory['isThere'] === true) return write;
        return memory['announced'] === true ? 'Delete i' : end('400');
      },
      [write]: (world, memory) => {
        const done = world.commit(
          insertOrReplace('token', memory['token'], { map }),
          ...(memory['announced'] === true
            ? [remove(intent(memory), byEtag ? asEtag(memory['i']) : '*')]
            : []),
        );
        if (done) return end('200');
        return memory['announced'] === true ? 'Delete i' : again(memory, attempts);
      },
      'Delete i': (world, memory) => {
        world.commit(remove(intent(memory), '*'));
        return memory['isThere'] === true ? again(memory, attempts) : end('400');
      },
    },
  };
}

function again(memory: Memory, attempts: number): string {
  if (!mayTry(memory, attempts)) return end('503');
  memory['announced'] = undefined;
  memory['isThere'] = undefined;
  return 'Get token';
}

/** DELETE of a map. */
export function withdraw(map: Map, { intentsFirst = true, attempts = 1 } = {}): Program {
  return {
    start: 'Get policy',
    steps: {
      'Get policy': (world, memory) => {
        readPolicy(world, memory);
        if (memory[map] !== true) return end('404');
        return intentsFirst ? 'List i' : 'List tokens';
      },
      'List i': (world, memory) => {
        memory['intents'] = intentsOf(world, map).join(' ');
        return deletesOr(memory, intentsFirst ? 'List tokens' : 'Replace policy');
      },
      'Delete each i': (world, memory) => {
        const [first = '', ...others] = String(memory['intents']).split(' ');
        world.commit(remove(first, '*'));
        memory['intents'] = others.join(' ');
        return deletesOr(memory, intentsFirst ? 'List tokens' : 'Replace policy');
      },
      'List tokens': (world) => {
        if (world.property('token', 'map') === map) return end('409');
        return intentsFirst ? 'Replace policy' : 'List i';
      },
      'Replace policy': (world, memory) => {
        const { a, b } = memory;
        const done = world.commit(
          replace('policy', asEtag(memory['policy']), { a, b, [map]: false }),
        );
        if (done) return end('204');
        return mayTry(memory, attempts) ? 'Get policy' : end('503');
      },
    },
  };
}

/** PUT of a map. */
export function make(map: Map): Program {
  return {
    start: 'Get policy',
    steps: {
      'Get policy': (world, memory) => {
        readPolicy(world, memory);
        return 'Replace policy';
      },
      'Replace policy': (world, memory) => {
        const { a, b } = memory;
        const done = world.commit(
          replace('policy', asEtag(memory['policy']), { a, b, [map]: true }),
        );
        return end(done ? '201' : '503');
      },
    },
  };
}

/** DELETE of the token. */
export const deleteToken: Program = {
  start: 'Delete token',
  steps: { 'Delete token': (world) => end(world.commit(remove('token', '*')) ? '204' : '404') },
};

function readPolicy(world: World, memory: Memory): void {
  memory['policy'] = world.etag('policy');
  for (const map of maps) memory[map] = world.property('policy', map);
}

function intentsOf(world: World, map: Map): string[] {
  return [...world.rows.keys()].filter(
    (key) => key.startsWith('i:') && world.property(key, 'map') === map,
  );
}

function deletesOr({ intents }: Memory, next: string): string {
  return intents === '' ? next : 'Delete each i';
}

/** Who makes a map of that name anew must not give its rights to a token unawares. */
function invariant(world: World): string | undefined {
  const map = world.property('token', 'map');
  if (map === undefined || world.property('policy', String(map)) === true) return undefined;
  return `the token has the scope map ${String(map)}, which is not there`;
}

/** The policy with both maps, the token with `a`. */
export function scopeMaps(actors: Actors, duplicates = 0): Model {
  return {
    start: { policy: { a: true, b: true }, token: { map: 'a' } },
    actors,
    invariant,
    duplicates,
  };
}
