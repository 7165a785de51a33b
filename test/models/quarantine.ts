/*
 * A manifest with a tag, and who may see it (docs/storage.md, "Locks", quarantine): pushes of
 * another tag, changes of its state, a soft delete and a restore, all at once.
 *
 * Rows of one partition: `m` (with `state`, `withheld`), `t:a`, `t:b` (with `withheld`), `g:a`,
 * `g:b`.
 */
import type { Actors, Model } from './engine.ts';
import { end, type Memory, type Program, type Step } from './program.ts';
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

const tags = ['a', 'b'] as const;
type Tag = (typeof tags)[number];

/** PUT of the manifest with a tag. `assertsManifest`: as the code does, under the ETag it read. */
export function put(tag: Tag, { assertsManifest = true } = {}): Program {
  const write = `EGT{m, t:${tag}, g}`;
  return {
    start: 'Get m',
    steps: {
      'Get m': (world, memory) => {
        remember(world, memory);
        return `Get t:${tag}`;
      },
      [`Get t:${tag}`]: (world, memory) => {
        memory['t'] = world.etag(`t:${tag}`);
        return write;
      },
      [write]: (world, memory) => {
        const { m, state, withheld } = memory;
        const isHeld = withheld === true;
        const etag = assertsManifest ? asEtag(m) : '*';
        const manifest =
          state === 'live'
            ? merge('m', etag)
            : replace('m', etag, { state: 'live', withheld: isHeld });
        const done = world.commit(
          manifest,
          insertOrReplace(`t:${tag}`, memory['t'], { withheld: isHeld }),
          upsert(`g:${tag}`),
        );
        return end(done ? '201' : '503');
      },
    },
  };
}

/** PATCH of the state: puts it into quarantine, or releases it. */
export function change(withheld: boolean): Program {
  return {
    start: 'Get m',
    steps: {
      ...readLive('EGT{Merge m If-Match, Merge g *, Merge t *}'),
      'EGT{Merge m If-Match, Merge g *, Merge t *}': (world, memory) => {
        const done = world.commit(
          replace('m', asEtag(memory['m']), { state: 'live', withheld }),
          ...listed(memory).flatMap((tag): Operation[] => [
            merge(`g:${tag}`, '*'),
            replace(`t:${tag}`, '*', { withheld }),
          ]),
        );
        return done ? end('200') : 'Get m';
      },
    },
  };
}

/** A soft delete. */
export const softDelete: Program = {
  start: 'Get m',
  steps: {
    ...readLive('EGT{Replace m deleted If-Match, Delete t, Delete g}'),
    'EGT{Replace m deleted If-Match, Delete t, Delete g}': (world, memory) => {
      const withheld = memory['withheld'] === true;
      const done = world.commit(
        replace('m', asEtag(memory['m']), { state: 'deleted', withheld }),
        ...listed(memory).flatMap((tag) => [remove(`t:${tag}`, '*'), remove(`g:${tag}`, '*')]),
      );
      return done ? end('202') : 'Get m';
    },
  },
};

/** Brings the manifest back with tag `a`, if that is free. */
export const restore: Program = {
  start: 'Get m',
  steps: {
    'Get m': (world, memory) => {
      remember(world, memory);
      return memory['state'] === 'deleted' ? 'Get t:a' : end('nothing to restore');
    },
    'Get t:a': (world, memory) => {
      memory['taken'] = world.has('t:a');
      return 'EGT{Replace m live If-Match, Insert t:a, g}';
    },
    'EGT{Replace m live If-Match, Insert t:a, g}': (world, memory) => {
      const withheld = memory['withheld'] === true;
      const done = world.commit(
        replace('m', asEtag(memory['m']), { state: 'live', withheld }),
        ...(memory['taken'] === true ? [] : [insert('t:a', { withheld }), upsert('g:a')]),
      );
      return done ? end('200') : 'Get m';
    },
  },
};

function remember(world: World, memory: Memory): void {
  memory['m'] = world.etag('m');
  memory['state'] = world.property('m', 'state');
  memory['withheld'] = world.property('m', 'withheld');
}

/** The manifest, which must be live, and its tags; then `next`. */
function readLive(next: string): Readonly<Record<string, Step>> {
  return {
    'Get m': (world, memory) => {
      remember(world, memory);
      return memory['state'] === 'live' ? 'List g' : end('404');
    },
    'List g': (world, memory) => {
      for (const tag of tags) memory[tag] = world.has(`g:${tag}`);
      return next;
    },
  };
}

function listed(memory: Memory): Tag[] {
  return tags.filter((tag) => memory[tag] === true);
}

/** What a pull by tag sees is what the manifest's row says, and a tag has a live manifest. */
function invariant(world: World): string | undefined {
  for (const tag of tags) {
    if (!world.has(`t:${tag}`)) continue;
    if (world.property('m', 'state') !== 'live') return `J3 ${tag} points to what is deleted`;
    if (world.property(`t:${tag}`, 'withheld') !== world.property('m', 'withheld')) {
      return `J3 ${tag} and its manifest do not agree about its quarantine`;
    }
  }
  return undefined;
}

/** That manifest with tag `a`, with those who act on it. */
export function quarantine(withheld: boolean, actors: Actors, duplicates = 0): Model {
  return {
    start: { m: { state: 'live', withheld }, 't:a': { withheld }, 'g:a': {} },
    actors,
    invariant,
    duplicates,
  };
}
