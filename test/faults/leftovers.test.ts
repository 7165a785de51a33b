import { expect, it } from 'vitest';
import { isAtRest, leftovers } from './leftovers.ts';
import type { Properties, Rows, StorageSnapshot } from './storage-snapshot.ts';

const layer = `sha256:${'a'.repeat(64)}`;
const stray = `sha256:${'b'.repeat(64)}`;
const image = `sha256:${'c'.repeat(64)}`;

/** A live image with its layer, and whatever else a test adds to the repository. */
function storageWith(
  added: Readonly<Record<string, Properties>> = {},
  beside: Partial<StorageSnapshot> = {},
): StorageSnapshot {
  const rows: Rows = new Map(
    Object.entries({
      [`m:${image}`]: { state: 'live', blob: 'M' },
      [`p:${layer}:${image}`]: {},
      [`b:${layer}`]: { name: 'N' },
      't:latest': { digest: image },
      [`g:${image}:latest`]: {},
      ...added,
    }),
  );
  const etags = (...names: string[]) => new Map(names.map((name) => [name, 'etag']));
  return {
    repo: new Map([['app', rows]]),
    data: new Map([['N', new Map([['l', { digest: layer }] as const, ['h:app', {}] as const])]]),
    digests: new Map([[layer, new Map([['N', {}]])]]),
    catalog: new Map(),
    content: etags('N'),
    manifests: etags('M'),
    staging: etags(),
    readBlob: () => Promise.reject(new Error('not asked')),
    deleteBlob: () => Promise.reject(new Error('not asked')),
    ...beside,
  };
}

it('a live image is no leftover', () => {
  expect(leftovers(storageWith())).toEqual([]);
  expect(isAtRest(storageWith())).toBe(true);
});

it.each<[string, Record<string, Properties>]>([
  ['a link that nothing refers to', { [`b:${stray}`]: { name: 'N' } }],
  ['a deleted manifest', { [`m:${stray}`]: { state: 'purging' } }],
  ['a hold of a manifest that is gone', { [`p:${layer}:${stray}`]: {} }],
  ['a referrer that is gone', { [`r:${image}:${stray}`]: {} }],
  ['a tag of what is gone', { 't:old': { digest: stray } }],
  ['the reverse of such a tag', { [`g:${stray}:old`]: {} }],
  ['an upload', { 'u:1': {} }],
  ['an intent', { [`n:${layer}:N`]: {} }],
  ['work', { 'z:20260101T000000:b:1': {} }],
])('%s is one', (_, added) => {
  const [key] = Object.keys(added);
  expect(leftovers(storageWith(added))).toEqual([`left: app ${key}`]);
});

it.each<[string, Partial<StorageSnapshot>, string]>([
  ['bytes without a row', { content: new Map([['X', 'etag']]) }, 'content X'],
  ['bytes of a manifest that is gone', { manifests: new Map([['X', 'etag']]) }, 'manifests X'],
  ['what a client wrote', { staging: new Map([['X', undefined]]) }, 'staging X'],
  ['an advice that leads nowhere', { digests: new Map([[stray, new Map([['X', {}]])]]) }, 'X'],
  ['a holder without a link', { data: new Map([['X', new Map([['h:app', {}]])]]) }, 'data X h:app'],
  ['bytes that were given up', { data: new Map([['N', new Map([['x', {}]])]]) }, 'data N x'],
])('%s: one, too', (_, beside, named) => {
  expect(leftovers(storageWith({}, beside)).join()).toContain(named);
});

it('is not at rest while work is left', () => {
  expect(isAtRest(storageWith({ 'z:20260101T000000:b:1': {} }))).toBe(false);
  expect(isAtRest(storageWith({ [`m:${stray}`]: { state: 'pending' } }))).toBe(false);
});
