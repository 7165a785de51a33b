/**
 * `npm run build`: makes `dist-cli/lighter.mjs`, the `lighter` command in one file, and `dist/`, the folder that is deployed as it is: `main.cjs` with the
 * functions and all their dependencies, `host.json`, and a `package.json` that names the entry.
 * Nothing is installed on the platform. What app code loads by `await import()` is in the file,
 * too, but not evaluated before it is asked for.
 */
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
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

await build({
  absWorkingDir: root.pathname,
  entryPoints: ['cli/main.ts'],
  outfile: new URL('dist-cli/lighter.mjs', root).pathname,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  minify: true,
  legalComments: 'none',
  banner: {
    // commander is CommonJS, which asks for built-in modules by `require`.
    js: "import{createRequire as lighterRequire}from'node:module';const require=lighterRequire(import.meta.url);",
  },
  logLevel: 'warning',
});
chmodSync(new URL('dist-cli/lighter.mjs', root), 0o755);

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
