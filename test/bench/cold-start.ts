/**
 * Prints how long the bundle takes from the start of its process to the first answered `GET /v2/`,
 * with Azurite already running. `npm run build` first.
 */
import { startTestAzurite } from '../harness/azurite.ts';
import { startTestLighter } from '../harness/lighter.ts';
import { fileURLToPath } from 'node:url';

const runs = Number(process.argv[2] ?? 15);

/** Milliseconds for one fresh process. */
async function coldStartMs(azurite: Awaited<ReturnType<typeof startTestAzurite>>): Promise<number> {
  const startedMs = performance.now();
  const lighter = await startTestLighter({
    azurite,
    strict: false,
    appFile: fileURLToPath(new URL('../../dist/main.cjs', import.meta.url)),
  });
  const response = await fetch(`${lighter.url}/v2/`);
  const elapsedMs = performance.now() - startedMs;
  await response.arrayBuffer();
  await lighter.stop();
  if (response.status !== 401) throw new Error(`GET /v2/ answered ${response.status}.`);
  return elapsedMs;
}

const azurite = await startTestAzurite();
const elapsed: number[] = [];
for (let run = 0; run < runs; run++) elapsed.push(await coldStartMs(azurite));
await azurite.stop();

const sorted = elapsed.toSorted((a, b) => a - b).map(Math.round);
process.stdout.write(
  `cold start of the bundle, ${runs} runs: median ${sorted[runs >> 1]} ms, ` +
    `fastest ${sorted[0]} ms, slowest ${sorted.at(-1)} ms\n`,
);
