import { settings as registrySettings } from '../shared/config.ts';
import { localSettings } from './settings.ts';

/** Settings of the registry that `npm start` makes itself, whatever the environment says. */
const madeByNpmStart: readonly string[] = [
  'LIGHTER_LOCAL',
  'LIGHTER_STORAGE_BLOB_URL',
  'LIGHTER_STORAGE_TABLE_URL',
  'LIGHTER_STORAGE_ACCOUNT_KEY',
];

/** A line for each setting of the environment that has no effect, such as a misspelt one. */
export function unusedSettings(
  environment: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  return Object.keys(environment)
    .filter((name) => name.startsWith('LIGHTER_'))
    .toSorted()
    .flatMap((name) => {
      if (madeByNpmStart.includes(name)) return [`${name} is for the function app only.`];
      return name in localSettings || name in registrySettings ? [] : [`${name} is not a setting.`];
    });
}
