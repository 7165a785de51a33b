import { describe, expect, it } from 'vitest';
import { accidents, runScenario } from './accident.ts';
import type { Scenario } from './crash-scenario.ts';
import { rounds } from './rounds.ts';
import { type TestStorage, testStorage } from './test-storage.ts';

type Check = <T>(name: string, scenario: Scenario<T>) => void;

export interface AccidentSuite {
  /** A test: the accident at each storage call of the scenario. */
  readonly check: Check;
  /** The same for what takes long: in `npm test` with the first of the accidents only. */
  readonly checkAtLength: Check;
  readonly storage: TestStorage;
}

/** Tests what `define` lists with every accident, on one storage for each of them. */
export function describeAccidents(define: (suite: AccidentSuite) => void): void {
  describe.each(accidents)(
    'a process that $name the k-th storage call, for every k',
    (accident) => {
      const storage = testStorage();
      const check: Check = (name, scenario) =>
        it(name, () => runScenario(scenario, accident, storage), 120_000);
      const leavesTime = rounds > 1 || accident === accidents[0];
      define({ check, checkAtLength: leavesTime ? check : () => undefined, storage });

      it('leaves nothing broken once everything was tried again', async () => {
        expect(await storage.brokenInvariants()).toEqual([]);
      });
    },
  );
}
