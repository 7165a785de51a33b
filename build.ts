/**
 * `npm run build` makes two things. `dist/` is the folder that is deployed as it is: `main.cjs` with
 * the functions and all their dependencies, `host.json`, and a `package.json` that names the entry;
 * nothing is installed on the platform, and what app code loads by `await import()` is in the file,
 * too, but not evaluated before it is asked for. `dist-cli/lighter.mjs` is the `lighter` command.
 *
 * `npm run package` also makes `dist-zip/lighter.zip` of `dist/`: the same bytes whenever and
 * wherever the same sources are built.
 */
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { type BuildOptions, build } from 'esbuild';
import { zipSync } from 'fflate';

const maxBundleBytes = 2_000_000;
const root = new URL('./', import.meta.url);
const dist = new URL('dist/', root);
const bundle = new URL('main.cjs', dist);
const command = new URL('dist-cli/lighter.mjs', root);
const zip = new URL('dist-zip/lighter.zip', root);

const common: BuildOptions = {
  absWorkingDir: root.pathname,
  bundle: true,
  platform: 'node',
  minify: true,
  legalComments: 'none',
  logLevel: 'warning',
};

async function buildFunctions(): Promise<void> {
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist);
  await build({
    ...common,
    entryPoints: ['functions/index.ts'],
    outfile: bundle.pathname,
    target: 'node22',
    format: 'cjs',
    // Stack traces and error names stay readable.
    keepNames: true,
    external: ['@azure/functions-core'],
  });
  const { name, version }: { name: string; version: string } = JSON.parse(
    readFileSync(new URL('package.json', root), 'utf8'),
  );
  const deployed = { name, version, private: true, main: 'main.cjs' };
  writeFileSync(new URL('package.json', dist), `${JSON.stringify(deployed, undefined, 2)}\n`);
  cpSync(new URL('host.json', root), new URL('host.json', dist));
}

async function buildCommand(): Promise<void> {
  await build({
    ...common,
    entryPoints: ['cli/main.ts'],
    outfile: command.pathname,
    target: 'node20',
    format: 'esm',
    banner: {
      // commander is CommonJS, which asks for built-in modules by `require`.
      js: "import{createRequire as lighterRequire}from'node:module';const require=lighterRequire(import.meta.url);",
    },
  });
  chmodSync(command, 0o755);
}

function packFunctions(): void {
  const files = readdirSync(dist)
    .toSorted()
    .map((name) => [name, new Uint8Array(readFileSync(new URL(name, dist)))] as const);
  mkdirSync(new URL('./', zip), { recursive: true });
  // The first day a ZIP file can name, in local time, as the format has it.
  writeFileSync(zip, zipSync(Object.fromEntries(files), { level: 9, mtime: new Date(1980, 0, 1) }));
}

/** `1.77 MB` */
function megabytes(file: URL): string {
  return `${(statSync(file).size / 1e6).toFixed(2)} MB`;
}

await buildFunctions();
await buildCommand();
process.stdout.write(`dist/main.cjs: ${megabytes(bundle)}\n`);
process.stdout.write(`dist-cli/lighter.mjs: ${megabytes(command)}\n`);
if (process.argv.includes('--zip')) {
  packFunctions();
  process.stdout.write(`dist-zip/lighter.zip: ${megabytes(zip)}\n`);
}
if (statSync(bundle).size > maxBundleBytes) {
  process.stderr.write(`The bundle is larger than ${maxBundleBytes / 1e6} MB.\n`);
  process.exitCode = 1;
}
