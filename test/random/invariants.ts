import type { TestAzurite } from '../harness/azurite.ts';
import { invariantChecker } from '../faults/invariants.ts';
import { leftovers } from '../faults/leftovers.ts';
import { readStorage } from '../faults/storage-snapshot.ts';

/**
 * Reads all tables and containers once everything is over, every promise has run out and a sweep
 * has been everywhere, and tells in sentences what is wrong: which invariant of docs/storage.md
 * does not hold (I1 to I3, J1 to J4, K1, K2, K4), and what is left that nothing live needs.
 */
export async function problemsAtRest(azurite: TestAzurite): Promise<string[]> {
  const broken = await invariantChecker(azurite)();
  return [...broken, ...leftovers(await readStorage(azurite))];
}
