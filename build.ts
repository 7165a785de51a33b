/**
 * `npm run build`: makes `dist/`, the folder that is deployed as it is: `main.cjs` with the
 * functions and all their dependencies, `host.json`, and a `package.json` that names the entry.
 * Nothing is installed on the platform. What app code loads by `await import()` is in the file,
 * too, but not evaluated before it is asked for.
 */
import { cpSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

const maxBundleBytes = 2_000_000;
const root = new URL('./', import.meta.url);
const dist = new URL('dist/', root);
const bundle = new URL('main.cjs', dist);

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);

await build({
  absWorkingDir: root.pathname,
  entryPoints: ['functions/index.ts'],
  outfile: bundle.pathname,
  bundle: true,
  platform: 'node',
  target: 'node22',
  format: 'cjs',
  minify: true,
  // Stack traces and error names stay readable.
  keepNames: true,
  legalComments: 'none',
  external: ['@azure/functions-core'],
  logLevel: 'warning',
});

const { name, version }: { name: string; version: string } = JSON.parse(
  readFileSync(new URL('package.json', root), 'utf8'),
);
const deployed = { name, version, private: true, main: 'main.cjs' };
writeFileSync(new URL('package.json', dist), `${JSON.stringify(deployed, undefined, 2)}\n`);
cpSync(new URL('host.json', root), new URL('host.json', dist));

const { size } = statSync(bundle);
process.stdout.write(`dist/main.cjs: ${(size / 1e6).toFixed(2)} MB\n`);
if (size > maxBundleBytes) {
  process.stderr.write(`The bundle is larger than ${maxBundleBytes / 1e6} MB.\n`);
  process.exitCode = 1;
}
