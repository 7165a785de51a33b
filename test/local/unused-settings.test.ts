import { expect, it } from 'vitest';
import { unusedSettings } from '../../local/unused-settings.ts';

it('names what is no setting and what npm start makes itself, and nothing else', () => {
  const environment = {
    PATH: '/bin',
    LIGHTER_PORT: '1',
    LIGHTER_ANONYMOUS_PULL: '*',
    LIGHTER_ANONYMUS_PULL: '*',
    LIGHTER_STORAGE_BLOB_URL: 'http://127.0.0.1',
  };
  expect(unusedSettings(environment)).toEqual([
    'LIGHTER_ANONYMUS_PULL is not a setting.',
    'LIGHTER_STORAGE_BLOB_URL is for the function app only.',
  ]);
});
