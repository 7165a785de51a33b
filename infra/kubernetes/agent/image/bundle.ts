import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** Where the bundle is made: `agent.mjs`, all that the image needs beside Node.js. */
export const bundleFile = fileURLToPath(new URL('../dist/agent.mjs', import.meta.url));

/** Bundles the agent into one file. It imports nothing but what Node.js brings. */
export async function bundleAgent(): Promise<void> {
  await build({
    entryPoints: [fileURLToPath(new URL('../main.ts', import.meta.url))],
    outfile: bundleFile,
    bundle: true,
    platform: 'node',
    target: 'node22',
    format: 'esm',
    keepNames: true,
    logLevel: 'warning',
  });
}

if (import.meta.main) await bundleAgent();
