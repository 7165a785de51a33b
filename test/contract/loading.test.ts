import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

/**
 * Runs a few lines in a new process after `connectStorage`, and tells which packages of Azure it
 * loaded.
 */
async function loadedBy(lines: string): Promise<string[]> {
  const module = new URL('../../shared/adapters/storage.ts', import.meta.url).href;
  const script = `
    import { registerHooks } from 'node:module';
    const loaded = new Set();
    registerHooks({
      resolve(specifier, context, next) {
        if (specifier.startsWith('@azure/') && !context.parentURL.includes('node_modules')) {
          loaded.add(specifier);
        }
        return next(specifier, context);
      },
    });
    const { connectStorage } = await import(${JSON.stringify(module)});
    const credential = { kind: 'key', accountName: 'a', accountKey: 'a2V5' };
    const { tables, blobs } = connectStorage(
      { blobUrl: 'http://127.0.0.1:1/a', tableUrl: 'http://127.0.0.1:1/a', credential },
      { tries: 1, firstDelayMs: 1, tryTimeoutMs: 1000, deadlineMs: 1000 },
    );
    ${lines}
    console.log(JSON.stringify([...loaded].sort()));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--input-type=module',
    '--eval',
    script,
  ]);
  const loaded: unknown = JSON.parse(stdout);
  return Array.isArray(loaded) ? loaded.map(String) : [];
}

it('no package of Azure is loaded before storage is first asked', async () => {
  expect(await loadedBy('')).toEqual([]);
});

it('only what the request needs is loaded then', async () => {
  expect(await loadedBy(`await tables.get('repo', 'a', 'b').catch(() => {});`)).toEqual([
    '@azure/core-rest-pipeline',
    '@azure/data-tables',
  ]);
  const signing = `await blobs.signedReadUrl('content', '00-11-22', { sasTtlSeconds: 60 });`;
  expect(await loadedBy(signing)).toEqual(['@azure/storage-blob']);
});
