import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestAzurite, type TestAzurite } from '../harness/azurite.ts';
import { startTestLighter, type TestLighter } from '../harness/lighter.ts';
import { makeImage, randomBlob } from './image.ts';
import { invariantChecker } from './invariants.ts';
import { Refused, RegistryClient, streamed } from './registry-client.ts';

let azurite: TestAzurite;
let instances: TestLighter[];
let a: RegistryClient;
let b: RegistryClient;
/** Every 5xx that was answered. */
const failures: string[] = [];

beforeAll(async () => {
  azurite = await startTestAzurite();
  instances = await Promise.all([startTestLighter({ azurite }), startTestLighter({ azurite })]);
  const [first, second] = instances.map(
    ({ url }) =>
      new RegistryClient(url, (what, { status }) => {
        if (status >= 500) failures.push(`${what}: ${status}`);
      }),
  );
  if (first === undefined || second === undefined) throw new Error('two instances were started');
  [a, b] = [first, second];
});
afterAll(async () => {
  await Promise.all(instances.map((instance) => instance.stop()));
  await azurite.stop();
});

let repositories = 0;
const newRepository = () => `two/r${repositories++}`;
const times = (n: number) => Array.from({ length: n }, (_, index) => index);
const either = (index: number) => (index % 2 === 0 ? a : b);

/** How often each status was answered. */
async function statusesOf(answers: readonly Promise<unknown>[]): Promise<Record<number, number>> {
  const counts: Record<number, number> = {};
  for (const outcome of await Promise.allSettled(answers)) {
    const refused = outcome.status === 'rejected' ? outcome.reason : undefined;
    if (refused !== undefined && !(refused instanceof Refused)) throw refused;
    const status = refused?.status ?? 200;
    counts[status] = (counts[status] ?? 0) + 1;
  }
  return counts;
}

describe('an upload that two instances serve', () => {
  it('starts at one, is streamed at the other, ends at the first', async () => {
    const repository = newRepository();
    const blob = randomBlob(300_000);
    const location = await a.startUpload(repository);
    await b.patch(location, blob.bytes);
    await a.finish(location, blob.digest);
    expect(await b.pullBlob(repository, blob.digest)).toEqual(blob.bytes);
  });

  it('takes chunks at both in turn', async () => {
    const repository = newRepository();
    const blob = randomBlob(300_000);
    const location = await a.startUpload(repository);
    for (const index of times(6)) {
      const chunk = blob.bytes.subarray(index * 50_000, (index + 1) * 50_000);
      const range = `${index * 50_000}-${(index + 1) * 50_000 - 1}`;
      await either(index + 1).patch(location, chunk, { 'content-range': range });
    }
    await a.finish(location, blob.digest);
    expect(await b.pullBlob(repository, blob.digest)).toEqual(blob.bytes);
  });

  it('refuses a chunk whose lost answer made the client send it again, and says where to go on', async () => {
    const repository = newRepository();
    const blob = randomBlob(2000);
    const location = await a.startUpload(repository);
    const first = blob.bytes.subarray(0, 1000);
    const second = blob.bytes.subarray(1000);
    await a.patch(location, first, { 'content-range': '0-999' });
    for (const instance of [b, a, b]) {
      const again = { body: streamed(first), headers: { 'content-range': '0-999' } };
      await instance.expect([416], 'PATCH', location, again);
      const status = await instance.expect([204], 'GET', location);
      expect(status.headers.get('range')).toBe('0-999');
    }
    await b.patch(location, second, { 'content-range': '1000-1999' });
    await a.finish(location, blob.digest);
    expect(await a.pullBlob(repository, blob.digest)).toEqual(blob.bytes);
  });

  it('never serves the bytes of a stream that was sent twice without a range', async () => {
    const repository = newRepository();
    const blob = randomBlob(2000);
    const location = await a.startUpload(repository);
    await a.patch(location, blob.bytes);
    await b.patch(location, blob.bytes);
    const ended = await statusesOf([a.finish(location, blob.digest)]);
    if (ended[200] === undefined) {
      expect(await b.hasBlob(repository, blob.digest)).toBe(false);
      await b.pushBlob(repository, blob);
    }
    expect(await b.pullBlob(repository, blob.digest)).toEqual(blob.bytes);
  });

  it('lets one of two chunks at once win, whatever the instances remember', async () => {
    const repository = newRepository();
    for (const round of times(5)) {
      const blob = randomBlob(2000);
      const location = await either(round).startUpload(repository);
      const [first, rest] = [blob.bytes.subarray(0, 1000), blob.bytes.subarray(1000)];
      const outcomes = await statusesOf(
        times(4).map((index) => either(index).patch(location, first, { 'content-range': '0-999' })),
      );
      expect(outcomes).toEqual({ 200: 1, 416: 3 });
      await either(round + 1).patch(location, rest, { 'content-range': '1000-1999' });
      await either(round).finish(location, blob.digest);
      expect(await a.pullBlob(repository, blob.digest)).toEqual(blob.bytes);
    }
  });

  it.each([true, false])(
    'answers 201 to two final PUTs at once (streamed before: %s)',
    async (patched) => {
      const repository = newRepository();
      for (const round of times(5)) {
        const blob = randomBlob(2000);
        const location = await either(round).startUpload(repository);
        if (patched) await a.patch(location, blob.bytes);
        const finish = (client: RegistryClient) =>
          client.finish(location, blob.digest, patched ? undefined : blob.bytes);
        await Promise.all([finish(a), finish(b)]);
        await finish(either(round));
        expect(await b.pullBlob(repository, blob.digest)).toEqual(blob.bytes);
      }
    },
  );

  it('answers 201 to two final PUTs at once of a blob that is there', async () => {
    const repository = newRepository();
    const blob = randomBlob(2000);
    await a.pushBlob(repository, blob);
    for (const round of times(5)) {
      const location = await either(round).startUpload(repository);
      await Promise.all([a, b].map((client) => client.finish(location, blob.digest, blob.bytes)));
    }
  });

  it('lets a final PUT with other bytes at the same time change nothing', async () => {
    const repository = newRepository();
    for (const round of times(5)) {
      const [blob, other] = [randomBlob(2000), randomBlob(2000)];
      const location = await either(round).startUpload(repository);
      const outcomes = await statusesOf([
        a.finish(location, blob.digest, blob.bytes),
        b.finish(location, blob.digest, other.bytes),
      ]);
      // The second may come when all is done: then it is told what is true, that the blob is there.
      expect(outcomes[200]).toBeGreaterThanOrEqual(1);
      expect(await b.pullBlob(repository, blob.digest)).toEqual(blob.bytes);
      expect(await b.hasBlob(repository, other.digest)).toBe(false);
    }
  });

  it('is either cancelled or finished, never both', async () => {
    const repository = newRepository();
    for (const round of times(8)) {
      const blob = randomBlob(2000);
      const location = await either(round).startUpload(repository);
      await either(round).patch(location, blob.bytes);
      const [finished, cancelled] = await Promise.all([
        statusesOf([a.finish(location, blob.digest)]),
        statusesOf([b.expect([204], 'DELETE', location)]),
      ]);
      expect({ ...finished, ...cancelled }).toEqual(expect.objectContaining({ 200: 1 }));
      expect(finished[200] === 1 && cancelled[200] === 1).toBe(false);
      expect(await b.hasBlob(repository, blob.digest)).toBe(finished[200] === 1);
    }
  });
});

describe('a tag that two instances write', () => {
  it('goes to exactly one of many writers with the same If-Match', async () => {
    const repository = newRepository();
    const old = makeImage();
    await a.pushImage(repository, old, 'latest');
    const parts = { config: old.config, layers: old.layers };
    for (const _ of times(3)) {
      const before = await b.tagDigest(repository, 'latest');
      const next = times(8).map(() => makeImage(parts).manifest);
      const outcomes = await statusesOf(
        next.map((manifest, index) =>
          either(index).putManifest(repository, 'latest', manifest, { 'if-match': `"${before}"` }),
        ),
      );
      expect(outcomes).toEqual({ 200: 1, 412: 7 });
      const after = await a.tagDigest(repository, 'latest');
      expect(next.map(({ digest }) => digest)).toContain(after);
    }
  });

  it('goes to exactly one of many writers with If-None-Match: *', async () => {
    const repository = newRepository();
    const old = makeImage();
    await a.pushImage(repository, old, 'latest');
    const parts = { config: old.config, layers: old.layers };
    const outcomes = await statusesOf(
      times(8).map((index) =>
        either(index).putManifest(repository, 'fresh', makeImage(parts).manifest, {
          'if-none-match': '*',
        }),
      ),
    );
    expect(outcomes).toEqual({ 200: 1, 412: 7 });
  });

  it('takes every unconditional write, and ends at one of them', async () => {
    const repository = newRepository();
    const old = makeImage();
    await a.pushImage(repository, old, 'latest');
    const next = times(12).map(
      () => makeImage({ config: old.config, layers: old.layers }).manifest,
    );
    await Promise.all(
      next.map((manifest, index) => either(index).putManifest(repository, 'latest', manifest)),
    );
    const [atA, atB] = await Promise.all([a, b].map((c) => c.tagDigest(repository, 'latest')));
    expect(atA).toBe(atB);
    expect(next.map(({ digest }) => digest)).toContain(atA);
  });
});

describe('deletes at one instance against pushes at the other', () => {
  it('never leave a manifest that was accepted without its layers', async () => {
    const repository = newRepository();
    for (const _ of times(6)) {
      const image = makeImage();
      await a.pushImage(repository, image, 'base');
      await a.delete(repository, 'manifests', image.manifest.digest);
      const again = makeImage({ config: image.config, layers: image.layers });
      const layer = image.layers[0]?.digest ?? image.config.digest;
      const [pushed, deleted] = await Promise.all([
        statusesOf([b.putManifest(repository, 'again', again.manifest)]),
        statusesOf([a.delete(repository, 'blobs', layer)]),
      ]);
      if (pushed[200] === 1) {
        for (const { digest, bytes } of image.layers) {
          expect(await b.pullBlob(repository, digest)).toEqual(bytes);
        }
        await a.delete(repository, 'manifests', again.manifest.digest);
      } else {
        expect(pushed).toEqual({ 404: 1 });
        expect(deleted).toEqual({ 200: 1 });
      }
    }
  });

  it('never leave a tag that points to a deleted manifest', async () => {
    const repository = newRepository();
    const image = makeImage();
    for (const _ of times(6)) {
      await a.pushImage(repository, image, 'one');
      await Promise.all([
        statusesOf([b.putManifest(repository, 'two', image.manifest)]),
        statusesOf([b.putManifest(repository, 'one', image.manifest)]),
        statusesOf([a.delete(repository, 'manifests', image.manifest.digest)]),
      ]);
      for (const tag of ['one', 'two']) {
        const digest = await b.tagDigest(repository, tag);
        if (digest !== undefined) {
          expect(await a.pullManifest(repository, tag)).toEqual(image.manifest.bytes);
        }
      }
    }
  });
});

it('twenty pushers who all send the shared config again all succeed', async () => {
  const repository = newRepository();
  const config = randomBlob();
  const images = times(20).map(() => makeImage({ config }));
  await Promise.all(
    images.map(async (image, index) => {
      const client = either(index);
      await client.pushBlob(repository, config, index % 4 < 2);
      for (const layer of image.layers) await client.pushBlob(repository, layer);
      await client.putManifest(repository, `tag-${index}`, image.manifest);
    }),
  );
  for (const [index, image] of images.entries()) {
    const pulled = await either(index + 1).pullManifest(repository, `tag-${index}`);
    expect(pulled).toEqual(image.manifest.bytes);
  }
  expect(await a.pullBlob(repository, config.digest)).toEqual(config.bytes);
});

it('after all that, every invariant holds and no answer was a 5xx', async () => {
  expect(await invariantChecker(azurite)()).toEqual([]);
  expect(failures).toEqual([]);
});
