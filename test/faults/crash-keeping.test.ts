import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectStorage } from '../../shared/adapters/storage.ts';
import { keySettings } from '../contract/key-settings.ts';
import { startTestAzurite, type TestAzurite } from '../harness/azurite.ts';
import { accidents, runScenario } from './accident.ts';
import type { Scenario } from './crash-scenario.ts';
import * as keeping from './crash-scenarios-keeping.ts';
import type { Stores } from './interpose.ts';
import { invariantChecker } from './invariants.ts';
import { rounds } from './rounds.ts';

let azurite: TestAzurite;
let stores: Stores;
let brokenInvariants: () => Promise<string[]>;

describe.each(accidents)('a process that $name the k-th storage call, for every k', (accident) => {
  beforeAll(async () => {
    azurite = await startTestAzurite();
    const storage = connectStorage(keySettings(azurite));
    await storage.prepare();
    stores = storage;
    brokenInvariants = invariantChecker(azurite);
  });
  afterAll(() => azurite.stop());

  const check = <T>(name: string, scenario: Scenario<T>) =>
    it(name, () => runScenario(scenario, accident, { stores, brokenInvariants }), 60_000);

  const leavesTimeFor = rounds > 1 || accident.name === 'dies after';

  check('of a soft delete leaves what can be restored whole', keeping.softDelete);
  if (leavesTimeFor)
    check('of a soft delete with many tags forgets none', keeping.softDeleteManyTags);
  check('A17 of a restore lets the client repeat it', keeping.restore);
  if (leavesTimeFor)
    check('of a restore with many tags lets the client repeat it', keeping.restoreManyTags);
  check('of a restore of an index lets the client repeat it', keeping.restoreIndex);
  check('of deleting an image with its referrers leaves none', keeping.deleteWithReferrers);
  check('of restoring an image with its referrers loses none', keeping.restoreWithReferrers);
  check('of a push into quarantine shows it to nobody', keeping.pushQuarantined);
  check('of a release lets the client repeat it', keeping.release);

  it('leaves nothing broken once everything was tried again', async () => {
    expect(await brokenInvariants()).toEqual([]);
  });
});
