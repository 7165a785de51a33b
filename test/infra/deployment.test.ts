import { describe, expect, test } from 'vitest';
import { parseBicep } from './bicep.ts';
import { at, keysOf, show } from './expressions.ts';
import { created } from './linker.ts';
import { readText, templateAt } from './templates.ts';

const azureYaml = readText('azure.yaml');

describe('azd', () => {
  test('deploys infra/azd.bicep, and the folder dist as it is', () => {
    expect(azureYaml).toMatch(/^ {2}path: infra\n {2}module: azd$/m);
    expect(azureYaml).toMatch(/^ {4}project: \.\/dist$/m);
    expect(azureYaml).toMatch(/^ {4}remoteBuild: false$/m);
    expect(templateAt('infra/azd.bicep').targetScope).toBe('subscription');
  });

  test('finds the function app by its tag, and everything by the environment’s', () => {
    const service = /^services:\n {2}(\w+):/m.exec(azureYaml)?.[1];
    const [site] = created(templateAt('infra/modules/app.bicep'), 'Microsoft.Web/sites');
    expect(site && show(at(site.body, 'tags'))).toBe(
      `union(tags, {azd-service-name: '${service}'})`,
    );
    const tags = templateAt('infra/azd.bicep').variables.find(({ name }) => name === 'tags');
    expect(tags && keysOf(tags.value)).toEqual(['azd-env-name']);
  });

  test('gives azd.bicep parameters it has, and all it must have', () => {
    const file: unknown = JSON.parse(readText('infra/azd.parameters.json'));
    const given = template.modules.map(({ value }) => show(at(value, 'params', parameter)));
  expect(given).toContain(checked);
  expect(given).not.toContain(parameter);
});

test.each([
  ['infra/main.bicep', 'publicAccess', 'checkedPublicAccess'],
  ['infra/main.bicep', 'adminPassword', 'checkedAdminPassword'],
  ['infra/aks/main.bicep', 'appName', 'checkedAppName'],
  ['infra/aks/attach.bicep', 'appName', 'checkedAppName'],
])(
  '%s gives modules %s only after a check that ends the deployment',
  (path, parameter, checked) => {
    const template = templateAt(path);
    const variable = template.variables.find(({ name }) => name === checked);
    expect(show(variable?.value)).toContain("fail('");
    const given = template.modules
      .map(({ value }) => show(at(value, 'params', parameter)))
      .filter((value) => value !== '' && value !== '!privateNetworking');
    expect(given.filter((value) => !value.endsWith('.name'))).not.toEqual([]);
    expect(new Set(given.filter((value) => !value.endsWith('.name')))).toEqual(new Set([checked]));
  },
);
