import { format, resolveConfig } from 'prettier';
import { localSettings } from '../../local/settings.ts';
import { settings } from '../../shared/config.ts';

/** Settings that `npm start` makes itself, so that nobody sets them there. */
const madeByNpmStart = [
  'LIGHTER_LOCAL',
  'LIGHTER_STORAGE_BLOB_URL',
  'LIGHTER_STORAGE_TABLE_URL',
  'LIGHTER_STORAGE_ACCOUNT_KEY',
  'LIGHTER_STORAGE_CLIENT_ID',
];

const markers = /(<!-- configuration -->).*?(<!-- \/configuration -->)/s;

/** The README with its configuration table as the code has it, formatted as the repository is. */
export async function withConfigurationTable(readme: string): Promise<string> {
  const rows = [
    ...Object.entries(localSettings).map(([name, text]) => row(name, 'npm start', text)),
    ...Object.entries(settings)
      .filter(([name]) => !madeByNpmStart.includes(name))
      .map(([name, text]) => row(name, 'both', text)),
    ...Object.entries(settings)
      .filter(([name]) => madeByNpmStart.includes(name) && name !== 'LIGHTER_LOCAL')
      .map(([name, text]) => row(name, 'function app', text)),
  ];
  const table = ['| setting | of | meaning |', '| --- | --- | --- |', ...rows].join('\n');
  const written = readme.replace(
    markers,
    (_, begin: string, end: string) => `${begin}\n\n${table}\n\n${end}`,
  );
  const style = await resolveConfig(import.meta.filename);
  return await format(written, { ...style, parser: 'markdown' });
}

function row(name: string, place: string, text: string): string {
  return `| \`${name}\` | ${place} | ${text.replaceAll('|', '\\|').replaceAll('*', '\\*')} |`;
}
