import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { withConfigurationTable } from './configuration-table.ts';

const readme = new URL('../../README.md', import.meta.url);

/** `npm test -- docs -u` rewrites the list. */
test('the README lists every setting with the words of the code', async () => {
  const written = await readFile(readme, 'utf8');
  expect(written).toContain('<!-- configuration -->');
  await expect(await withConfigurationTable(written)).toMatchFileSnapshot(readme.pathname);
});
