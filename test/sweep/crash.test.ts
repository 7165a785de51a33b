import { expect, it } from 'vitest';
import { describeAccidents } from '../faults/accident-suite.ts';
import { leftovers } from '../faults/leftovers.ts';
import * as scenarios from './sweep-scenarios.ts';
import { impatientInstance, sweepUntilQuiet } from './sweeping.ts';

describeAccidents(({ check, checkAtLength, storage }) => {
  check('of the sweep of an abandoned upload leaves none of it', scenarios.abandonedUpload);
  check('of the sweep of a cancelled upload leaves none of it', scenarios.cancelledUpload);
  check('of the sweep of an unpublished upload leaves none of it', scenarios.unpublishedUpload);
  check('of the sweep of a blob leaves none of it', scenarios.unreferencedBlob);
  check('of the sweep of broken mounts leaves none of them', scenarios.brokenMounts);
  checkAtLength(
    'of the sweep of an image and its index leaves none of them',
    scenarios.deletedImage,
  );
  check('of the sweep of a half-written manifest leaves none', scenarios.halfWrittenManifest);
  check('of deleting and sweeping a blob leaves none of it', scenarios.deleteBlobAndSweep);
  check('of deleting and sweeping an image leaves none', scenarios.deleteImageAndSweep);
  checkAtLength(
    'of deleting and sweeping a repository leaves none',
    scenarios.deleteRepositoryAndSweep,
  );
  checkAtLength('of deleting and sweeping what others share loses nothing', scenarios.deleteShared);

  it('A28 leaves no orphan for ever', async () => {
    await sweepUntilQuiet(impatientInstance(storage.stores));
    expect(leftovers(await storage.readStorage())).toEqual([]);
  }, 60_000);
});
