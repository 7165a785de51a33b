import { expect, test } from 'vitest';
import { cliPage } from './cli-page.ts';

/** `npm test -- docs -u` rewrites the page. */
test('docs/cli.md lists every command with the words of the code', async () => {
  const page = new URL('../../docs/cli.md', import.meta.url);
  await expect(await cliPage()).toMatchFileSnapshot(page.pathname);
});
