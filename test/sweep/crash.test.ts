import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accidents, runScenario } from '../faults/accident.ts';
import type { Scenario } from '../faults/crash-scenario.ts';
import type { Stores } from '../faults/interpose.ts';
import { invariantChecker } from '../faults/invariants.ts';
import { rounds } from '../faults/rounds.ts';
import { readStorage } from '../faults/storage-snapshot.ts';
import { startTestAzurite, type TestAzurite } from '../harness/azurite.ts';
import { leftoversIn } from './leftovers.ts';
import * as scenarios from './sweep-scenarios.ts';
import { impatientInstance, storesOf, sweepUntilQuiet } from './sweeping.ts';

let azurite: TestAzurite;
let stores: Stores;
let brokenInvariants: () => Promise<string[]>;

describe.each(accidents)('a process that $name the k-th storage call, for every k', (accident) => {
  beforeAll(async () => {
    azurite = await startTestAzurite();
    stores = await storesOf(azurite);
    brokenInvariants = invariantChecker(azurite);
  });
  afterAll(() => azurite.stop());

  const check = <T>(name: string, scenario: Scenario<T>) =>
    it(name, () => runScenario(scenario, accident, { stores, brokenInvariants }), 120_000);
  const leavesTimeFor = rounds > 1 || accident.name === 'dies after';

  check('of the sweep of an abandoned upload leaves none of it', scenarios.abandonedUpload);
  check('of the sweep of a cancelled upload leaves none of it', scenarios.cancelledUpload);
  check('of the sweep of an unpublished upload leaves none of it', scenarios.unpublishedUpload);
  check('of the sweep of a blob leaves none of it', scenarios.unreferencedBlob);
  check('of the sweep of broken mounts leaves none of them', scenarios.brokenMounts);
  if (leavesTimeFor)
    check('of the sweep of an image and its index leaves none of them', scenarios.deletedImage);
  check('of the sweep of a half-written manifest leaves none', scenarios.halfWrittenManifest);
  check('of deleting and sweeping a blob leaves none of it', scenarios.deleteBlobAndSweep);
  check('of deleting and sweeping an image leaves none', scenarios.deleteImageAndSweep);
  if (leavesTimeFor)
    check('of deleting and sweeping a repository leaves none', scenarios.deleteRepositoryAndSweep);
  if (leavesTimeFor)
    check('of deleting and sweeping what others share loses nothing', scenarios.deleteShared);

  it('A28 leaves no orphan for ever', async () => {
    await sweepUntilQuiet(impatientInstance(stores));
    expect(leftoversIn(await readStorage(azurite))).toEqual([]);
    expect(await brokenInvariants()).toEqual([]);
  }, 60_000);
});
