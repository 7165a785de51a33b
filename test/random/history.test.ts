import { expect, it } from 'vitest';
import { absent, type Effect, type Ending, History, present } from './history.ts';

const put = (digest: string, ...tags: string[]): Effect => ({ kind: 'put', digest, tags });

/** Nobody knows of a write when it can have no effect any more. */
const never = () => new Promise<void>(() => undefined);

/** Writes one after the other. */
function oneByOne(...writes: readonly (readonly [Effect, Ending])[]): History {
  const history = new History(never);
  for (const [effect, ending] of writes) history.begin(effect)(ending);
  return history;
}

const states = (set: ReadonlySet<string>) => [...set].toSorted();

it('what was acknowledged last is there, and nothing else', () => {
  const history = oneByOne([put('M1', 'a'), 'done'], [put('M2', 'a'), 'done']);
  expect(states(history.possibleOfTag('a'))).toEqual(['M2']);
  expect(states(history.possibleOfManifest('M1'))).toEqual([present]);
  expect(states(history.possibleOfTag('never put'))).toEqual([absent]);
});

it('what broke off may have happened, what was refused has not', () => {
  const history = oneByOne(
    [put('M1', 'a'), 'done'],
    [put('M2', 'a'), 'unknown'],
    [put('M3', 'a'), 'nothing'],
  );
  expect(states(history.possibleOfTag('a'))).toEqual(['M1', 'M2']);
});

it('of two writes at once either may have been the last', () => {
  const history = new History(never);
  const ends = [history.begin(put('M1', 'a')), history.begin(put('M2', 'a'))];
  for (const end of ends) end('done');
  expect(states(history.possibleOfTag('a'))).toEqual(['M1', 'M2']);
});

it('a deleted manifest takes the tags along that pointed to it, and no other', () => {
  const deleted: Effect = { kind: 'deleteManifest', digest: 'M1' };
  const history = oneByOne(
    [put('M1', 'a', 'b', 'c'), 'done'],
    [put('M2', 'b'), 'done'],
    [deleted, 'done'],
    [put('M1', 'c'), 'done'],
  );
  expect(states(history.possibleOfTag('a'))).toEqual([absent]);
  expect(states(history.possibleOfTag('b'))).toEqual(['M2']);
  expect(states(history.possibleOfTag('c'))).toEqual(['M1']);
  expect(states(history.possibleOfManifest('M1'))).toEqual([present]);
});

it('a manifest that was restored has the tags that the answer names', () => {
  const history = oneByOne(
    [put('M1', 'a', 'b'), 'done'],
    [{ kind: 'deleteManifest', digest: 'M1' }, 'done'],
    [{ kind: 'restore', manifests: [{ digest: 'M1', tags: ['a'] }] }, 'done'],
  );
  expect(states(history.possibleOfTag('a'))).toEqual(['M1']);
  expect(states(history.possibleOfTag('b'))).toEqual([absent]);
  expect(states(history.possibleOfManifest('M1'))).toEqual([present]);
});

it('a restore that broke off may have brought back any tag, or nothing', () => {
  const history = oneByOne(
    [put('M1', 'a'), 'done'],
    [{ kind: 'deleteManifest', digest: 'M1' }, 'done'],
    [{ kind: 'restore', manifests: [{ digest: 'M1', tags: undefined }] }, 'unknown'],
  );
  expect(states(history.possibleOfTag('a'))).toEqual(['M1', absent].toSorted());
  expect(states(history.possibleOfManifest('M1'))).toEqual([absent, present].toSorted());
});

it('a deletion that broke off leaves both', () => {
  const history = oneByOne(
    [put('M1', 'a'), 'done'],
    [{ kind: 'deleteTag', tag: 'a' }, 'unknown'],
    [{ kind: 'deleteRepository' }, 'unknown'],
  );
  expect(states(history.possibleOfTag('a'))).toEqual(['M1', absent].toSorted());
  expect(states(history.possibleOfManifest('M1'))).toEqual([absent, present].toSorted());
});

it('retention may have taken what it may, and has taken what it says', () => {
  const history = oneByOne(
    [put('M1', 'old-1', 'old-2', 'latest'), 'done'],
    [{ kind: 'retain', mayGo: /^old-/ }, 'perhaps'],
    [{ kind: 'retained', tags: [{ tag: 'old-1', digest: 'M1' }], manifests: [] }, 'done'],
  );
  expect(states(history.possibleOfTag('old-1'))).toEqual([absent]);
  expect(states(history.possibleOfTag('old-2'))).toEqual(['M1', absent].toSorted());
  expect(states(history.possibleOfTag('latest'))).toEqual(['M1']);
});

it('what was pushed after retention had ended is there', () => {
  const history = oneByOne(
    [put('M1', 'old-1'), 'done'],
    [{ kind: 'retain', mayGo: /^old-/ }, 'perhaps'],
    [put('M1', 'old-1'), 'done'],
  );
  expect(states(history.possibleOfTag('old-1'))).toEqual(['M1']);
  expect(states(history.possibleOfManifest('M1'))).toEqual([present]);
});

it('pushes at once are counted with their weight, those one after the other are not', () => {
  const history = oneByOne([put('M1', 'a'), 'done']);
  const ends = [history.begin(put('M2', 'a')), history.begin(put('M3', 'a', 'b'))];
  for (const end of ends) end('done');
  expect(history.mostPutsAtOnce(() => 1)).toBe(2);
  expect(history.mostPutsAtOnce(({ tags }) => tags.length)).toBe(3);
});
