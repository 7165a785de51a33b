import { describe, expect, test } from 'vitest';
import type { Digest } from '../../shared/domain/digest.ts';
import { mountBlob } from '../../shared/registry/blobs/mount-blob.ts';
import { deleteManifest } from '../../shared/registry/manifests/delete-manifest.ts';
import type { Registry } from '../../shared/registry/registry.ts';
import { repositoryPartition } from '../../shared/registry/rows/row-keys.ts';
import { countUsage } from '../../shared/registry/usage/count-usage.ts';
import { notePull } from '../../shared/registry/usage/note-pull.ts';
import { pullsOf } from '../../shared/registry/usage/pull-rows.ts';
import { listUsage, readUsage } from '../../shared/registry/usage/read-usage.ts';
import { accidents, runScenario } from '../faults/accident.ts';
import { blobOf, makeImage, randomBlob } from '../faults/image.ts';
import { newInstance, pushBlob, pushImage, repositoryNamed } from '../faults/in-process.ts';
import { interpose, type PortCall } from '../faults/interpose.ts';
import { testStorage } from '../faults/test-storage.ts';
import { impatient, sweepUntilQuiet } from '../sweep/sweeping.ts';

const { brokenInvariants, stores } = testStorage();

/** Calls of the ports are written down. */
function counted() {
  const calls: PortCall[] = [];
  const registry = newInstance(
    interpose(stores, (call, proceed) => {
      calls.push(call);
      return proceed();
    }),
  );
  return { registry, calls };
}

async function countAll(registry: Registry, maxMs = 60_000): Promise<number> {
  for (let calls = 1; calls < 500; calls++) {
    if ((await countUsage(registry, { maxMs, now: true }))?.complete === true) return calls;
  }
  throw new Error('the count never ends');
}

const layer = randomBlob(50_000);
const small = randomBlob(1234);

describe('sampled pulls', () => {
  const digests = Array.from({ length: 120 }, () => randomBlob(10).digest);
  const [first = ''] = digests;

  test('ask storage nothing, and are written in batches, once in six hours', async () => {
    const { registry, calls } = counted();
    const repository = repositoryNamed('pulls/app');
    for (const digest of [...digests, ...digests]) notePull(registry, repository, digest);
    expect(calls).toEqual([]);
    await registry.caches.pulls.flush(registry);
    expect(calls.map(({ method, place }) => `${method} ${place}`)).toEqual(
      Array.from({ length: 2 }, () => 'commit usage/m:pulls.app'),
    );
    for (const digest of digests) notePull(registry, repository, digest);
    await registry.caches.pulls.flush(registry);
    expect(calls).toHaveLength(2);
    const pulls = await pullsOf(registry, repositoryPartition(repository));
    expect(pulls.size).toBe(digests.length);
    expect(Date.now() - (pulls.get(first)?.getTime() ?? 0)).toBeLessThan(60_000);
  });

  test('that could not be written are kept for the next time', async () => {
    let away = true;
    const registry = newInstance(
      interpose(stores, async (_, proceed) => {
        if (away) throw new Error('away');
        return await proceed();
      }),
    );
    const repository = repositoryNamed('pulls/later');
    notePull(registry, repository, first as Digest);
    await registry.caches.pulls.flush(registry);
    away = false;
    await registry.caches.pulls.flush(registry);
    expect((await pullsOf(registry, repositoryPartition(repository))).size).toBe(1);
  });
});

describe('what repositories hold', () => {
  const [one, two] = [repositoryNamed('count/one'), repositoryNamed('count/two')];
  const image = makeImage({ config: blobOf(Buffer.from('{}')), layers: [layer] });
  const other = makeImage({ config: blobOf(Buffer.from('{}')), layers: [randomBlob(7000)] });

  test('is told by who holds each blob, with counts and times, page by page', async () => {
    const registry = newInstance(stores, undefined, impatient);
    await pushImage(registry, one, image, ['a', 'b']);
    await pushImage(registry, one, other);
    await mountBlob(registry, {
      repository: two,
      digest: layer.digest,
      from: one,
      mayPull: () => true,
    });
    notePull(registry, one, image.manifest.digest);
    await registry.caches.pulls.flush(registry);
    expect(await countAll(registry)).toBe(1);

    const manifestBytes = image.manifest.bytes.length + other.manifest.bytes.length;
    expect(await readUsage(registry, one)).toMatchObject({
      repository: one,
      uniqueBytes: manifestBytes + 7000 + 2,
      sharedBytes: 50_000,
      manifests: 2,
      tags: 2,
      lastPush: expect.any(Date),
      lastPull: expect.any(Date),
    });
    expect(await readUsage(registry, two)).toMatchObject({
      uniqueBytes: 0,
      sharedBytes: 50_000,
      manifests: 0,
      lastPush: undefined,
      lastPull: undefined,
    });
    const names = (await listUsage(registry, { last: 'count/one', limit: 1 })).map(
      ({ repository }) => repository,
    );
    expect(names).toEqual([two]);
  });

  test('is the same when the count stops after every page, and when two count at once', async () => {
    const registry = newInstance(stores);
    const before = await listUsage(registry, { last: '', limit: 100 });
    const counts = (usage: (typeof before)[number]) => ({ ...usage, countedAt: undefined });
    expect(await countAll(registry, 0)).toBeGreaterThan(2);
    expect((await listUsage(registry, { last: '', limit: 100 })).map(counts)).toEqual(
      before.map(counts),
    );
    await Promise.all([countAll(newInstance(stores)), countAll(newInstance(stores))]);
    expect((await listUsage(registry, { last: '', limit: 100 })).map(counts)).toEqual(
      before.map(counts),
    );
  });

  test('forgets repositories and pulls of manifests that are gone, and leaves no sums behind', async () => {
    const registry = newInstance(stores, undefined, impatient);
    await deleteManifest(registry, one, image.manifest.digest);
    await sweepUntilQuiet(registry);
    await countAll(registry);
    expect((await pullsOf(registry, repositoryPartition(one))).size).toBe(0);
    expect(await readUsage(registry, two)).toBeUndefined();
    expect(await readUsage(registry, one)).toMatchObject({ manifests: 1, sharedBytes: 0 });
    const rows = await stores.tables.scan('usage', { after: 'c:', upTo: 'c;' });
    expect(rows).toEqual([]);
  });

  test('costs five requests a repository', async () => {
    const cost = async () => {
      const { registry, calls } = counted();
      await countAll(registry);
      return calls.length;
    };
    const before = await cost();
    await pushBlob(newInstance(stores), repositoryNamed('count/three'), randomBlob());
    // Its sum is written with those of the others, and deleted with them.
    expect(await cost()).toBe(before + 5);
  });

  test('is not counted again within a day', async () => {
    expect(await countUsage(newInstance(stores), { maxMs: 1000 })).toBeUndefined();
  });
});

describe.each(accidents)('a process that $name the k-th storage call of a count', (accident) => {
  test('leaves a count that the next one ends rightly', async () => {
    await runScenario(
      {
        within: () => repositoryNamed('count/crash'),
        given: (registry, repository) => pushBlob(registry, repository, small),
        act: (registry) => countUsage(registry, { maxMs: 60_000, now: true }),
        retry: (registry) => countAll(registry),
        async afterwards(registry, repository) {
          expect(await readUsage(registry, repository)).toMatchObject({
            uniqueBytes: 1234,
            sharedBytes: 0,
          });
        },
      },
      accident,
      { stores, brokenInvariants },
    );
  }, 120_000);
});
