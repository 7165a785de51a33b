import { describe, expect, test } from 'vitest';
import { parseBicep } from './bicep.ts';
import { at, keysOf, show } from './expressions.ts';
import { created } from './linker.ts';
import { readText, templateAt, templates } from './templates.ts';

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
    const given = [...JSON.stringify(file).matchAll(/"(\w+)":\{"value"/g)].map(([, name]) => name);
    const { parameters } = templateAt('infra/azd.bicep');
    const names = parameters.map(({ name }) => name);
    const required = parameters.filter(({ fallback }) => fallback === undefined);
    expect(given.filter((name) => name === undefined || !names.includes(name))).toEqual([]);
    expect(given).toEqual(expect.arrayContaining(required.map(({ name }) => name)));
  });
});

test('main.bicepparam gives main.bicep parameters it has', () => {
  const text = readText('infra/main.bicepparam');
  expect(text).toMatch(/^using 'main\.bicep'$/m);
  // The grammar knows no parameter files; their assignments are those of variables.
  const assigned = parseBicep(
    'infra/main.bicepparam',
    text.replace(/^using .*$/m, '').replaceAll(/^param (\w+) =/gm, 'var $1 ='),
  );
  expect(assigned.hasErrors).toBe(false);
  const names = templateAt('infra/main.bicep').parameters.map(({ name }) => name);
  expect(assigned.variables.length).toBeGreaterThan(0);
  expect(
    assigned.variables.map(({ name }) => name).filter((name) => !names.includes(name)),
  ).toEqual([]);
  const overrides = assigned.variables.find(({ name }) => name === 'overrides');
  const known = templateAt('infra/modules/types.bicep').types.find(
    ({ name }) => name === 'tierOverrides',
  );
  const allowed = known?.properties.map(({ name }) => name) ?? [];
  expect(keysOf(overrides?.value).filter((name) => !allowed.includes(name))).toEqual([]);
});

describe('AKS', () => {
  test('a sample cluster has an OIDC issuer, workload identity and a kubelet identity', () => {
    const [cluster] = created(
      templateAt('infra/aks/main.bicep'),
      'Microsoft.ContainerService/managedClusters',
    );
    const property = (...path: string[]) =>
      cluster && show(at(cluster.body, 'properties', ...path));
    expect(property('oidcIssuerProfile', 'enabled')).toBe('true');
    expect(property('securityProfile', 'workloadIdentity', 'enabled')).toBe('true');
    expect(property('identityProfile', 'kubeletidentity', 'resourceId')).toBe('kubeletIdentity.id');
  });

  test.each([
    ['infra/aks/main.bicep', 'kubeletIdentity.properties.principalId'],
    ['infra/aks/attach.bicep', 'cluster.properties.identityProfile.kubeletidentity.objectId'],
    ['infra/aks/pull-identity.bicep', 'identity.properties.principalId'],
  ])('%s lets its identity pull', (path, objectId) => {
    const roles = templateAt(path).modules.find(({ name }) => name === 'roles');
    expect(roles?.source).toBe('../modules/registry-roles.bicep');
    expect(roles && show(at(roles.value, 'params', 'pullPrincipals'))).toBe(
      `[{objectId: ${objectId}, type: 'ServicePrincipal'}]`,
    );
  });

  test('a pull identity trusts one service account, by workload identity’s audience', () => {
    const [federation] = created(
      templateAt('infra/aks/pull-identity.bicep'),
      'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials',
    );
    expect(federation && show(at(federation.body, 'properties'))).toBe(
      "{issuer: oidcIssuerUrl, subject: 'system:serviceaccount:${namespace}:${serviceAccount}', " +
        "audiences: ['api://AzureADTokenExchange']}",
    );
  });

  test('attach reads a cluster of whatever subscription its id names', () => {
    const cluster = templateAt('infra/aks/attach.bicep').resources[0];
    expect(cluster && show(at(cluster.value, 'scope'))).toBe(
      'resourceGroup(clusterIdParts[2], clusterIdParts[4])',
    );
  });
});

test.each([
  ['infra/main.bicep', 'publicAccess', 'checkedPublicAccess'],
  ['infra/main.bicep', 'adminPassword', 'checkedAdminPassword'],
  ['infra/aks/main.bicep', 'appName', 'checkedAppName'],
  ['infra/aks/attach.bicep', 'appName', 'checkedAppName'],
  ['infra/aks/pull-identity.bicep', 'appName', 'checkedAppName'],
])(
  '%s gives modules %s only after a check that ends the deployment',
  (path, parameter, checked) => {
    const template = templateAt(path);
    const variable = template.variables.find(({ name }) => name === checked);
    expect(show(variable?.value)).toContain("fail('");
    const given = template.modules.map(({ value }) => show(at(value, 'params', parameter)));
    expect(given).toContain(checked);
    expect(given).not.toContain(parameter);
  },
);

test('the release compiles every template that is deployed, and so all modules', () => {
  const compiled = /^for template in (.*); do$/m.exec(readText('infra/compile.sh'))?.[1];
  const deployed = templates
    .map(({ path }) => path.replace(/^infra\/(.*)\.bicep$/, '$1'))
    .filter((path) => !path.startsWith('modules/'));
  expect(compiled?.split(' ').toSorted()).toEqual(deployed.toSorted());
});

test('azd’s outputs are main’s, by the same names', () => {
  const { outputs } = templateAt('infra/azd.bicep');
  const passed = outputs.filter(({ name }) => name !== 'AZURE_RESOURCE_GROUP');
  expect(passed.map(({ value }) => show(value))).toEqual(
    passed.map(({ name }) => `registry.outputs.${name}`),
  );
});
