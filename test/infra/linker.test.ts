import { describe, expect, test } from 'vitest';
import { parseBicep } from './bicep.ts';
import { problemsIn } from './linker.ts';
import { readText, templates } from './templates.ts';

/** The repository's templates with one text of one of them replaced. */
function problemsWith(path: string, old: string, replacement: string): string[] {
  const text = readText(path);
  expect(text).toContain(old);
  const changed = parseBicep(path, text.replace(old, replacement));
  return problemsIn(templates.map((each) => (each.path === path ? changed : each)));
}

test('the templates fit together', () => {
  expect(templates.length).toBeGreaterThan(15);
  expect(problemsIn(templates)).toEqual([]);
});

describe('a mistake is found:', () => {
  const main = 'infra/main.bicep';
  const app = 'infra/modules/app.bicep';

  test.each([
    ['a brace is missing', main, 'tags: tags\n}', 'tags: tags\n', 'does not parse'],
    ['a symbol is misspelled', app, 'plan.id', 'plam.id', 'plam is not declared'],
    ['a function is misspelled', main, 'uniqueString(', 'uniqString(', 'function uniqString'],
    ['a parameter of a module is missing', main, '    planName: appName\n', '', 'lacks planName'],
    [
      'a parameter has another name',
      main,
      'nodeVersion: node',
      'nodeversion: node',
      'no parameter nodeversion',
    ],
    [
      'a parameter has another type',
      main,
      'zoneRedundant: zoneRedundant',
      'zoneRedundant: nodeVersion',
      'is string, not bool',
    ],
    ['a value is not allowed', main, "service: 'blob'", "service: 'blobs'", 'blobs is not allowed'],
    [
      'a value may be too long',
      main,
      '@maxLength(253)',
      '@maxLength(254)',
      'may be 254, beyond the maxLength 253',
    ],
    [
      'an output is not there',
      main,
      'app.outputs.planId',
      'app.outputs.plan',
      'app has no output plan',
    ],
    [
      'a module that may be missing is relied on',
      main,
      'network!.outputs.appSubnetId',
      'network.outputs.appSubnetId',
      'network.outputs must expect',
    ],
    [
      'a module is not there',
      main,
      'modules/app.bicep',
      'modules/apps.bicep',
      'modules/apps.bicep is not there',
    ],
    [
      'a module of another scope has none',
      'infra/azd.bicep',
      '  scope: group\n',
      '',
      'is for a resourceGroup',
    ],
    [
      'a type is not exported',
      main,
      'import { principal,',
      'import { principals,',
      'does not export principals',
    ],
    [
      'a parameter is not used',
      app,
      'zoneRedundant: zoneRedundant',
      'zoneRedundant: false',
      'zoneRedundant is not used',
    ],
    [
      'a variable is not used',
      main,
      "['repo', 'data'",
      "['repo']\nvar unused = ['data'",
      'unused is not used',
    ],
    [
      'an import is not used',
      'infra/azd.bicep',
      'import { tierName',
      'import { principal, tierName',
      'principal is not used',
    ],
    [
      'an existing resource is not used',
      app,
      'resource plan',
      "resource other 'A/b@2024-01-01' existing = {\n  name: 'x'\n}\n\nresource plan",
      'other is not used',
    ],
    [
      'a name is declared twice',
      app,
      'resource ftpPasswords',
      'resource scmPasswords',
      'scmPasswords is declared twice',
    ],
    [
      'a property is given twice',
      app,
      'httpsOnly: true',
      'httpsOnly: true\n    httpsOnly: false',
      'httpsOnly is given twice',
    ],
    [
      'a parameter is not described',
      app,
      "@description('Name of the plan.')",
      '',
      'planName is not described',
    ],
    [
      'a number has no bounds',
      app,
      '@minValue(0)\n@maxValue(100)',
      '',
      'alwaysReadyInstances is a number',
    ],
    [
      'an API version is a preview',
      app,
      'serverfarms@2024-11-01',
      'serverfarms@2024-11-01-preview',
      'is not a released version',
    ],
  ])('%s', (_, path, old, replacement, problem) => {
    const problems = problemsWith(path, old, replacement);
    expect(problems.filter((each) => each.includes(problem))).not.toEqual([]);
    expect(problems.every((each) => each.startsWith('infra/'))).toBe(true);
  });
});
