import { describe, expect, it } from 'vitest';
import { composeAuthority } from '../../shared/auth/authority.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import { appendToUpload } from '../../shared/registry/uploads/append-upload.ts';
import { deleteBlob } from '../../shared/registry/blobs/delete-blob.ts';
import { deleteManifest } from '../../shared/registry/manifests/delete-manifest.ts';
import { finishUpload } from '../../shared/registry/uploads/finish-upload.ts';
import { mountBlob } from '../../shared/registry/blobs/mount-blob.ts';
import { statBlob } from '../../shared/registry/blobs/pull-blob.ts';
import { makeImage, randomBlob } from './image.ts';
import {
  bodyOf,
  newInstance,
  openUpload,
  pullBlob,
  pullTag,
  pushBlob,
  pushImage,
  pushManifest,
  repositoriesUnder,
} from './in-process.ts';
import { interpose } from './interpose.ts';
import { testStorage } from './test-storage.ts';

const { brokenInvariants, stores } = testStorage();

const hour = 3600;
const offBy = (seconds: number): Clock => ({ now: () => new Date(Date.now() + seconds * 1000) });

const newRepository = repositoriesUnder('skewed');

describe.each([
  ['20 hours fast', 20 * hour],
  ['20 hours slow', -20 * hour],
])('A20 an instance whose clock is %s', (_, seconds) => {
  const skewed = () => newInstance(stores, offBy(seconds));
  const right = () => newInstance(stores);

  it('shares uploads, manifests, mounts and deletes with one whose clock is right', async () => {
    const [source, repository] = [newRepository(), newRepository()];
    const image = makeImage({ paddingBytes: 70_000 });
    const [layer = image.config] = image.layers;
    await pushBlob(right(), source, layer);
    const { digest } = layer;
    expect(
      await mountBlob(skewed(), { repository, digest, from: source, mayPull: () => true }),
    ).toBe(true);

    const id = await openUpload(skewed(), repository);
    const { bytes } = image.config;
    await appendToUpload(right(), repository, id, bodyOf(bytes.subarray(0, 100)), undefined);
    await appendToUpload(skewed(), repository, id, bodyOf(bytes.subarray(100)), undefined);
    const put = { digest: image.config.digest, body: undefined, range: undefined };
    await finishUpload(right(), repository, id, put);

    await pushManifest(skewed(), repository, image.manifest, ['one']);
    await pushManifest(right(), repository, image.manifest, ['two']);
    const next = makeImage({ config: image.config, layers: image.layers }).manifest;
    await pushManifest(right(), repository, next, ['two']);
    await pushManifest(skewed(), repository, next, ['three']);
    await deleteManifest(skewed(), repository, next.digest);

    for (const instance of [right(), skewed()]) {
      expect((await pullTag(instance, repository, 'one')).digest).toBe(image.manifest.digest);
      await expect(pullTag(instance, repository, 'two')).rejects.toMatchObject({ status: 404 });
      for (const blob of [image.config, ...image.layers]) {
        expect(blob.bytes.equals(await pullBlob(instance, repository, blob))).toBe(true);
      }
    }
    await expect(deleteBlob(skewed(), repository, digest)).rejects.toMatchObject({
      code: 'UNSUPPORTED',
    });
    expect(await brokenInvariants()).toEqual([]);
  });

  it('judges the age of a link by the clock of storage: a fresh one needs no touch', async () => {
    const repository = newRepository();
    const blob = randomBlob();
    await pushBlob(right(), repository, blob);
    let commits = 0;
    const counting = interpose(stores, async ({ method }, proceed) => {
      if (method === 'commit') commits += 1;
      return await proceed();
    });
    await statBlob(newInstance(counting, offBy(seconds)), repository, blob.digest);
    expect(commits).toBe(0);
  });

  it('neither has its tokens believed nor believes those of others', async () => {
    const [off, on] = [authorityOf(seconds), authorityOf(0)];
    expect(await on.verify(await off.issue())).toBe(false);
    expect(await off.verify(await on.issue())).toBe(false);
    expect(await on.verify(await on.issue())).toBe(true);
  });
});

it.each([20, -20])('tokens tolerate clocks that disagree by %d seconds', async (seconds) => {
  const [off, on] = [authorityOf(seconds), authorityOf(0)];
  expect(await on.verify(await off.issue())).toBe(true);
  expect(await off.verify(await on.issue())).toBe(true);
});

it('a token ends when it says, give or take half a minute', async () => {
  const token = await authorityOf(0).issue();
  const life = 75 * 60;
  expect(await authorityOf(life + 20).verify(token)).toBe(true);
  expect(await authorityOf(life + 60).verify(token)).toBe(false);
  expect(await authorityOf(-60).verify(token)).toBe(false);
});

/** The tokens of an instance whose clock is off by that much. */
function authorityOf(seconds: number) {
  const audience = 'registry.example.com';
  const { tokens } = composeAuthority(
    { adminPassword: undefined, anonymousPull: [] },
    stores.tables,
    offBy(seconds),
  );
  return {
    issue: async () => {
      const request = { subject: 'test', audience, access: [], mountFrom: [] };
      return (await tokens.issueAccess({ ...request, expiresAtMostMs: undefined })).token;
    },
    verify: async (token: string) => (await tokens.verifyAccess(token, audience)) !== undefined,
  };
}

it('pushes go on with every clock at once', async () => {
  const repository = newRepository();
  const config = randomBlob();
  const clocks = [0, 20, -20, 1000, -1000].map((hours) => offBy(hours * hour));
  await Promise.all(
    clocks.map(async (clock, index) => {
      const image = makeImage({ config });
      const registry = newInstance(stores, clock);
      await pushImage(registry, repository, image, [`tag-${index}`, 'latest']);
      const pulled = await pullTag(newInstance(stores), repository, `tag-${index}`);
      expect(pulled.digest).toBe(image.manifest.digest);
    }),
  );
  expect(await brokenInvariants()).toEqual([]);
});
