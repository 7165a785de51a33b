import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const program = `
  import { registerHooks } from 'node:module';
  registerHooks({
    resolve(specifier, context, next) {
      console.log(specifier);
      return next(specifier, context);
    },
  });
  const { routes } = await import('../../functions/routes.ts');
  console.log('loaded ' + routes.length);
  const { handle } = routes.find(({ name }) => name === 'api-openapi').methods.GET;
  await handle();
`;

test('the routes load neither valibot nor the OpenAPI file before somebody asks for it', async () => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', program],
    { cwd: fileURLToPath(new URL('.', import.meta.url)) },
  );
  const lines = stdout.trim().split('\n');
  const loaded = lines.findIndex((line) => /^loaded \d\d/.test(line));
  const isLate = (specifier: string) =>
    /^(?:valibot|.*\/openapi\.json|.*\/management\/.*)$/.test(specifier);
  expect(loaded).toBeGreaterThan(0);
  expect(lines.slice(0, loaded).filter(isLate)).toEqual([]);
  expect(lines.slice(loaded).filter(isLate)).toEqual(['../docs/openapi.json']);
});
