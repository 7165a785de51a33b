import { setTimeout as sleep } from 'node:timers/promises';
import { wipeTables } from '../backup/wipe-tables.ts';
import type { TestAzurite } from '../harness/azurite.ts';
import type { Choice } from './choice.ts';
import type { RandomRegistry } from './registry.ts';
import { requestUntilServed, type Workload } from './workload.ts';

export async function backUpNowAndThen(workload: Workload, choice: Choice): Promise<void> {
  while (workload.goesOn()) {
    await backUp(workload.registry, choice);
    await sleep(choice.integer(3000));
  }
}

/** Goes on with a backup or begins one; its id when that is complete. */
export async function backUp(
  registry: RandomRegistry,
  choice: Choice,
): Promise<string | undefined> {
  const sent = { method: 'POST', path: '/api/v1/backups' } as const;
  const answer = await requestUntilServed(registry, choice, sent);
  if (answer?.status !== 200) return undefined;
  const { id, finished } = JSON.parse(answer.body) as { id: string; finished: boolean };
  return finished ? id : undefined;
}

/**
 * While nobody works: a backup, all tables gone, and a restore, of which nothing may be lost. The
 * instances that go on have not known the registry before.
 */
export async function loseAndRestore(
  azurite: TestAzurite,
  registry: RandomRegistry,
  choice: Choice,
): Promise<void> {
  // The first may be one that clients' pushes went through.
  await backUp(registry, choice);
  const id = await backUp(registry, choice);
  if (id === undefined) {
    registry.problems.push('no backup is complete, though nobody is at work');
    return;
  }
  await wipeTables(azurite);
  await registry.restart();
  const answer = await requestUntilServed(registry, choice, {
    method: 'POST',
    path: '/api/v1/restore',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ backup: id }),
  });
  const report = JSON.parse(answer?.body ?? '{}') as Readonly<Record<string, unknown>>;
  const isWhole =
    report['finished'] === true &&
    ['lostBlobs', 'lostManifests', 'droppedTags'].every((kind) => report[kind] === 0);
  if (!isWhole) registry.problems.push(`restore: ${answer?.status} ${answer?.body}`);
  await registry.restart();
}
