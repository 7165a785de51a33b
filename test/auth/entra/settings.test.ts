import { expect, test } from 'vitest';
import { readConfig } from '../../../shared/config.ts';

const tenant = '7E1A0C52-3F0E-4B5A-9D55-5A5B0C9D2F10';
const read = (settings: Record<string, string>) =>
  readConfig({
    LIGHTER_STORAGE_BLOB_URL: 'https://a.blob.core.windows.net',
    LIGHTER_STORAGE_TABLE_URL: 'https://a.table.core.windows.net',
    LIGHTER_PUBLIC_URL: 'https://registry.example.com',
    ...settings,
  }).entra;

test('Entra is off unless a tenant is named; ARM tokens unless they are switched on', () => {
  expect(read({})).toBeUndefined();
  expect(read({ LIGHTER_ENTRA_AUTHORITY: 'https://login.microsoftonline.us' })).toBeUndefined();
  expect(read({ LIGHTER_TENANT_ID: tenant })).toEqual({
    tenantId: tenant.toLowerCase(),
    authority: 'https://login.microsoftonline.com',
    appId: undefined,
    acceptArmTokens: false,
  });
  const off = { LIGHTER_TENANT_ID: tenant, LIGHTER_ACCEPT_ARM_TOKENS: '0' };
  expect(read(off)?.acceptArmTokens).toBe(false);
  const on = { LIGHTER_TENANT_ID: tenant, LIGHTER_ACCEPT_ARM_TOKENS: '1' };
  expect(read(on)?.acceptArmTokens).toBe(true);
});

test.each<[string, Record<string, string>]>([
  ['LIGHTER_TENANT_ID', { LIGHTER_TENANT_ID: 'example.onmicrosoft.com' }],
  ['LIGHTER_TENANT_ID', { LIGHTER_TENANT_ID: 'common' }],
  ['LIGHTER_TENANT_ID', { LIGHTER_TENANT_ID: `${tenant}/..` }],
  ['LIGHTER_TENANT_ID', { LIGHTER_ACCEPT_ARM_TOKENS: '1' }],
  ['LIGHTER_TENANT_ID', { LIGHTER_ENTRA_APP_ID: tenant }],
  ['LIGHTER_ENTRA_APP_ID', { LIGHTER_TENANT_ID: tenant, LIGHTER_ENTRA_APP_ID: 'api://x' }],
  ['LIGHTER_ACCEPT_ARM_TOKENS', { LIGHTER_TENANT_ID: tenant, LIGHTER_ACCEPT_ARM_TOKENS: 'true' }],
  ['LIGHTER_ENTRA_AUTHORITY', { LIGHTER_ENTRA_AUTHORITY: 'http://login.microsoftonline.com' }],
  ['LIGHTER_ENTRA_AUTHORITY', { LIGHTER_ENTRA_AUTHORITY: 'https://login.example.com/tenant' }],
  ['LIGHTER_ENTRA_AUTHORITY', { LIGHTER_ENTRA_AUTHORITY: 'https://user@login.example.com' }],
])('%s is named as the problem of %o', (name, settings) => {
  expect(() => read(settings)).toThrow(name);
});
