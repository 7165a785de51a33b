import { describe, expect, it } from 'vitest';
import { mountBlob } from '../../shared/registry/blobs/mount-blob.ts';
import { deleteBlob } from '../../shared/registry/blobs/delete-blob.ts';
import { deleteManifest, deleteTag } from '../../shared/registry/manifests/delete-manifest.ts';
import { listRepositories } from '../../shared/registry/repositories/catalog.ts';
import { manifestKey, repositoryPartition } from '../../shared/registry/rows/row-keys.ts';
import { lastReport } from '../../shared/registry/sweep/sweep-report.ts';
import { sweep } from '../../shared/registry/sweep/sweep.ts';
import { finishUpload } from '../../shared/registry/uploads/finish-upload.ts';
import { expectBlob, expectTag } from '../faults/crash-scenario.ts';
import { blobsOf, makeImage, randomBlob } from '../faults/image.ts';
import {
  bodyOf,
  newInstance,
  openUpload,
  pushBlob,
  pushImage,
  pushManifest,
  repositoriesUnder,
  tagNamed,
} from '../faults/in-process.ts';
import { interpose } from '../faults/interpose.ts';
import { leftovers } from '../faults/leftovers.ts';
import { commits, pauseAt } from '../faults/pause.ts';
import { testStorage } from '../faults/test-storage.ts';
import { everythingIn, impatientInstance, sweepOnce, sweepUntilQuiet } from './sweeping.ts';

const { brokenInvariants, readStorage, stores } = testStorage();

const newRepository = repositoriesUnder('run');

/** Something of every kind that a sweep takes away. */
async function makeGarbage() {
  const repository = newRepository();
  const registry = impatientInstance(stores);
  await openUpload(registry, repository);
  await pushBlob(registry, repository, randomBlob());
  const large = makeImage({ paddingBytes: 70_000 });
  await pushImage(registry, repository, large, ['large']);
  await deleteManifest(registry, repository, large.manifest.digest);
  const deleted = randomBlob();
  await pushBlob(registry, repository, deleted);
  await deleteBlob(registry, repository, deleted.digest);
}

describe('a sweep', () => {
  it('in a dry run tells what it would do, and writes nothing', async () => {
    await makeGarbage();
    const before = everythingIn(await readStorage());
    const report = await sweep(impatientInstance(stores), { dryRun: true, maxMs: 60_000 });
    expect(everythingIn(await readStorage())).toEqual(before);
    expect(report).toMatchObject({ dryRun: true, complete: true, failures: [] });
    for (const kind of ['uploads', 'blobs', 'releases', 'manifests'] as const) {
      expect(report.kinds[kind].done, kind).toBeGreaterThan(0);
    }
    const really = await sweepOnce(impatientInstance(stores));
    expect(really.kinds.manifests).toEqual(report.kinds.manifests);
    const kept = await lastReport(impatientInstance(stores), 'sweep');
    expect(JSON.parse(kept ?? '')).toEqual(really);
  });

  it('done twice at once, and again, frees all and breaks nothing', async () => {
    for (let count = 0; count < 3; count++) await makeGarbage();
    const kept = newRepository();
    const image = makeImage();
    await pushImage(impatientInstance(stores), kept, image, ['kept']);
    for (let round = 0; round < 3; round++) {
      await Promise.all([1, 2].map(() => sweepOnce(impatientInstance(stores))));
      expect(await brokenInvariants()).toEqual([]);
    }
    await sweepUntilQuiet(impatientInstance(stores));
    const settled = await readStorage();
    expect(leftovers(settled)).toEqual([]);
    await expectTag(newInstance(stores), kept, 'kept', image.manifest);
    await sweepOnce(impatientInstance(stores));
    const { repo, data, content, manifests } = await readStorage();
    expect({ repo, data, content, manifests }).toEqual({
      repo: settled.repo,
      data: settled.data,
      content: settled.content,
      manifests: settled.manifests,
    });
  });

  it('stops when its time is over, and the next goes on', async () => {
    await makeGarbage();
    const report = await sweep(impatientInstance(stores), { dryRun: false, maxMs: 0 });
    expect(report).toMatchObject({ complete: false, repositoriesVisited: 0 });
    await sweepUntilQuiet(impatientInstance(stores));
    expect(leftovers(await readStorage())).toEqual([]);
  });

  it('costs one request for a repository where nothing is due, the first time two more', async () => {
    const counted = async () => {
      let calls = 0;
      const counting = interpose(stores, async (_, proceed) => {
        calls += 1;
        return await proceed();
      });
      await sweepOnce(newInstance(counting));
      return calls;
    };
    await sweepUntilQuiet(impatientInstance(stores));
    const before = await counted();
    for (let count = 0; count < 5; count++) {
      await pushImage(newInstance(stores), newRepository(), makeImage(), ['latest']);
    }
    // Its tags are looked at once, and it is marked: they are in the order of time.
    expect((await counted()) - before).toBe(15);
    expect((await counted()) - before).toBe(5);
  });

  it('ends a deleted manifest that fits one transaction with two requests', async () => {
    const repository = newRepository();
    const registry = impatientInstance(stores);
    const images = Array.from({ length: 4 }, () => makeImage());
    for (const [index, image] of images.entries()) {
      await pushImage(registry, repository, image, [`v${index}`]);
      await deleteManifest(registry, repository, image.manifest.digest);
    }
    const rows = images.map(({ manifest }) => manifestKey(manifest.digest));
    const asked: string[] = [];
    const noting = interpose(stores, async (call, proceed) => {
      const keys = [call.rowKey ?? '', ...call.operations.map(({ rowKey }) => rowKey)];
      asked.push(...rows.filter((row) => keys.includes(row)));
      return await proceed();
    });
    await sweepOnce(impatientInstance(noting));
    expect(asked.toSorted()).toEqual(rows.flatMap((row) => [row, row]).toSorted());
  });

  it('forgets a repository in which nothing is left, and a push brings it back', async () => {
    const repository = newRepository();
    const image = makeImage();
    const registry = () => impatientInstance(stores);
    await pushImage(registry(), repository, image, ['latest']);
    await deleteManifest(registry(), repository, image.manifest.digest);
    await sweepUntilQuiet(registry());
    const all = { last: '', limit: 1000, wanted: () => true };
    expect(await listRepositories(registry(), all)).not.toContain(repository);
    await pushImage(registry(), repository, image, ['latest']);
    expect(await listRepositories(registry(), all)).toContain(repository);
    await sweepUntilQuiet(registry());
    await expectTag(registry(), repository, 'latest', image.manifest);
  });

  it('that dies as soon as the last manifest is gone leaves the rest to the next', async () => {
    const repository = newRepository();
    const image = makeImage();
    await pushImage(impatientInstance(stores), repository, image, ['latest']);
    await deleteManifest(impatientInstance(stores), repository, image.manifest.digest);
    const isLast = commits('delete', manifestKey(image.manifest.digest));
    let isDead = false;
    const dying = interpose(stores, async (call, proceed) => {
      if (isDead) throw new Error('the process is dead');
      const answer = await proceed();
      isDead ||= isLast(call);
      return answer;
    });
    await sweep(impatientInstance(dying), { dryRun: false, maxMs: 60_000 }).catch(() => undefined);
    expect(isDead).toBe(true);
    await sweepUntilQuiet(impatientInstance(stores));
    const { catalog } = await readStorage();
    expect(catalog.get('c')?.has(repositoryPartition(repository)) ?? false).toBe(false);
  });
});

describe('attacks, with the sweep itself', () => {
  it.each([
    ['A1', commits('insert', 'b:')],
    ['A2', commits('merge', 'l')],
  ] as const)('%s a stalled mount ends in a blob that is whole, or in none', async (_, stop) => {
    const [from, repository] = [newRepository(), newRepository()];
    const blob = randomBlob();
    await pushBlob(newInstance(stores), from, blob);
    const pause = pauseAt(stores, stop);
    const request = { repository, digest: blob.digest, from, mayPull: () => true };
    const mounted = mountBlob(impatientInstance(pause.stores), request);
    await pause.reached;
    await deleteBlob(newInstance(stores), from, blob.digest);
    await sweepUntilQuiet(impatientInstance(stores));
    pause.resume();
    if (await mounted) await expectBlob(newInstance(stores), repository, blob);
    expect(await brokenInvariants()).toEqual([]);
  });

  it.each([
    ['before its rows', commits('insert', 'l')],
    ['before its link', commits('insert', 'b:')],
  ] as const)(
    'A3 a final PUT that stalls %s while its upload is swept leaves nothing',
    async (_, stop) => {
      const repository = newRepository();
      const { bytes, digest } = randomBlob();
      const id = await openUpload(impatientInstance(stores), repository);
      const pause = pauseAt(stores, stop);
      const put = { digest, body: bodyOf(bytes), range: undefined };
      const finished = finishUpload(impatientInstance(pause.stores), repository, id, put);
      await pause.reached;
      await sweepUntilQuiet(impatientInstance(stores));
      pause.resume();
      await expect(finished).rejects.toMatchObject({ code: 'BLOB_UPLOAD_UNKNOWN' });
      await sweepUntilQuiet(impatientInstance(stores));
      const { data } = await readStorage();
      const digests = [...data.values()].map((rows) => rows.get('l')?.['digest']);
      expect(digests).not.toContain(digest);
      expect(await brokenInvariants()).toEqual([]);
    },
  );

  it('A1 a mount that ends between the steps of a release keeps what it acquired', async () => {
    const [from, repository] = [newRepository(), newRepository()];
    const blob = randomBlob();
    await pushBlob(newInstance(stores), from, blob);
    const mountPause = pauseAt(stores, commits('insert', 'b:'));
    const request = { repository, digest: blob.digest, from, mayPull: () => true };
    const mounted = mountBlob(impatientInstance(mountPause.stores), request);
    await mountPause.reached;
    const sweepPause = pauseAt(stores, commits('delete', 'h:'));
    const swept = sweep(impatientInstance(sweepPause.stores), {
      dryRun: false,
      maxMs: 60_000,
      repository,
    });
    await sweepPause.reached;
    mountPause.resume();
    expect(await mounted).toBe(true);
    sweepPause.resume();
    await swept;
    expect(await brokenInvariants()).toEqual([]);
    await expectBlob(newInstance(stores), repository, blob);
  });

  it('A3 a final PUT that ends between the steps of its sweep publishes nothing', async () => {
    const repository = newRepository();
    const { bytes, digest } = randomBlob();
    const id = await openUpload(impatientInstance(stores), repository);
    const pause = pauseAt(stores, commits('insert', 'b:'));
    const put = { digest, body: bodyOf(bytes), range: undefined };
    const finished = finishUpload(impatientInstance(pause.stores), repository, id, put);
    await pause.reached;
    const sweepPause = pauseAt(stores, commits('delete', 'u:'));
    const swept = sweepUntilQuiet(impatientInstance(sweepPause.stores));
    await sweepPause.reached;
    pause.resume();
    await expect(finished).rejects.toMatchObject({ code: 'BLOB_UPLOAD_UNKNOWN' });
    sweepPause.resume();
    await swept;
    await sweepUntilQuiet(impatientInstance(stores));
    expect(await brokenInvariants()).toEqual([]);
  });

  it.each([
    ['A5', 60, 0],
    ['A6', 1, 70_000],
  ])(
    '%s a manifest that is swept while it is written holds its children all the same',
    async (_, count, paddingBytes) => {
      const repository = newRepository();
      const patient = newInstance(stores);
      const layers = Array.from({ length: count }, () => randomBlob(20));
      const image = makeImage({ layers, paddingBytes });
      for (const blob of blobsOf(image)) await pushBlob(patient, repository, blob);
      const pause = pauseAt(stores, commits('insert', 't:'));
      const writer = impatientInstance(pause.stores);
      const pushed = pushManifest(writer, repository, image.manifest, ['latest']);
      await pause.reached;
      const eager = { ...patient, seconds: { ...patient.seconds, unfinishedWork: 0 } };
      const report = await sweepOnce(eager);
      expect(report.kinds.manifests.done).toBe(1);
      expect(await brokenInvariants()).toEqual([]);
      pause.resume();
      await pushed;
      await sweepUntilQuiet(eager);
      await expectTag(newInstance(stores), repository, 'latest', image.manifest);
      for (const blob of image.layers) await expectBlob(newInstance(stores), repository, blob);
      expect(await brokenInvariants()).toEqual([]);
    },
  );

  it('A6 a purge that stalls takes no reference of a manifest that is pushed again', async () => {
    const repository = newRepository();
    const image = makeImage();
    await pushImage(newInstance(stores), repository, image, ['old']);
    await deleteManifest(impatientInstance(stores), repository, image.manifest.digest);
    const pause = pauseAt(stores, commits('delete', 'p:'));
    const swept = sweep(impatientInstance(pause.stores), {
      dryRun: false,
      maxMs: 60_000,
      repository,
    });
    await pause.reached;
    await pushManifest(newInstance(stores), repository, image.manifest, ['new']);
    pause.resume();
    await swept;
    expect(await brokenInvariants()).toEqual([]);
    await expectTag(newInstance(stores), repository, 'new', image.manifest);
  });

  it('A20 a sweep whose clock is a week ahead takes nothing that is young for storage', async () => {
    const repository = newRepository();
    const registry = newInstance(stores);
    const blob = randomBlob();
    await pushBlob(registry, repository, blob);
    const id = await openUpload(registry, repository);
    await sweepOnce(newInstance(stores, { now: () => new Date(Date.now() + 7 * 86_400_000) }));
    await expectBlob(newInstance(stores), repository, blob);
    const next = randomBlob();
    const put = { digest: next.digest, body: bodyOf(next.bytes), range: undefined };
    await finishUpload(registry, repository, id, put);
    await expectBlob(newInstance(stores), repository, next);
  });

  it('A21 A22 a manifest of many tags, swept while it is pushed again, dangles none', async () => {
    const repository = newRepository();
    const registry = impatientInstance(stores);
    const image = makeImage();
    const tags = Array.from({ length: 50 }, (_, index) => `t${index}`);
    await pushImage(registry, repository, image, tags);
    await deleteTag(registry, repository, tagNamed('t0'));
    await deleteManifest(registry, repository, image.manifest.digest);
    const pause = pauseAt(stores, commits('insert', 't:'));
    const pushed = pushImage(newInstance(pause.stores), repository, image, ['again']);
    await pause.reached;
    const report = await sweepOnce(newInstance(stores));
    expect(report.kinds.manifests.done).toBeGreaterThan(0);
    pause.resume();
    await pushed;
    await sweepOnce(newInstance(stores));
    await expectTag(newInstance(stores), repository, 'again', image.manifest);
    expect(await brokenInvariants()).toEqual([]);
  });
});
