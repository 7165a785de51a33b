/*
 * Two manifests and two tags (docs/storage.md, "Manifest PUT" and "Deletes"): PUTs with several
 * tags, in one transaction or several, against deletions, moves and the retention of what has no
 * tag. As if a transaction held one tag only, where the code's holds twenty.
 *
 * Rows of one partition: `m:<M>` (with `state`), `t:<T>` (with `digest`), `g:<M>:<T>`.
 */
import type { Actors, Model } from './engine.ts';
import { end, mayTry, type Memory, type Program, type Step } from './program.ts';
import {
  asEtag,
  insertOrReplace,
  merge,
  type Operation,
  remove,
  replace,
  upsert,
  type World,
} from './world.ts';

export type Digest = 'M1' | 'M2';
export type Tag = 'a' | 'b';

/**
 * PUT of a manifest with tags: each group of them in a transaction of its own. A conflict makes it
 * begin that group again, once. Without `assertsManifest` a tag is written as an earlier draft did.
 */
export function put(
  digest: Digest,
  groups: readonly (readonly Tag[])[],
  { assertsManifest = true } = {},
): Program {
  const manifest = `m:${digest}`;
  const steps: Record<string, Step> = {};
  groups.forEach((tags, index) => {
    const group = tags.join(', ');
    const [getManifest, getTags] = [`Get m for ${group}`, `Get t:${group}`];
    const write = `EGT{m, t:${group}, g}`;
    const next = groups[index + 1];
    steps[getManifest] = (world, memory) => {
      if (!mayTry(memory, 2)) return end('503');
      memory['m'] = world.etag(manifest);
      memory['live'] = world.property(manifest, 'state') === 'live';
      return getTags;
    };
    steps[getTags] = (world, memory) => {
      for (const tag of tags) {
        memory[`t:${tag}`] = world.etag(`t:${tag}`);
        memory[`was:${tag}`] = world.property(`t:${tag}`, 'digest');
      }
      return write;
    };
    steps[write] = (world, memory) => {
      const { m, live } = memory;
      const asserted =
        live === true
          ? merge(manifest, asEtag(m))
          : insertOrReplace(manifest, m, { state: 'live' });
      const done = world.commit(
        ...(assertsManifest || live !== true ? [asserted] : []),
        ...tags.flatMap((tag) => point(tag, digest, memory)),
      );
      if (!done) return getManifest;
      memory['tried'] = 0;
      return next === undefined ? end('201') : `Get m for ${next.join(', ')}`;
    };
  });
  return { start: `Get m for ${groups[0]?.join(', ')}`, steps };
}

function point(tag: Tag, digest: Digest, memory: Memory): Operation[] {
  const [key, was] = [`t:${tag}`, memory[`was:${tag}`]];
  return [
    insertOrReplace(key, memory[key], { digest }),
    upsert(`g:${digest}:${tag}`),
    ...(typeof was === 'string' && was !== digest ? [remove(`g:${was}:${tag}`, '*')] : []),
  ];
}

/** DELETE by digest: as long as it has several tags, one goes first. */
export function deleteManifest(digest: Digest): Program {
  const manifest = `m:${digest}`;
  const tagsOf = (memory: Memory) => (['a', 'b'] as const).filter((tag) => memory[tag] === true);
  const untag = (tag: Tag) => [remove(`t:${tag}`, '*'), remove(`g:${digest}:${tag}`, '*')];
  return {
    start: 'Get m',
    steps: {
      'Get m': (world, memory) => {
        memory['m'] = world.etag(manifest);
        return world.property(manifest, 'state') === 'live' ? 'List g' : end('404');
      },
      'List g': (world, memory) => {
        for (const tag of ['a', 'b'] as const) memory[tag] = world.has(`g:${digest}:${tag}`);
        return tagsOf(memory).length > 1
          ? 'EGT{Merge m If-Match, Delete t, Delete g}'
          : 'EGT{Replace m purging If-Match, Delete t, Delete g}';
      },
      'EGT{Merge m If-Match, Delete t, Delete g}': (world, memory) => {
        const [first] = tagsOf(memory);
        world.commit(merge(manifest, asEtag(memory['m'])), ...(first ? untag(first) : []));
        return 'Get m';
      },
      'EGT{Replace m purging If-Match, Delete t, Delete g}': (world, memory) =>
        world.commit(
          replace(manifest, asEtag(memory['m']), { state: 'purging' }),
          ...tagsOf(memory).flatMap(untag),
        )
          ? end('202')
          : 'Get m',
    },
  };
}

/** As it must not be: the manifest first, its tags after it. */
export function deleteManifestFirst(digest: Digest): Program {
  return {
    start: 'Replace m purging',
    steps: {
      'Replace m purging': (world) => {
        world.commit(replace(`m:${digest}`, '*', { state: 'purging' }));
        return 'EGT{Delete t, Delete g}';
      },
      'EGT{Delete t, Delete g}': (world) => {
        for (const tag of ['a', 'b'])
          world.commit(remove(`t:${tag}`, '*'), remove(`g:${digest}:${tag}`, '*'));
        return end('202');
      },
    },
  };
}

/** DELETE of a tag. */
export function deleteTag(tag: Tag): Program {
  return {
    start: 'Get t',
    steps: {
      'Get t': (world, memory) => {
        memory['t'] = world.etag(`t:${tag}`);
        memory['digest'] = world.property(`t:${tag}`, 'digest');
        return world.has(`t:${tag}`) ? 'EGT{Delete t If-Match, Delete g}' : end('404');
      },
      'EGT{Delete t If-Match, Delete g}': (world, { t, digest }) =>
        world.commit(remove(`t:${tag}`, asEtag(t)), remove(`g:${String(digest)}:${tag}`, '*'))
          ? end('202')
          : 'Get t',
    },
  };
}

/** A manifest without a tag is deleted; `conditional` is on the ETag read before its tags. */
export function retention(digest: Digest, { conditional = true } = {}): Program {
  const manifest = `m:${digest}`;
  return {
    start: 'Get m',
    steps: {
      'Get m': (world, memory) => {
        memory['m'] = world.etag(manifest);
        return world.property(manifest, 'state') === 'live' ? 'List g' : end('nothing there');
      },
      'List g': (world) =>
        world.anyUnder(`g:${digest}:`) ? end('tagged') : 'Replace m purging If-Match',
      'Replace m purging If-Match': (world, { m }) => {
        const etag = conditional ? asEtag(m) : '*';
        return end(world.commit(replace(manifest, etag, { state: 'purging' })) ? 'done' : 'in use');
      },
    },
  };
}

/** The end of a purge. */
export function removeManifest(digest: Digest): Program {
  const manifest = `m:${digest}`;
  return {
    start: 'Get m',
    steps: {
      'Get m': (world, memory) => {
        memory['m'] = world.etag(manifest);
        return world.property(manifest, 'state') === 'purging'
          ? 'Delete m If-Match'
          : end('not purging');
      },
      'Delete m If-Match': (world, { m }) =>
        end(world.commit(remove(manifest, asEtag(m))) ? 'done' : 'conflict, later'),
    },
  };
}

/** J3: a tag points to a live manifest, and tags and their reverse rows agree. */
function invariant(world: World): string | undefined {
  for (const tag of ['a', 'b']) {
    const digest = world.property(`t:${tag}`, 'digest');
    if (digest !== undefined) {
      const state = world.property(`m:${String(digest)}`, 'state');
      if (state !== 'live')
        return `J3 ${tag} points to ${String(digest)}, which is ${String(state)}`;
      if (!world.has(`g:${String(digest)}:${tag}`)) return `J3 ${tag} has no reverse row`;
    }
    for (const other of ['M1', 'M2']) {
      if (world.has(`g:${other}:${tag}`) && digest !== other)
        return `J3 g:${other}:${tag} is not true`;
    }
  }
  return undefined;
}

const live = { state: 'live' };
const starts = {
  'M1 is live with both tags, M2 with none': {
    'm:M1': live,
    'm:M2': live,
    't:a': { digest: 'M1' },
    't:b': { digest: 'M1' },
    'g:M1:a': {},
    'g:M1:b': {},
  },
  'nothing is there': {},
} as const;

/** That start with those who act on it. */
export function tags(start: keyof typeof starts, actors: Actors, duplicates = 0): Model {
  return {
    start: starts[start],
    actors,
    invariant,
    duplicates,
  };
}
