import { describe, expect, it } from 'vitest';
import { models } from './configurations.ts';
import { explore } from './engine.ts';

describe.each(Object.entries(models))('model: %s', (_, configurations) => {
  it.each(
    configurations
      .filter(({ byHand, fails }) => !byHand && !fails)
      .map((each) => [each.name, each]),
  )('%s: holds in every interleaving', (_name, { model }) => {
    expect(explore(model).counterexample).toBeUndefined();
  });

  it.each(
    configurations.flatMap((each) => (each.fails ? [[each.name, each, each.fails] as const] : [])),
  )('%s: loses, as it must', (_name, { model }, fails) => {
    expect(explore(model).counterexample?.problem).toMatch(fails);
  });
});
