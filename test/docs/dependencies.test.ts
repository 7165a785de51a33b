import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

test('every dependency says in docs/decisions/dependencies.md why it is one, and no other does', async () => {
  const page = await readFile(
    new URL('../../docs/decisions/dependencies.md', import.meta.url),
    'utf8',
  );
  const {
    dependencies,
    devDependencies,
  }: Record<string, Record<string, string>> = JSON.parse(
    await readFile(new URL('../../package.json', import.meta.url), 'utf8'),
  );
  const firstCells = [...page.matchAll(/^\|([^|]*)\|/gm)].map(([, cell = '']) => cell);
  const explained = firstCells.flatMap((cell) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
  );
  expect(explained.toSorted()).toEqual(
    Object.keys({ ...dependencies, ...devDependencies }).toSorted(),
  );
});
