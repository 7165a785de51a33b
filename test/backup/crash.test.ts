import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBackupManifest } from '../../shared/registry/backup/list-backups.ts';
import { restoreBackup } from '../../shared/registry/backup/restore.ts';
import { takeBackup } from '../../shared/registry/backup/take-backup.ts';
import { systemClock } from '../../shared/ports/clock.ts';
import { accidentAt, accidents, Died } from '../faults/accident.ts';
import { expectBlob, expectTag } from '../faults/crash-scenario.ts';
import { blobsOf, makeImage, type TestImage } from '../faults/image.ts';
import { newInstance, pushImage, repositoryNamed } from '../faults/in-process.ts';
import { interpose, type Stores } from '../faults/interpose.ts';
import { invariantChecker } from '../faults/invariants.ts';
import { storesOf } from '../faults/test-storage.ts';
import { StorageUnavailable } from '../../shared/ports/table-store.ts';
import { startTestAzurite, type TestAzurite } from '../harness/azurite.ts';
import { impatient, sweepUntilQuiet } from '../sweep/sweeping.ts';
import { freshInstance, options, savedRows, switchBackupsOn, takeWholeBackup } from './backups.ts';
import { wipeTables } from './wipe-tables.ts';

const repository = repositoryNamed('team/app');
const maxCalls = 200;
let azurite: TestAzurite;
let stores: Stores;
let image: TestImage;

beforeAll(async () => {
  azurite = await startTestAzurite();
  stores = await storesOf(azurite);
  await switchBackupsOn(stores);
  image = makeImage({ paddingBytes: 70_000 });
  await pushImage(freshInstance(stores), repository, image, ['one', 'two']);
});
afterAll(() => azurite.stop());

/** The accident at each call in turn; `mended` is what a fresh process makes of what is left. */
async function atEachCall(
  accident: (typeof accidents)[number],
  prepare: () => Promise<unknown>,
  act: (used: Stores) => Promise<unknown>,
  mended: () => Promise<void>,
): Promise<number> {
  for (let k = 1; k < maxCalls; k++) {
    await prepare();
    const { intercept, happened } = accidentAt(k, accident);
    const outcome = await act(interpose(stores, intercept)).catch((error: unknown) => error);
    if (!happened()) return k - 1;
    if (outcome instanceof Error && !(outcome instanceof Died)) {
      expect(outcome).toBeInstanceOf(StorageUnavailable);
    }
    await mended();
  }
  throw new Error('there is no end to the calls');
}

describe.each(accidents)('a process that $name the k-th storage call, for every k', (accident) => {
  it('of a backup leaves one that the next process completes', async () => {
    const expected = await savedRows(stores);
    const calls = await atEachCall(
      accident,
      () => Promise.resolve(),
      (used) => takeBackup(newInstance(used, systemClock, impatient), options),
      async () => {
        const { id } = await takeWholeBackup(freshInstance(stores));
        const manifest = await readBackupManifest(freshInstance(stores), id);
        expect(manifest.rows).toBe(expected.length);
        expect(await savedRows(stores, manifest)).toEqual(expected);
      },
    );
    expect(calls).toBeGreaterThan(10);
  }, 120_000);

  it('of a restore leaves one that the next process ends, and the image pulls', async () => {
    const { id } = await takeWholeBackup(freshInstance(stores));
    const restore = (used: Stores) =>
      restoreBackup(newInstance(used, systemClock, impatient), {
        backup: id,
        existing: 'refuse',
        maxMs: 60_000,
      });
    const calls = await atEachCall(
      accident,
      () => wipeTables(azurite),
      restore,
      async () => {
        expect(await restore(stores)).toMatchObject({ finished: true, lostManifests: 0 });
        await expectTag(freshInstance(stores), repository, 'two', image.manifest);
        for (const blob of blobsOf(image)) {
          await expectBlob(freshInstance(stores), repository, blob);
        }
      },
    );
    expect(calls).toBeGreaterThan(30);
    await sweepUntilQuiet(freshInstance(stores));
    expect(await invariantChecker(azurite)()).toEqual([]);
  }, 240_000);
});
