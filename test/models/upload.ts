/*
 * An upload session through the function (docs/storage.md, "Uploads") against a twin of its final
 * PUT, the sweep of the session, releases of what it published, and a mount of the same digest from
 * another name.
 *
 * Rows of the repository: `u` (with `state`), `z:u`, `z:b`, `b` (with `name`: 1 for the blob that
 * another repository holds for ever, 2 for the session's own); for each name k: `n<k>`, `z:n<k>`,
 * `l<k>`, `h<k>`, `x<k>`, `bytes<k>`.
 */
import { type Actors, leftBehind, type Model } from './engine.ts';
import { end, type Program, runAlone } from './program.ts';
import { afterReads, releaseSteps } from './release.ts';
import { asEtag, insert, merge, remove, replace, upsert, type World } from './world.ts';

/** POST that starts the session. The network may deliver it again. */
export const post: Program = {
  start: 'EGT{Insert u, Insert z:u}',
  steps: {
    'EGT{Insert u, Insert z:u}': (world) => {
      world.commit(insert('u', { state: 'open' }), insert('z:u'));
      return end('202');
    },
  },
};

/** The final PUT with its body, by the code's way: what is there already is not stored again. */
export const finalPut: Program = {
  start: 'Get u',
  steps: {
    'Get u': (world, memory) => {
      if (world.property('u', 'state') !== 'open') return 'Merge b *, Get b: did it end in this?';
      memory['u'] = world.etag('u');
      return 'Merge b *';
    },
    'Merge b *': (world) =>
      world.commit(merge('b', '*')) ? 'Replace u If-Match, duplicate' : 'Put Blob If-None-Match *',
    'Replace u If-Match, duplicate': (world, { u }) => {
      world.commit(replace('u', asEtag(u), { state: 'duplicate' }));
      return end('201');
    },
    'Put Blob If-None-Match *': (world) => {
      world.commit(insert('bytes2'));
      return 'EGT{Insert l, Insert h}';
    },
    'EGT{Insert l, Insert h}': (world) => {
      world.commit(insert('l2'), insert('h2', { via: 'u' }));
      return 'EGT{Delete u If-Match, Delete z:u, Insert b, Insert z:b}';
    },
    'EGT{Delete u If-Match, Delete z:u, Insert b, Insert z:b}': (world, { u }) =>
      world.commit(
        remove('u', asEtag(u)),
        remove('z:u', '*'),
        insert('b', { name: 2 }),
        upsert('z:b'),
      )
        ? end('201')
        : 'Merge b *, Get b: whose is it?',
    'Merge b *, Get b: whose is it?': (world) => {
      if (!world.commit(merge('b', '*'))) return end('404 BLOB_UPLOAD_UNKNOWN');
      return world.property('b', 'name') === 2 ? end('201') : 'Replace u If-Match, duplicate';
    },
    'Merge b *, Get b: did it end in this?': (world) => {
      const done =
        world.property('b', 'name') === 2 || world.property('u', 'state') === 'duplicate';
      return end(done && world.commit(merge('b', '*')) ? '201' : '404 BLOB_UPLOAD_UNKNOWN');
    },
  },
};

/** As an earlier draft had it: the right is given without a condition on the session. */
export const finalPutUnfenced: Program = {
  ...finalPut,
  steps: {
    ...finalPut.steps,
    'EGT{Delete u If-Match, Delete z:u, Insert b, Insert z:b}': (world) => {
      world.commit(upsert('b', { name: 2 }), upsert('z:b'));
      return end('201');
    },
  },
};

export interface SessionSweep {
  /**
   * Whether it leaves a name alone that the link of its digest leads to: then the session was
   * published, and a POST that the network delivered again has brought it back.
   */
  readonly asksWhoIsServed: boolean;
  /**
   * `later`: the dead session stays for another look, when no request that began before it died can
   * be on its way any more. `now`: it goes at once. `again` is that other look.
   */
  readonly removes: 'later' | 'now' | 'again';
}

/** The sweep of `z:u`, to which the session looks abandoned. */
export function sweepSession({ asksWhoIsServed, removes }: SessionSweep): Program {
  const last = removes === 'later' ? end('again in an hour') : 'EGT{Delete u If-Match, Delete z:u}';
  return {
    start: 'Get u',
    steps: {
      'Get u': (world, memory) => {
        memory['u'] = world.etag('u');
        return world.has('u') ? 'Replace u If-Match, dead' : end('no session');
      },
      'Replace u If-Match, dead': (world, memory) => {
        if (!world.commit(replace('u', asEtag(memory['u']), { state: 'dead' }))) {
          return end('in use, later');
        }
        memory['u'] = world.etag('u');
        return asksWhoIsServed ? 'Get l' : 'Delete h';
      },
      'Get l': (world) => (world.has('l2') ? 'Get b' : 'Delete h'),
      'Get b': (world) =>
        world.property('b', 'name') === 2 ? 'EGT{Delete u If-Match, Delete z:u}' : 'Delete h',
      'Delete h': (world) => {
        world.erase('h2');
        return 'Get l, list h';
      },
      'Get l, list h': (world, memory) => {
        memory['l'] = world.etag('l2');
        if (world.has('h2')) return last;
        return world.has('l2') ? 'EGT{Delete l If-Match, Insert x}' : 'Delete blob';
      },
      'EGT{Delete l If-Match, Insert x}': (world, { l }) =>
        world.commit(remove('l2', asEtag(l)), upsert('x2')) ? 'Delete blob' : last,
      'Delete blob': (world) => {
        world.erase('bytes2');
        return 'Delete x';
      },
      'Delete x': (world) => {
        world.erase('x2');
        return last;
      },
      'EGT{Delete u If-Match, Delete z:u}': (world, { u }) => {
        world.commit(remove('u', asEtag(u)), remove('z:u', '*'));
        return end('done');
      },
    },
  };
}

/** A mount of the digest from the repository that holds name 1. */
export const mountOther: Program = {
  start: 'Merge b *',
  steps: {
    'Merge b *': (world) =>
      world.commit(merge('b', '*')) ? end('201') : 'EGT{Insert n, Insert z:n}',
    'EGT{Insert n, Insert z:n}': (world, memory) => {
      if (!world.commit(insert('n1'), upsert('z:n1'))) return 'Get n';
      memory['n'] = world.etag('n1');
      return 'EGT{Merge l *, Upsert h}';
    },
    'Get n': (world, memory) => {
      memory['n'] = world.etag('n1');
      return world.has('n1') ? 'EGT{Merge l *, Upsert h}' : end('202, upload');
    },
    'EGT{Merge l *, Upsert h}': (world) => {
      world.commit(merge('l1', '*'), upsert('h1'));
      return 'EGT{Delete n If-Match, Delete z:n, Insert b, Insert z:b}';
    },
    'EGT{Delete n If-Match, Delete z:n, Insert b, Insert z:b}': (world, { n }) => {
      const linked = world.commit(
        remove('n1', asEtag(n)),
        remove('z:n1', '*'),
        insert('b', { name: 1 }),
        upsert('z:b'),
      );
      return end(linked ? '201' : '202, upload');
    },
  },
};

/**
 * The release of one name, by the sweep or the audit. The session that a holder row came by is read
 * after the holder, unless `looksAtSession` is false: while it is there, its own work row deals
 * with the name.
 */
export function releaseName(name: 1 | 2, looksAtSession = true): Program {
  const isHeldByOther = (world: World) => name === 1 && world.has('other');
  return {
    start: 'Get h',
    steps: {
      'Get h': (world, memory) => {
        memory['h'] = world.etag(`h${name}`);
        return name === 2 && looksAtSession ? 'Get u' : 'Get n';
      },
      'Get u': (world) => (world.has('u') ? end('its session is there') : 'Get n'),
      'Get n': (world, memory) => {
        memory['n'] = world.etag(`n${name}`);
        return 'Get b';
      },
      'Get b': (world, memory) => {
        if (world.property('b', 'name') === name) memory['b'] = world.etag('b');
        return afterReads(memory);
      },
      ...releaseSteps(name, isHeldByOther),
    },
  };
}

/** I1 to I3 of the one link. */
function invariant(world: World): string | undefined {
  if (!world.has('b')) return undefined;
  const name = world.property('b', 'name');
  for (const [invariantName, row] of [
    ['I1', 'h'],
    ['I2', 'l'],
    ['I3', 'bytes'],
  ] as const) {
    if (!world.has(`${row}${String(name)}`))
      return `${invariantName} b at ${String(name)}, no ${row}`;
  }
  return undefined;
}

/** K4: the work rows lead the sweep to everything; nothing refers to the blob. */
const afterwards = {
  sweep(world: World): void {
    if (world.has('z:u'))
      runAlone(world, sweepSession({ asksWhoIsServed: true, removes: 'again' }));
    for (const name of [1, 2] as const) {
      const due = ['z:b', `z:n${name}`, `z:x${name}`].some((key) => world.has(key));
      if (due) runAlone(world, releaseName(name));
    }
  },
  clean(world: World): string | undefined {
    return leftBehind(world, ['u', 'b', 'n1', 'n2', 'h1', 'h2', 'l2', 'bytes2']);
  },
};

const starts = {
  'a session is open': { u: { state: 'open' }, 'z:u': {} },
  'a session is open, and R has the digest at name 1': {
    u: { state: 'open' },
    'z:u': {},
    b: { name: 1 },
    h1: {},
    'z:b': {},
  },
  'nothing is there yet': {},
} as const;
type Start = keyof typeof starts;

/** That start with those who act on it; the other repository holds name 1 for ever. */
export function upload(start: Start, actors: Actors, duplicates = 0): Model {
  return {
    start: { ...starts[start], l1: {}, bytes1: {}, other: {} },
    actors,
    invariant,
    afterwards,
    duplicates,
  };
}
