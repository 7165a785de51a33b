/*
 * The release of a name as several models have it (docs/storage.md, "Release"): what follows once
 * its rows were read into `b`, `n` and `h`. Rows of the repository: `b`, `n`, `z:n`, `z:x`; of the
 * name: `l`, `h`, `x`, `bytes`; all but `b` with the name at their end where a model has several.
 */
import { end, type Memory, type Step } from './program.ts';
import { asEtag, insertOrReplace, remove, upsert, type World } from './world.ts';

type Name = '' | 1 | 2;

export const giveUpStep = 'EGT{Delete b If-Match, Insert or Replace n, Insert z:n}';
const forgetStep = 'EGT{Delete n If-Match, Delete z:n, Insert z:x}';

/** The step after the rows were read. */
export function afterReads({ b, n, h }: Memory): string {
  return (b ?? n ?? h) === undefined ? 'Get l' : giveUpStep;
}

/** The repository's right ends, and an intent says that its hold on the name is to follow. */
export function giveUp(world: World, { b, n }: Memory, name: Name = ''): boolean {
  return world.commit(
    ...(b === undefined ? [] : [remove('b', asEtag(b))]),
    insertOrReplace(`n${name}`, n),
    upsert(`z:n${name}`),
  );
}

/** From the right to the bytes. `isHeldByOthers`: by a repository whose rows are not these. */
export function releaseSteps(
  name: Name = '',
  isHeldByOthers: (world: World) => boolean = () => false,
): Readonly<Record<string, Step>> {
  return {
    [giveUpStep]: (world, memory) => {
      if (!giveUp(world, memory, name)) return end('conflict, later');
      memory['n'] = world.etag(`n${name}`);
      return 'Delete h If-Match';
    },
    'Delete h If-Match': (world, { h }) => {
      if (h === undefined || !world.has(`h${name}`)) return 'Get l';
      const done = world.commit(remove(`h${name}`, asEtag(h)));
      return done ? 'Get l' : end('somebody acquires, later');
    },
    ...letGo(forgetStep, (world) => world.has(`h${name}`) || isHeldByOthers(world), name),
    [forgetStep]: (world, { n }) => {
      if (n !== undefined) {
        world.commit(
          remove(`n${name}`, asEtag(n)),
          remove(`z:n${name}`, '*'),
          upsert(`z:x${name}`),
        );
      }
      return 'Get x';
    },
    ...eraseGivenUp(name),
  };
}

/** The last holder takes `l` along. */
export function letGo(
  next: string,
  isHeld: (world: World) => boolean,
  name: Name = '',
): Readonly<Record<string, Step>> {
  return {
    'Get l': (world, memory) => {
      memory['l'] = world.etag(`l${name}`);
      return 'List h';
    },
    'List h': (world, { l }) =>
      l === undefined || isHeld(world) ? next : 'EGT{Delete l If-Match, Insert x}',
    'EGT{Delete l If-Match, Insert x}': (world, { l }) => {
      world.commit(remove(`l${name}`, asEtag(l)), upsert(`x${name}`));
      return next;
    },
  };
}

export function eraseGivenUp(name: Name = ''): Readonly<Record<string, Step>> {
  return {
    'Get x': (world) => (world.has(`x${name}`) ? 'Delete blob' : end('done')),
    'Delete blob': (world) => {
      world.erase(`bytes${name}`);
      return end('done');
    },
  };
}
