import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

test('every dependency says in docs/decisions/dependencies.md why it is one', async () => {
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
  const unexplained = Object.keys({ ...dependencies, ...devDependencies }).filter(
    (name) => !explained.includes(name),
  );
  expect(unexplained).toEqual([]);
});
