import { describe, expect, test } from 'vitest';
import type { Expression, Resource, Template } from './bicep-model.ts';
import { at, bodyOf, plain, show } from './expressions.ts';
import { callsIn, created } from './linker.ts';
import { templateAt, templates } from './templates.ts';

/** GUIDs of Azure's built-in roles, the same in every tenant. */
const builtIn: Readonly<Record<string, string>> = {
  'b7e6dc6d-f1e8-4753-8033-0f276bb0955b': 'Storage Blob Data Owner',
  'ba92f5b4-2d11-453d-a403-e96b0029c9fe': 'Storage Blob Data Contributor',
  '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3': 'Storage Table Data Contributor',
  '3913510d-42f4-4e42-8a64-420c390055eb': 'Monitoring Metrics Publisher',
  'acdd72a7-3385-48ef-bd42-f606fba81ae7': 'Reader',
  '7f951dda-4ed3-4680-a7ca-43fe172d538d': 'AcrPull',
  '8311e382-0749-4cb8-b61a-304f252e45ec': 'AcrPush',
  'c2f4ef07-c644-48eb-af81-4b1b4947fb11': 'AcrDelete',
  'f1a07417-d97a-45cb-824c-7a7467783830': 'Managed Identity Operator',
};

const assignmentType = 'Microsoft.Authorization/roleAssignments';

function roleOf(template: Template, body: Expression): string {
  const definition = at(body, 'properties', 'roleDefinitionId');
  if (definition?.kind !== 'call' || definition.name !== 'subscriptionResourceId') {
    throw new Error(`${show(definition)} is not a role`);
  }
  expect(show(definition.arguments[0])).toBe("'Microsoft.Authorization/roleDefinitions'");
  return builtIn[plain(template, definition.arguments[1])] ?? 'unknown';
}

/** `who: role on what, when`. */
function assignmentsIn(path: string): string[] {
  const template = templateAt(path);
  return created(template, assignmentType).map(({ body, value }) => {
    const when = value.kind === 'if' ? `, if ${show(value.condition)}` : '';
    const principal = show(at(body, 'properties', 'principalId'));
    return `${principal}: ${roleOf(template, body)} on ${show(at(body, 'scope'))}${when}`;
  });
}

describe('role assignments', () => {
  test('of the app are these and no others', () => {
    expect(assignmentsIn('infra/modules/app-roles.bicep').toSorted()).toEqual([
      'principalId: Monitoring Metrics Publisher on insights',
      'principalId: Reader on app',
      'principalId: Storage Blob Data Contributor on contentAccount',
      'principalId: Storage Blob Data Contributor on stagingAccount, if !empty(stagingAccountName)',
      'principalId: Storage Blob Data Owner on hostAccount',
      'principalId: Storage Table Data Contributor on contentAccount',
      'principalId: Storage Table Data Contributor on hostAccount',
    ]);
  });

  test('of people and machines are ACR’s roles on the function app', () => {
    expect(assignmentsIn('infra/modules/registry-roles.bicep')).toEqual([
      'each.objectId: AcrPull on app',
      'each.objectId: AcrPush on app',
      'each.objectId: AcrDelete on app',
    ]);
  });

  test('of a sample cluster let it give its nodes their identity', () => {
    expect(assignmentsIn('infra/aks/main.bicep')).toEqual([
      'clusterIdentity.properties.principalId: Managed Identity Operator on kubeletIdentity',
    ]);
  });

  test('are made nowhere else', () => {
    const places = templates.filter((each) => created(each, assignmentType).length > 0);
    expect(places.map(({ path }) => path)).toEqual([
      'infra/aks/main.bicep',
      'infra/modules/app-roles.bicep',
      'infra/modules/registry-roles.bicep',
    ]);
  });

  test('have a name of scope, principal and role, a kind of principal and a reason', () => {
    const assignments = templates.flatMap((each) => created(each, assignmentType));
    expect(assignments).toHaveLength(11);
    for (const { body } of assignments) {
      const name = at(body, 'name');
      const definition = at(body, 'properties', 'roleDefinitionId');
      if (name?.kind !== 'call' || definition?.kind !== 'call') throw new Error(show(body));
      expect(name.name).toBe('guid');
      expect(show(name.arguments[0])).toBe(`${show(at(body, 'scope'))}.id`);
      expect(show(name.arguments[2])).toBe(show(definition.arguments[1]));
      expect(show(at(body, 'properties', 'principalType'))).toMatch(
        /^('ServicePrincipal'|each.type)$/,
      );
      expect(show(at(body, 'properties', 'description')).length).toBeGreaterThan(10);
    }
  });

  test('of the app name the resources that main creates', () => {
    const roles = templateAt('infra/main.bicep').modules.find(({ name }) => name === 'appRoles');
    const params = roles === undefined ? undefined : at(roles.value, 'params');
    expect(show(params)).toBe(
      '{principalId: identity.properties.principalId, hostAccountName: hostStorage.outputs.name, ' +
        'contentAccountName: contentStorage.outputs.name, ' +
        "stagingAccountName: separateStaging ? stagingStorage.outputs.name ? '', " +
        'insightsName: monitoring.outputs.insightsName, ' +
        'appName: app.outputs.name}',
    );
  });
});

describe('no keys:', () => {
  test('nothing lists or names one', () => {
    for (const template of templates) {
      expect(callsIn(template).filter((name) => /^list/i.test(name))).toEqual([]);
      expect(template.text).not.toMatch(
        /AccountKey|SharedAccessSignature|DefaultEndpointsProtocol/,
      );
      expect(template.text).not.toMatch(/StorageAccountConnectionString|InstrumentationKey/);
    }
  });

  test.each([
    ['Microsoft.Storage/storageAccounts', ['allowSharedKeyAccess'], 'false'],
    ['Microsoft.Storage/storageAccounts', ['allowBlobPublicAccess'], 'false'],
    ['Microsoft.Storage/storageAccounts', ['supportsHttpsTrafficOnly'], 'true'],
    ['Microsoft.Storage/storageAccounts', ['minimumTlsVersion'], "'TLS1_2'"],
    ['Microsoft.Storage/storageAccounts/blobServices/containers', ['publicAccess'], "'None'"],
    ['Microsoft.Insights/components', ['DisableLocalAuth'], 'true'],
    ['Microsoft.Web/sites', ['httpsOnly'], 'true'],
    ['Microsoft.Web/sites', ['siteConfig', 'minTlsVersion'], "'1.2'"],
    ['Microsoft.Web/sites', ['siteConfig', 'scmMinTlsVersion'], "'1.2'"],
    [
      'Microsoft.Web/sites',
      ['functionAppConfig', 'deployment', 'storage', 'authentication', 'type'],
      "'UserAssignedIdentity'",
    ],
    ['Microsoft.Web/sites/basicPublishingCredentialsPolicies', ['allow'], 'false'],
  ])('every %s has %j %s', (type, path, value) => {
    const bodies = templates.flatMap((each) => created(each, type)).map(({ body }) => body);
    expect(bodies.length).toBeGreaterThan(0);
    for (const body of bodies) expect(show(at(body, 'properties', ...path))).toBe(value);
  });

  test('passwords for deployment are off, for FTP and for Git', () => {
    const policies = created(
      templateAt('infra/modules/app.bicep'),
      'Microsoft.Web/sites/basicPublishingCredentialsPolicies',
    );
    expect(policies.map(({ body }) => show(at(body, 'name')))).toEqual(["'ftp'", "'scm'"]);
  });

  test('the password of the admin account is a secure parameter, and off', () => {
    for (const path of ['infra/main.bicep', 'infra/modules/app-settings.bicep']) {
      const parameter = templateAt(path).parameters.find(({ name }) => name === 'adminPassword');
      expect(parameter?.decorators.map(({ name }) => name)).toContain('secure');
      expect(show(parameter?.fallback)).toBe(path === 'infra/main.bicep' ? "''" : '');
    }
  });
});

test('every resource that can have tags has them', () => {
  const untagged = templates.flatMap(({ path, resources }) =>
    resources
      .filter(isTopLevel)
      .flatMap(({ name, value }) =>
        at(bodyOf(value), 'tags') === undefined ? [`${path}: ${name}`] : [],
      ),
  );
  expect(untagged).toEqual([]);
});

function isTopLevel({ type, existing }: Resource): boolean {
  const extension = /^Microsoft\.(Authorization|Insights\/diagnosticSettings)/.test(type);
  return !existing && !extension && type.split('/').length === 2;
}
