import { expect } from 'vitest';
import type { RepositoryName } from '../../shared/domain/repository-name.ts';
import { systemClock } from '../../shared/ports/clock.ts';
import { StorageUnavailable } from '../../shared/ports/table-store.ts';
import type { Registry } from '../../shared/registry/registry.ts';
import { seconds } from '../../shared/registry/settings.ts';
import type { Scenario } from './crash-scenario.ts';
import { newInstance, repositoryNamed } from './in-process.ts';
import { interpose, type Interceptor, type Stores } from './interpose.ts';

/** How the k-th call of a port goes wrong. */
export interface Accident {
  readonly name: string;
  /** Storage did it; only the answer is lost. */
  readonly done: boolean;
  /** The process is gone after it; otherwise it goes on, and so does its memory. */
  readonly fatal: boolean;
}

/** To die before the k-th call is to die after the one before it. */
export const accidents: readonly Accident[] = [
  { name: 'dies after', done: true, fatal: true },
  { name: 'cannot do', done: false, fatal: false },
  { name: 'loses the answer of', done: true, fatal: false },
];

export class Died extends Error {
  override readonly name = 'Died';
}

/** Lets the accident happen to the k-th call. `happened` tells whether there was a k-th. */
export function accidentAt(k: number, { done, fatal }: Accident) {
  let calls = 0;
  let happened = false;
  const intercept: Interceptor = async (_, proceed) => {
    calls += 1;
    if (calls < k || (calls > k && !fatal)) return await proceed();
    if (calls > k) throw new Died('no process, no call');
    happened = true;
    if (done) await proceed();
    throw fatal ? new Died('in the middle') : new StorageUnavailable('no answer');
  };
  return { intercept, happened: () => happened };
}

let scenarios = 0;

/** Where an accident happens, and what it must leave whole. */
export interface Scene {
  readonly stores: Stores;
  readonly brokenInvariants: () => Promise<string[]>;
}

const maxCalls = 150;

/**
 * The accident at each call in turn, each in a repository of its own; storage is checked between.
 */
export async function runScenario<T>(
  scenario: Scenario<T>,
  accident: Accident,
  { stores, brokenInvariants }: Scene,
): Promise<void> {
  const { given, act, afterwards, always, retry = act, within } = scenario;
  const instance = (used: Stores) =>
    newInstance(used, systemClock, { ...seconds, ...scenario.seconds });
  const run = `s${scenarios++}`;
  const survivors: { repository: RepositoryName; start: T; registry: Registry }[] = [];
  for (let k = 1; ; k++) {
    const repository = within?.(run) ?? repositoryNamed(`${run}/k${k}`);
    const start = await given(instance(stores), repository);
    const { intercept, happened } = accidentAt(k, accident);
    const victim = instance(interpose(stores, intercept));
    const outcome = await act(victim, repository, start).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (!happened()) {
      expect(outcome).toBeUndefined();
      break;
    }
    if (outcome !== undefined && !(outcome instanceof Died)) {
      expect(outcome).toBeInstanceOf(StorageUnavailable);
    }
    survivors.push({
      repository,
      start,
      registry: accident.fatal ? instance(stores) : victim,
    });
    expect(k).toBeLessThan(maxCalls);
  }
  expect(survivors.length).toBeGreaterThan(0);
  expect(await brokenInvariants()).toEqual([]);

  for (const { repository, start, registry } of survivors) {
    await always?.(instance(stores), repository, start);
    await retry(registry, repository, start);
    await afterwards(instance(stores), repository, start);
  }
}
