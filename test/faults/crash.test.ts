import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectStorage } from '../../shared/adapters/storage.ts';
import { keySettings } from '../contract/key-settings.ts';
import { startTestAzurite, type TestAzurite } from '../harness/azurite.ts';
import { accidents, runScenario } from './accident.ts';
import * as blobs from './crash-scenarios-blobs.ts';
import * as direct from './crash-scenarios-direct.ts';
import * as manifests from './crash-scenarios-manifests.ts';
import type { Scenario } from './crash-scenario.ts';
import type { Stores } from './interpose.ts';
import { invariantChecker } from './invariants.ts';
import { rounds } from './rounds.ts';

let azurite: TestAzurite;
let stores: Stores;
let brokenInvariants: () => Promise<string[]>;

async function startStorage(): Promise<void> {
  azurite = await startTestAzurite();
  const storage = connectStorage(keySettings(azurite));
  await storage.prepare();
  stores = storage;
  brokenInvariants = invariantChecker(azurite);
}

describe.each(accidents)('a process that $name the k-th storage call, for every k', (accident) => {
  beforeAll(startStorage);
  afterAll(() => azurite.stop());

  const check = <T>(name: string, scenario: Scenario<T>) =>
    it(name, () => runScenario(scenario, accident, { stores, brokenInvariants }), 60_000);
  const leavesTimeFor = rounds > 1 || accident.name === 'dies after';

  check('of pushing a small blob loses nothing', blobs.pushSmallBlob);
  if (leavesTimeFor)
    check('of pushing a blob of several blocks loses nothing', blobs.pushLargeBlob);
  check('of a streamed upload loses nothing', blobs.pushStreamed);
  check('of a chunked upload loses nothing', blobs.pushChunked);
  check('of pushing a blob that is there loses nothing', blobs.pushAgain);
  check('of a final PUT lets the client repeat that PUT', blobs.finishAgain);
  check('of a final PUT of a known blob lets the client repeat it', blobs.finishKnownAgain);
  check('of a final PUT after a stream lets the client repeat it', blobs.finishStreamedAgain);
  check('of a cancelled upload leaves it gone', blobs.cancel);
  check('of a mount loses nothing', blobs.mountKnown);
  check('of a mount without from loses nothing', blobs.mountAnywhere);
  check('of a direct push loses nothing', direct.pushDirect);
  check('of a manifest after a direct push lets the client repeat it', direct.putDirectManifest);
  check('of a manifest whose layer is one of a size loses nothing', direct.putDirectAmongOthers);
  check('of a manifest in one transaction loses nothing', manifests.putImage);
  check('of a manifest whose bytes are a blob loses nothing', manifests.putLargeManifest);
  check('of a manifest in several transactions loses nothing', manifests.putManyChildren);
  check('of a referrer loses nothing', manifests.putReferrer);
  check('of a tag move leaves the tag old or new', manifests.moveTag);
  if (leavesTimeFor) check('of pushing many tags leaves each old or new', manifests.putManyTags);
  check('of locking a tag leaves it locked or not', manifests.lockTag);
  check('of deleting a tag leaves it there or gone', manifests.removeTag);
  check('of deleting a manifest leaves no tag dangling', manifests.removeManifest);
  if (leavesTimeFor)
    check('of deleting a manifest with many tags dangles none', manifests.removeManyTags);
  check('of pushing a deleted manifest again loses nothing', manifests.putDeleted);
  check('of pushing a large deleted manifest again loses nothing', manifests.putLargeDeleted);
  check('of deleting a blob leaves it there or gone', blobs.removeBlob);
  check('of pushing a deleted blob again loses nothing', blobs.pushDeleted);
  check('of mounting a deleted blob again loses nothing', blobs.mountDeleted);

  it('leaves nothing broken once everything was tried again', async () => {
    expect(await brokenInvariants()).toEqual([]);
  });
});
