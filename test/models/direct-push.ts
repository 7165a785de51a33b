/*
 * A layer that its client puts straight into storage (docs/storage.md, "Direct push"): manifest PUTs
 * that finish it at the same time, each able to take it over from the other at any moment, against
 * the sweep of the session, a release, and a client that goes on writing with its URL.
 *
 * Rows: `u` (the session, with `state`), `z:u`, `z:staged`, `b`, `z:b`, `n`, `z:n`, `z:x`; of the
 * session's name `l` (with `digest`), `h`, `x`, `bytes` (with `content`); and in the container
 * clients may write to `block` and `staged` (with `content`). What is wanted is `good`.
 */
import { type Actors, leftBehind, type Model } from './engine.ts';
import { end, mayTry, type Program, runAlone, type Step } from './program.ts';
import { afterReads, releaseSteps } from './release.ts';
import { asEtag, insert, merge, remove, replace, upsert, type World } from './world.ts';

export interface Finishing {
  /** Which of the two that run beside each other comes first. */
  readonly first: 'hash' | 'copy';
  /** Whether storage copies only what is still as it was described. */
  readonly pinsCopy?: boolean;
  /** Whether bytes that an earlier request copied are hashed themselves. */
  readonly hashesEarlierCopy?: boolean;
  readonly attempts?: number;
}

const publishStep = 'EGT{Delete u If-Match, Delete z:u, Insert b, Insert z:b, Insert z:staged}';

/** A manifest PUT that finds the layer missing and looks for it among the open direct uploads. */
export function finish({
  first,
  pinsCopy = true,
  hashesEarlierCopy = true,
  attempts = 1,
}: Finishing): Program {
  const [hash, copy] = ['Get staged If-Match', 'Put Blob From URL If-None-Match *'];
  const steps: Record<string, Step> = {
    'Get u': (world, memory) => {
      if (world.property('u', 'state') !== 'open') return 'Merge b *';
      if (!mayTry(memory, attempts)) return 'Merge b *';
      memory['u'] = world.etag('u');
      return 'Replace u If-Match, claimed';
    },
    'Replace u If-Match, claimed': (world, memory) => {
      const claimed = world.commit(replace('u', asEtag(memory['u']), { state: 'open' }));
      memory['u'] = world.etag('u');
      return claimed ? 'Put Block List If-None-Match *' : 'Get u';
    },
    'Put Block List If-None-Match *': (world) => {
      const content = world.property('block', 'content');
      if (content !== undefined) world.commit(insert('staged', { content }));
      return 'Head staged';
    },
    'Head staged': (world, memory) => {
      memory['staged'] = world.etag('staged');
      if (!world.has('staged')) return end('404 MANIFEST_BLOB_UNKNOWN');
      return first === 'hash' ? hash : copy;
    },
    [hash]: (world, memory) => {
      const isSame = world.etag('staged') === memory['staged'];
      memory['content'] ??= isSame ? world.property('staged', 'content') : 'changed';
      return first === 'hash' ? copy : 'compare with what was copied';
    },
    [copy]: (world, memory) => {
      const isSame = world.etag('staged') === memory['staged'];
      if (world.has('bytes')) memory['earlier'] = true;
      else if ((isSame || !pinsCopy) && world.has('staged')) {
        world.commit(insert('bytes', { content: world.property('staged', 'content') }));
      } else return 'Replace u If-Match, free';
      return first === 'hash' ? 'compare with what was copied' : hash;
    },
    'compare with what was copied': (world, memory) => {
      if (memory['earlier'] === true && hashesEarlierCopy) {
        memory['content'] = world.property('bytes', 'content');
      }
      return memory['content'] === 'good' ? 'EGT{Insert l, Insert h}' : 'Replace u If-Match, free';
    },
    'Replace u If-Match, free': (world, { u }) => {
      world.commit(replace('u', asEtag(u), { state: 'open' }));
      return end('404 MANIFEST_BLOB_UNKNOWN');
    },
    'EGT{Insert l, Insert h}': (world) => {
      world.commit(insert('l', { digest: 'good' }), insert('h', { via: 'u' }));
      return publishStep;
    },
    [publishStep]: (world, memory) =>
      world.commit(
        remove('u', asEtag(memory['u'])),
        remove('z:u', '*'),
        insert('b'),
        upsert('z:b'),
        upsert('z:staged'),
      )
        ? end('201')
        : 'Get u',
    'Merge b *': (world) =>
      end(world.commit(merge('b', '*')) ? '201' : '404 MANIFEST_BLOB_UNKNOWN'),
  };
  return { start: 'Get u', steps };
}

/** What whoever has the URL may do, where storage can't sign the operation: everything once. */
export const overwrite: Program = {
  start: 'Put Block',
  steps: {
    'Put Block': (world) => {
      world.commit(upsert('block', { content: 'evil' }));
      return 'Put Blob, evil';
    },
    'Put Blob, evil': (world) => {
      world.commit(upsert('staged', { content: 'evil' }));
      return 'Put Blob, good';
    },
    'Put Blob, good': (world) => {
      world.commit(upsert('staged', { content: 'good' }));
      return end('done');
    },
  },
};

/** Ends a session that looks abandoned; what it left is removed an hour later. */
export const endSession: Program = {
  start: 'Get u',
  steps: {
    'Get u': (world, memory) => {
      memory['u'] = world.etag('u');
      return world.property('u', 'state') === 'open'
        ? 'Replace u If-Match, discarded'
        : end('not open');
    },
    'Replace u If-Match, discarded': (world, { u }) => {
      const ended = world.commit(replace('u', asEtag(u), { state: 'discarded' }));
      return ended ? 'Delete staged' : end('in use, later');
    },
    ...removal(end('again in an hour')),
  },
};

const removeSession: Program = {
  start: 'Get u',
  steps: {
    'Get u': (world, memory) => {
      memory['u'] = world.etag('u');
      return world.has('u') ? 'Delete staged' : end('gone');
    },
    ...removal('EGT{Delete u If-Match, Delete z:u}'),
    'EGT{Delete u If-Match, Delete z:u}': (world, { u }) => {
      world.commit(remove('u', asEtag(u)), remove('z:u', '*'), upsert('z:x'));
      return end('done');
    },
  },
};

/** Staged bytes, holder, `l` and bytes, unless the name is served. */
function removal(last: string): Record<string, Step> {
  return {
    'Delete staged': (world) => {
      world.erase('staged');
      world.erase('block');
      return 'Get h, l, b';
    },
    'Get h, l, b': (world, memory) => {
      memory['h'] = world.etag('h');
      return world.has('b') ? last : 'Delete h If-Match';
    },
    'Delete h If-Match': (world, { h }) => {
      if (h !== undefined && world.has('h') && !world.commit(remove('h', asEtag(h)))) {
        return end('somebody acquires, later');
      }
      return 'Get l, list h';
    },
    'Get l, list h': (world, memory) => {
      memory['l'] = world.etag('l');
      if (world.has('h')) return last;
      if (world.has('l')) return 'EGT{Delete l If-Match, Insert x}';
      return world.has('x') ? last : 'Delete blob';
    },
    'EGT{Delete l If-Match, Insert x}': (world, { l }) => {
      world.commit(remove('l', asEtag(l)), upsert('x'));
      return last;
    },
    'Delete blob': (world) => {
      world.erase('bytes');
      return last;
    },
  };
}

/** The release of the blob once it was published, as in acquire-release.ts, by sweep or DELETE. */
export const releaseIt: Program = {
  start: 'Get h',
  steps: {
    'Get h': (world, memory) => {
      memory['h'] = world.etag('h');
      return 'Get u';
    },
    'Get u': (world) => (world.has('u') ? end('its session is there') : 'Get n'),
    'Get n': (world, memory) => {
      memory['n'] = world.etag('n');
      return 'Get b';
    },
    'Get b': (world, memory) => {
      memory['b'] = world.etag('b');
      return afterReads(memory);
    },
    ...releaseSteps(),
  },
};

/** I1 to I3 and K2: what is served is what the digest says, at a name clients never wrote to. */
function invariant(world: World): string | undefined {
  const content = world.property('bytes', 'content');
  if (world.has('l') && world.has('bytes') && content !== world.property('l', 'digest')) {
    return `I3 l says good, the bytes are ${String(content)}`;
  }
  if (!world.has('b')) return undefined;
  if (!world.has('h')) return 'I1 b without h';
  if (!world.has('l')) return 'I2 b without l';
  return content === 'good' ? undefined : `K2 b leads to ${String(content)}`;
}

/** K4: the client stopped writing, the URL is over, the layer was not referred to. */
const afterwards = {
  sweep(world: World): void {
    if (world.has('z:u')) runAlone(world, removeSession);
    if (world.has('z:staged')) for (const key of ['staged', 'block']) world.erase(key);
    if (['z:b', 'z:n', 'z:x'].some((key) => world.has(key))) runAlone(world, releaseIt);
    if (world.has('x')) for (const key of ['bytes', 'x']) world.erase(key);
    // What was written after that the lifecycle rule of the container removes.
  },
  clean(world: World): string | undefined {
    return leftBehind(world, ['u', 'b', 'n', 'h', 'l', 'bytes', 'staged']);
  },
};

/** The client has put its block; who acts then. */
export function directPush(actors: Actors, { cleans = true, duplicates = 0 } = {}): Model {
  return {
    start: { u: { state: 'open' }, 'z:u': {}, block: { content: 'good' } },
    actors,
    invariant,
    ...(cleans ? { afterwards } : {}),
    duplicates,
  };
}
