import { beforeEach, expect, it } from 'vitest';
import { restoreBackup } from '../../shared/registry/backup/restore.ts';
import type { Registry } from '../../shared/registry/registry.ts';
import { expectBlob, expectTag } from '../faults/crash-scenario.ts';
import { blobsOf, makeImage, makeIndex, type TestImage } from '../faults/image.ts';
import { pushImage, pushManifest, repositoryNamed } from '../faults/in-process.ts';
import type { Stores } from '../faults/interpose.ts';
import { invariantChecker } from '../faults/invariants.ts';
import { startTestAzurite, type TestAzurite } from '../harness/azurite.ts';
import { storesOf, sweepUntilQuiet } from '../sweep/sweeping.ts';
import { freshInstance, switchBackupsOn, takeWholeBackup } from './backups.ts';
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
