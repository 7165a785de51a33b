import { describe, expect, test } from 'vitest';
import { readConfig, settings } from '../../shared/config.ts';
import { containerNames } from '../../shared/ports/blob-store.ts';
import { tableNames } from '../../shared/ports/table-store.ts';
import { at, keysOf, plain, show, stringsOf } from './expressions.ts';
import { created, dependenciesOf } from './linker.ts';
import { readText, templateAt } from './templates.ts';

const main = templateAt('infra/main.bicep');

function moduleIn(name: string) {
  const module = main.modules.find((each) => each.name === name);
  if (module === undefined) throw new Error(`main.bicep has no module ${name}`);
  return module;
}

describe('app settings', () => {
  const config = created(
    templateAt('infra/modules/app-settings.bicep'),
    'Microsoft.Web/sites/config',
  );
  const properties = config.map(({ body }) => at(body, 'properties'))[0];
  const names = keysOf(properties);
  const value = (name: string) => show(properties === undefined ? undefined : at(properties, name));

  /** Not for Azure: the account key, since there is none, and what only `npm start` sets. */
  const notInAzure = ['LIGHTER_LOCAL', 'LIGHTER_STORAGE_ACCOUNT_KEY'];

  test('are the settings that shared/config.ts reads, all of them and no others', () => {
    expect(config.map(({ body }) => show(at(body, 'name')))).toEqual(["'appsettings'"]);
    const expected = Object.keys(settings).filter((name) => !notInAzure.includes(name));
    expect(names.filter((name) => name.startsWith('LIGHTER_')).toSorted()).toEqual(
      expected.toSorted(),
    );
  });

  test('give the Functions host its storage and telemetry by identity, and Node.js its heap', () => {
    const platform = names.filter((name) => !name.startsWith('LIGHTER_'));
    expect(Object.fromEntries(platform.map((name) => [name, value(name)]))).toEqual({
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: "'ClientId=${identityClientId};Authorization=AAD'",
      APPLICATIONINSIGHTS_CONNECTION_STRING: 'insightsConnection',
      AZURE_CLIENT_ID: 'identityClientId',
      AzureWebJobsDisableHomepage: "'true'",
      AzureWebJobsStorage__blobServiceUri: 'hostBlobUrl',
      AzureWebJobsStorage__clientId: 'identityClientId',
      AzureWebJobsStorage__credential: "'managedidentity'",
      AzureWebJobsStorage__tableServiceUri: 'hostTableUrl',
      FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: 'string(maxUploadBytes)',
      languageWorkers__node__arguments: "'--max-semi-space-size=3 --initial-old-space-size=64'",
    });
  });

  test('have the heap sizes that npm start and the benchmarks have', () => {
    const start = /"start": "node ([^"]*) local\/start\.ts"/.exec(readText('package.json'))?.[1];
    expect(value('languageWorkers__node__arguments')).toBe(`'${start}'`);
  });

  test('name the function app as the registry’s resource, and its own identity', () => {
    expect(value('LIGHTER_RESOURCE_ID')).toBe('app.id');
    expect(value('LIGHTER_STORAGE_CLIENT_ID')).toBe('identityClientId');
    const params = at(moduleIn('appSettings').value, 'params');
    expect(params === undefined ? '' : show(at(params, 'identityClientId'))).toBe(
      'identity.properties.clientId',
    );
  });

  test('make a configuration that the app takes, with what Azure’s public cloud gives', () => {
    const id = '11111111-2222-3333-4444-555555555555';
    const site = `/subscriptions/${id}/resourceGroups/rg/providers/Microsoft.Web/sites/lighter`;
    const given: Readonly<Record<string, string>> = {
      contentBlobUrl: 'https://content.blob.core.windows.net/',
      contentTableUrl: 'https://content.table.core.windows.net/',
      stagingBlobUrl: 'https://staging.blob.core.windows.net/',
      identityClientId: id,
      tenantId: id,
      publicUrl: 'https://registry.example.com',
      'app.id': site,
      'environment().resourceManager': 'https://management.azure.com/',
      'environment().authentication.loginEndpoint': 'https://login.microsoftonline.com/',
      entraAppId: '',
      adminPassword: '',
      "join(anonymousPull, ',')": 'public/*',
      "join(allowMissingBlobs, ',')": '',
      'string(maxBufferedUploadBytes)': '134217728',
      "acceptArmTokens ? '1' ? '0'": '0',
      "directPush ? '1' ? '0'": '1',
    };
    const ours = names.filter((name) => name.startsWith('LIGHTER_'));
    expect(ours.filter((name) => given[value(name)] === undefined)).toEqual([]);
    const config = readConfig(Object.fromEntries(ours.map((name) => [name, given[value(name)]])));
    expect(config.storage.credential).toEqual({ kind: 'identity', clientId: id });
    expect(config.roleAssignments?.resourceId).toBe(site);
    expect(config.entra).toMatchObject({ tenantId: id, appId: undefined, acceptArmTokens: false });
    expect(config.adminPassword).toBeUndefined();
    expect(config.anonymousPull).toEqual(['public/*']);
  });

  test('come after the roles that the app needs to use them', () => {
    expect(show(at(moduleIn('appSettings').value, 'dependsOn'))).toBe('[appRoles]');
  });

  test('are not set on the site as well, where Azure would merge them', () => {
    const [site] = created(templateAt('infra/modules/app.bicep'), 'Microsoft.Web/sites');
    expect(site && keysOf(at(site.body, 'properties', 'siteConfig'))).not.toContain('appSettings');
  });
});

describe('storage', () => {
  const params = (name: string) => at(moduleIn(name).value, 'params');
  const param = (module: string, name: string) => {
    const given = params(module);
    return given === undefined ? undefined : at(given, name);
  };

  test('has the containers and tables of the storage protocol', () => {
    const containers = param('contentStorage', 'containers');
    expect(stringsOf(main, containers).toSorted()).toEqual(containerNames.toSorted());
    expect(stringsOf(main, param('contentStorage', 'tables')).toSorted()).toEqual(
      tableNames.toSorted(),
    );
  });

  test('creates every container and table it is told', () => {
    const account = templateAt('infra/modules/storage-account.bicep');
    const loops = ['blobServices/containers', 'tableServices/tables'].map((type) => {
      const [resource] = created(account, `Microsoft.Storage/storageAccounts/${type}`);
      return resource?.value.kind === 'for'
        ? `${show(resource.value.over)}: ${show(at(resource.body, 'name'))}`
        : '';
    });
    expect(loops).toEqual(['containers: container', 'tables: table']);
  });

  test('empties staging by a lifecycle rule, and nothing else', () => {
    expect(plain(main, param('contentStorage', 'expiringContainer'))).toBe('staging');
    expect(plain(main, param('hostStorage', 'expiringContainer'))).toBe('');
    const account = templateAt('infra/modules/storage-account.bicep');
    const [rule] = created(account, 'Microsoft.Storage/storageAccounts/managementPolicies');
    const shown = show(rule?.body);
    expect(shown).toContain("prefixMatch: ['${expiringContainer}/']");
    for (const kind of ['baseBlob', 'snapshot', 'version']) {
      expect(shown).toContain(`${kind}: {delete: {daysAfterCreationGreaterThan: 2}}`);
    }
  });

  test('of the host has the container the app is deployed from', () => {
    expect(stringsOf(main, param('hostStorage', 'containers'))).toEqual(['package']);
    expect(show(param('app', 'packageContainerUrl'))).toBe(
      "'${hostStorage.outputs.blobUrl}${packageContainer}'",
    );
  });

  test('of content keeps deleted blobs, the lock and versions as the parameters say', () => {
    for (const [name, value] of [
      ['softDeleteDays', 'softDeleteDays'],
      ['versioning', 'versioning'],
      ['lock', 'lockContent'],
      ['sku', 'redundancy'],
    ] as const) {
      expect(show(param('contentStorage', name))).toBe(value);
    }
    expect(dependenciesOf(main, { kind: 'name', name: 'redundancy' })).toContain('overrides');
  });

  test('has a private endpoint for each service the app uses, with privateNetworking', () => {
    const endpoints = main.modules
      .filter(({ source }) => source === 'modules/private-endpoint.bicep')
      .map(({ value }) => {
        const condition = value.kind === 'if' ? show(value.condition) : '';
        return `${condition}: ${show(at(value, 'params', 'targetId'))} ${show(at(value, 'params', 'service'))}`;
      });
    expect(endpoints.toSorted()).toEqual([
      "privateNetworking && separateStaging: stagingStorage.outputs.id 'blob'",
      "privateNetworking: app.outputs.id 'sites'",
      "privateNetworking: contentStorage.outputs.id 'blob'",
      "privateNetworking: contentStorage.outputs.id 'table'",
      "privateNetworking: hostStorage.outputs.id 'blob'",
      "privateNetworking: hostStorage.outputs.id 'table'",
    ]);
  });
});

describe('alerts', () => {
  const alerts = templateAt('infra/modules/alerts.bicep');
  const rules = [
    ...created(alerts, 'Microsoft.Insights/scheduledQueryRules'),
    ...created(alerts, 'Microsoft.Insights/metricAlerts'),
  ];

  test('watch Application Insights and the content’s account, which main creates', () => {
    expect(
      rules.map(({ name, body }) => `${name}: ${show(at(body, 'properties', 'scopes'))}`),
    ).toEqual(['failures: [insightsId]', 'timers: [insightsId]', 'throttling: [contentAccountId]']);
    const params = moduleIn('alerts').value;
    expect(show(at(params, 'params', 'insightsId'))).toBe('monitoring.outputs.insightsId');
    expect(show(at(params, 'params', 'contentAccountId'))).toBe('contentStorage.outputs.id');
  });

  test('send mail by the action group that is created', () => {
    for (const { body } of rules) {
      expect(dependenciesOf(alerts, at(body, 'properties', 'actions') ?? body)).toContain('mail');
    }
  });

  test('look at failures in percent, at refusals of storage and at timers', () => {
    const [failures, timers, throttling] = rules.map(({ body }) => show(at(body, 'properties')));
    expect(failures).toContain('toint(resultCode) >= 500');
    expect(failures).toContain('total * ${failedPercent}');
    expect(timers).toContain('isempty(url) and success == false');
    expect(throttling).toContain("metricName: 'Transactions'");
    expect(throttling).toContain("'ServerBusyError'");
  });
});

test('the workbook is a workbook whose queries read Application Insights', () => {
  const workbook: unknown = JSON.parse(readText('infra/modules/workbook.json'));
  expect(workbook).toMatchObject({ version: 'Notebook/1.0' });
  const queries = [...JSON.stringify(workbook).matchAll(/"query":"(\w+) \|/g)].map(
    ([, table]) => table,
  );
  expect(queries).toHaveLength(6);
  expect(new Set(queries)).toEqual(new Set(['requests']));
});
