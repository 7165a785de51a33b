import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, expect, it } from 'vitest';
import { audit } from '../../shared/registry/audit/audit.ts';
import { listBackups, readBackupManifest } from '../../shared/registry/backup/list-backups.ts';
import { rebuildIndex } from '../../shared/registry/backup/rebuild-index.ts';
import { removeOldBackups } from '../../shared/registry/backup/remove-backups.ts';
import { restoreBackup } from '../../shared/registry/backup/restore.ts';
import { takeBackup } from '../../shared/registry/backup/take-backup.ts';
import { mountBlob } from '../../shared/registry/blobs/mount-blob.ts';
import { deleteManifest, deleteTag } from '../../shared/registry/manifests/delete-manifest.ts';
import type { Registry } from '../../shared/registry/registry.ts';
import { sweep } from '../../shared/registry/sweep/sweep.ts';
import { expectBlob, expectTag, gone } from '../faults/crash-scenario.ts';
import { blobsOf, makeImage, makeIndex, type TestImage } from '../faults/image.ts';
import { pushImage, pushManifest, repositoryNamed, tagNamed } from '../faults/in-process.ts';
import { interpose, type Stores } from '../faults/interpose.ts';
import { invariantChecker } from '../faults/invariants.ts';
import { startTestAzurite, type TestAzurite } from '../harness/azurite.ts';
import { readStorage } from '../faults/storage-snapshot.ts';
import { pullTag } from '../faults/in-process.ts';
import { storesOf } from '../faults/test-storage.ts';
import { sweepOnce, sweepUntilQuiet } from '../sweep/sweeping.ts';
import { freshInstance, options, savedRows, switchBackupsOn, takeWholeBackup } from './backups.ts';
import { wipeTables } from './wipe-tables.ts';

const repository = repositoryNamed('team/app');
let azurite: TestAzurite;
let stores: Stores;

beforeEach(async () => {
  azurite = await startTestAzurite();
  stores = await storesOf(azurite);
  await switchBackupsOn(stores);
  return () => azurite.stop();
});

async function expectImage(registry: Registry, image: TestImage, tag: string) {
  await expectTag(registry, repository, tag, image.manifest);
  for (const blob of blobsOf(image)) await expectBlob(registry, repository, blob);
}

/** Also where tables are gone, which reading does not make again. */
async function snapshot() {
  await storesOf(azurite);
  return await readStorage(azurite);
}

const restore = (backup: string, existing: 'refuse' | 'keep' | 'replace' = 'refuse') =>
  restoreBackup(freshInstance(stores), { backup, existing, maxMs: 60_000 });

it('a registry whose tables are wiped is restored, and every image pulls back byte for byte', async () => {
  const registry = freshInstance(stores);
  const small = makeImage();
  const large = makeImage({ paddingBytes: 70_000 });
  await pushImage(registry, repository, small, ['small', 'same']);
  await pushImage(registry, repository, large, ['large']);
  const index = makeIndex([small.manifest, large.manifest]);
  await pushManifest(registry, repository, index, ['all']);
  const { id } = await takeWholeBackup(registry);
  await wipeTables(azurite);

  const report = await restore(id);
  expect(report).toMatchObject({ finished: true, lostBlobs: 0, lostManifests: 0 });
  const restored = freshInstance(stores);
  await expectImage(restored, small, 'small');
  await expectImage(restored, small, 'same');
  await expectImage(restored, large, 'large');
  await expectTag(restored, repository, 'all', index);
  expect((await restored.policy.current()).backup).toEqual({ keepDays: 14 });
  await sweepUntilQuiet(freshInstance(stores));
  expect(await invariantChecker(azurite)()).toEqual([]);
  await expectImage(freshInstance(stores), large, 'large');
}, 60_000);

/** Longer than the whole second that an age is short of, twice. */
const laterMs = 3500;

it('a backup of which a file or the manifest is damaged is refused before anything is written', async () => {
  const registry = freshInstance(stores);
  await pushImage(registry, repository, makeImage(), ['latest']);
  const { id } = await takeWholeBackup(registry);
  const [part] = (await readBackupManifest(registry, id)).parts;
  const path = part?.path ?? '';
  const bytes = Buffer.from((await registry.backups.read(path)) ?? []);
  await wipeTables(azurite);
  for (const damage of [undefined, Buffer.concat([bytes, Buffer.from([0])])]) {
    await registry.backups.delete(path);
    if (damage !== undefined) await registry.backups.write(path, damage);
    await expect(restore(id)).rejects.toMatchObject({ status: 409, detail: { file: path } });
    expect((await snapshot()).repo.size).toBe(0);
  }
  await registry.backups.delete(path);
  await registry.backups.write(path, bytes);
  const manifest = `${id}/manifest.json`;
  const text = Buffer.from((await registry.backups.read(manifest)) ?? []).toString();
  await registry.backups.delete(manifest);
  await registry.backups.write(manifest, Buffer.from(text.replace(/"rows":\d/, '"rows":9')));
  await expect(restore(id)).rejects.toMatchObject({ status: 409, detail: { file: manifest } });
  await registry.backups.delete(manifest);
  await expect(restore(id)).rejects.toMatchObject({ status: 404 });
  await registry.backups.write(manifest, Buffer.from(text));
  expect(await restore(id)).toMatchObject({ finished: true });
}, 60_000);

it('a registry that lives is not overwritten unless told so: kept rows win, or the backup does', async () => {
  const registry = freshInstance(stores);
  const old = makeImage();
  const young = makeImage();
  await pushImage(registry, repository, old, ['latest', 'old']);
  const { id } = await takeWholeBackup(registry);
  await pushImage(registry, repository, young, ['latest', 'young']);
  await expect(restore(id)).rejects.toMatchObject({ status: 409 });
  await expectImage(freshInstance(stores), young, 'latest');

  await deleteTag(registry, repository, tagNamed('old'));
  expect(await restore(id, 'keep')).toMatchObject({ finished: true, lostManifests: 0 });
  await expectImage(freshInstance(stores), young, 'latest');
  await expectImage(freshInstance(stores), old, 'old');
  expect(await restore(id, 'replace')).toMatchObject({ finished: true, lostManifests: 0 });
  await expectImage(freshInstance(stores), old, 'latest');
  await expectImage(freshInstance(stores), young, 'young');
  await deleteManifest(freshInstance(stores), repository, young.manifest.digest);
  await expectImage(freshInstance(stores), old, 'latest');
  await sweepUntilQuiet(freshInstance(stores));
  expect(await invariantChecker(azurite)()).toEqual([]);
}, 60_000);

it('while a restore is under way the sweep and the audit stand still', async () => {
  const registry = freshInstance(stores);
  const image = makeImage();
  await pushImage(registry, repository, image, ['latest']);
  const { id } = await takeWholeBackup(registry);
  await wipeTables(azurite);
  const slice = { backup: id, existing: 'refuse', maxMs: 0 } as const;
  expect(await restoreBackup(freshInstance(stores), slice)).toMatchObject({ finished: false });
  const before = (await snapshot()).content.size;
  await audit(freshInstance(stores), { repair: true, maxMs: 60_000 });
  expect((await readStorage(azurite)).content.size).toBe(before);
  const report = await sweep(freshInstance(stores), { dryRun: false, maxMs: 60_000 });
  expect(report).toMatchObject({ complete: false, repositoriesVisited: 0 });
  for (let calls = 0; ; calls++) {
    if ((await restoreBackup(freshInstance(stores), slice)).finished) break;
    expect(calls).toBeLessThan(50);
  }
  await expectTag(freshInstance(stores), repository, 'latest', image.manifest);
}, 60_000);

it('bytes that are given up wait for a backup that began later, manifests above 60 KiB, too', async () => {
  const registry = freshInstance(stores);
  const image = makeImage({ paddingBytes: 70_000 });
  await pushImage(registry, repository, image, ['latest']);
  const { id } = await takeWholeBackup(registry);
  await deleteManifest(registry, repository, image.manifest.digest);
  await sweepUntilQuiet(registry);
  const kept = await readStorage(azurite);
  expect(kept.content.size).toBe(2);
  expect(kept.manifests.size).toBe(1);
  await wipeTables(azurite);
  expect(await restore(id)).toMatchObject({ lostBlobs: 0, lostManifests: 0 });
  await expectImage(freshInstance(stores), image, 'latest');

  await deleteManifest(freshInstance(stores), repository, image.manifest.digest);
  await sweepUntilQuiet(freshInstance(stores));
  await sleep(laterMs);
  await takeWholeBackup(freshInstance(stores));
  await sweepUntilQuiet(freshInstance(stores));
  const freed = await readStorage(azurite);
  expect([freed.content.size, freed.manifests.size]).toEqual([0, 0]);
  // The older backup names what is gone now: it says so, and what it restores is whole.
  await wipeTables(azurite);
  const report = await restore(id);
  expect(report).toMatchObject({ lostBlobs: 2, lostManifests: 1, droppedTags: 1 });
  // By names that people know, not by the keys of rows.
  expect(report.examples.join('\n')).toMatch(/^droppedTags: [a-z/]+:[a-z]+$/m);
  await gone(pullTag(freshInstance(stores), repository, 'latest'));
}, 60_000);

it('a backup taken while images come, move, go and are swept restores what was there throughout', async () => {
  const stay = await Promise.all(
    Array.from({ length: 6 }, async (_, index) => {
      const image = makeImage({ paddingBytes: index % 2 === 0 ? 0 : 70_000 });
      await pushImage(freshInstance(stores), repository, image, [`stay-${index}`, `too-${index}`]);
      return image;
    }),
  );
  const going = Array.from({ length: 12 }, () => makeImage());
  const moving = [makeImage()];
  for (const image of moving) await pushImage(freshInstance(stores), repository, image, ['moves']);
  for (const image of going) await pushImage(freshInstance(stores), repository, image, ['goes']);
  // A request of the backup, then a change, in turn: every boundary of pages has one.
  const changes = changesOf(going, moving);
  const slow = interpose(stores, async (_, proceed) => {
    const answer = await proceed();
    await changes.next();
    return answer;
  });
  const { id } = await takeWholeBackup(freshInstance(slow));
  await wipeTables(azurite);
  expect(await restore(id)).toMatchObject({ finished: true });
  for (const [index, image] of stay.entries()) {
    await expectImage(freshInstance(stores), image, `stay-${index}`);
    await expectImage(freshInstance(stores), image, `too-${index}`);
  }
  // A tag that was there throughout is there, and whole, wherever it pointed just then.
  const { digest } = await pullTag(freshInstance(stores), repository, 'moves');
  const moved = moving.find(({ manifest }) => manifest.digest === digest);
  for (const blob of moved === undefined ? [] : blobsOf(moved)) {
    await expectBlob(freshInstance(stores), repository, blob);
  }
  expect(moved).toBeDefined();
  const unsafe = (await invariantChecker(azurite)()).filter((each) =>
    /: (I|J2|J3|J4|K1)/.test(each),
  );
  expect(unsafe).toEqual([]);
  await audit(freshInstance(stores), { repair: true, maxMs: 60_000 });
  await sweepUntilQuiet(freshInstance(stores));
  expect(await invariantChecker(azurite)()).toEqual([]);
  for (const [index, image] of stay.entries()) {
    await expectImage(freshInstance(stores), image, `stay-${index}`);
  }
}, 120_000);

async function* changesOf(going: readonly TestImage[], moving: TestImage[]): AsyncGenerator<void> {
  const registry = freshInstance(stores);
  for (const [index, image] of going.entries()) {
    await deleteManifest(registry, repository, image.manifest.digest);
    yield;
    const next = makeImage();
    moving.push(next);
    await pushImage(registry, repository, next, [`come-${index}`, 'moves']);
    yield;
    await sweepOnce(freshInstance(stores));
    yield;
  }
}

it('two instances at once make one backup, each row in it once', async () => {
  const registry = freshInstance(stores);
  await pushImage(registry, repository, makeImage(), ['latest']);
  const expected = await savedRows(stores);
  for (let round = 0; round < 5; round++) {
    const both = [freshInstance(stores), freshInstance(stores)];
    await Promise.all(both.map((each) => takeBackup(each, options)));
    const { complete, run } = await listBackups(registry);
    const id = run?.id ?? complete.at(-1) ?? '';
    await takeBackup(registry, options, id);
    expect(await savedRows(stores, await readBackupManifest(registry, id))).toEqual(expected);
  }
});

it('two instances at once restore the same', async () => {
  const registry = freshInstance(stores);
  const image = makeImage();
  await pushImage(registry, repository, image, ['latest']);
  const { id } = await takeWholeBackup(registry);
  await wipeTables(azurite);
  await Promise.allSettled([restore(id), restore(id)]);
  expect(await restore(id)).toMatchObject({ finished: true, lostBlobs: 0 });
  await expectImage(freshInstance(stores), image, 'latest');
  await sweepUntilQuiet(freshInstance(stores));
  expect(await invariantChecker(azurite)()).toEqual([]);
}, 60_000);

it('old backups go, the last complete one stays', async () => {
  const registry = freshInstance(stores);
  const first = await takeWholeBackup(registry);
  const second = await takeWholeBackup(registry);
  await sleep(1100);
  await removeOldBackups(registry, 0);
  expect((await listBackups(registry)).complete).toEqual([second.id]);
  const { paths } = await registry.backups.list('', undefined);
  expect(paths.filter((path) => path.startsWith(first.id))).toEqual([]);
});

it('without any table the rows of the blobs are rebuilt, and images are pushed again without their layers', async () => {
  const image = makeImage();
  await pushImage(freshInstance(stores), repository, image, ['latest']);
  await wipeTables(azurite);
  const rescue = repositoryNamed('rescue/blobs');
  const rebuild = () =>
    rebuildIndex(freshInstance(stores), { after: undefined, maxMs: 60_000, repository: rescue });
  const report = { finished: true, blobs: 2, linked: 2, passedOver: 0 };
  expect(await rebuild()).toEqual({ ...report, rebuilt: 2 });
  expect(await rebuild()).toEqual({ ...report, rebuilt: 0 });
  expect(await invariantChecker(azurite)()).toEqual([]);

  const registry = freshInstance(stores);
  for (const [from, { digest }] of [undefined, rescue].flatMap((each) =>
    blobsOf(image).map((blob) => [each, blob] as const),
  )) {
    const mayPull = (other: string) => other === rescue;
    expect(await mountBlob(registry, { repository, digest, from, mayPull })).toBe(true);
  }
  await pushManifest(registry, repository, image.manifest, ['latest']);
  await expectImage(freshInstance(stores), image, 'latest');
  expect((await readStorage(azurite)).content.size).toBe(2);
  const denied = { repository: rescue, from: undefined, mayPull: () => false };
  const unknown = { ...denied, repository: repositoryNamed('other/app') };
  const [blob] = blobsOf(image);
  if (blob === undefined) throw new Error('an image has blobs');
  expect(await mountBlob(registry, { ...unknown, digest: blob.digest })).toBe(false);
});

it('the audit does not take the bytes of lost rows for leftovers', async () => {
  const image = makeImage();
  await pushImage(freshInstance(stores), repository, image, ['latest']);
  const { id } = await takeWholeBackup(freshInstance(stores));
  await wipeTables(azurite);
  const report = await audit(freshInstance(stores), { repair: true, maxMs: 60_000 });
  expect(report.findings.orphanBytes).toMatchObject({ found: 2, repaired: 0 });
  await restore(id);
  await expectImage(freshInstance(stores), image, 'latest');
});
