import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

/**
 * Prints what is imported until an unauthenticated `GET /v2/` has been refused, one specifier a
 * line.
 */
const program = `
  import { registerHooks } from 'node:module';
  registerHooks({
    resolve(specifier, context, next) {
      console.log(specifier);
      return next(specifier, context);
    },
  });
  const { ask, request, signInApp } = await import('./sign-in-app.ts');
  const { connectStorage } = await import('../../shared/adapters/storage.ts');
  const credential = { kind: 'key', accountName: 'a', accountKey: 'AAAA' };
  const url = 'http://127.0.0.1:1/a';
  const { tables } = connectStorage({ blobUrl: url, tableUrl: url, credential });
  const entra = {
    LIGHTER_TENANT_ID: '11111111-1111-1111-1111-111111111111',
    LIGHTER_RESOURCE_ID: '/subscriptions/a/resourceGroups/b/providers/Microsoft.Web/sites/c',
  };
  const app = signInApp(tables, { adminPassword: 'x', anonymousPull: '*', entra });
  const refusal = await ask(app, request('GET', '/v2/')).catch((error) => error);
  console.log('answered ' + refusal.status);
  await app.authority.tokens.verifyAccess('x.y.z', 'registry.example.com');
`;

test('the first, unauthenticated GET /v2/ loads neither jose, valibot nor a storage SDK', async () => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', program],
    { cwd: fileURLToPath(new URL('.', import.meta.url)) },
  );
  const lines = stdout.trim().split('\n');
  const answered = lines.indexOf('answered 401');
  expect(answered).toBeGreaterThan(0);
  const isHeavy = (specifier: string) => /^(?:jose|valibot|@azure\/.*)$/.test(specifier);
  expect(lines.slice(0, answered).filter(isHeavy)).toEqual([]);
  expect(lines.slice(answered).filter(isHeavy)).toEqual(['jose']);
});
