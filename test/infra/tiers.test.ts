import { expect, test } from 'vitest';
import { at, keysOf, show } from './expressions.ts';
import { readText, templateAt } from './templates.ts';

const types = templateAt('infra/modules/types.bicep');
const tiers = types.variables.find(({ name }) => name === 'tiers')?.value;
const names = keysOf(tiers);
const overridable = types.types
  .find(({ name }) => name === 'tierOverrides')
  ?.properties.map(({ name }) => name);

test('the tiers are basic, standard and premium, and each decides all that can be overridden', () => {
  const declared = types.types.find(({ name }) => name === 'tierName')?.type;
  expect(declared).toBe(names.map((name) => `'${name}'`).join(' | '));
  for (const name of names) {
    expect(keysOf(tiers && at(tiers, name)).toSorted()).toEqual(overridable?.toSorted());
  }
});

test('every setting of a tier gives way to its override', () => {
  const main = templateAt('infra/main.bicep');
  for (const name of overridable ?? []) {
    const variable = main.variables.find((each) => each.name === name);
    expect(show(variable?.value)).toBe(`overrides.${name} ?? defaults.${name}`);
  }
  expect(show(main.variables.find(({ name }) => name === 'defaults')?.value)).toBe('tiers[tier]');
});

test('docs/tiers.md has the values of the templates', () => {
  const table = readText('docs/tiers.md')
    .split('\n')
    .filter((line) => /^\| `\w+`/.test(line))
    .map((line) => line.replaceAll(/[`|\s]+/g, ' ').trim());
  const expected = (overridable ?? []).map((setting) =>
    [setting, ...names.map((name) => show(tiers && at(tiers, name, setting)))].join(' '),
  );
  expect(table.toSorted()).toEqual(expected.map((row) => row.replaceAll("'", '')).toSorted());
});
