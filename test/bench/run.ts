/**
 * `npm run bench`: Lighter against distribution on the same kind of Azurite and against Azurite
 * itself, its memory, its cold start. Needs Linux; builds the peer (Go) when it is not there yet.
 *
 * --smoke        everything once and tiny: only whether each line gives numbers
 * --only NAME    one phase: reads, pushes-shared, pushes-own, pushes-many, layers, direct, memory, start
 * --rounds N     runs of each side and phase; 3 unless set
 */
import { statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { exec, stopAllDaemons } from '../clients/process.ts';
import { measureDirect } from './direct.ts';
import { measureMemory, type MemoryUse } from './memory.ts';
import { type Compared, phases, type Sizes } from './phases.ts';
import { checkNumbers, comparisonTable, markdown, Results } from './results.ts';
import { startLighter, startPeer } from './subjects.ts';

const { values: options } = parseArgs({
  options: {
    smoke: { type: 'boolean', default: false },
    only: { type: 'string' },
    rounds: { type: 'string', default: '3' },
  },
});
const isWanted = (name: string) => options.only === undefined || options.only === name;

const sizes: Sizes & { readonly bigLayerMiB: number; readonly eachOfEightMiB: number } =
  options.smoke
    ? {
        rounds: 1,
        secondsPerLine: 0.3,
        tags: 20,
        images: 20,
        layerMiB: 16,
        bigLayerMiB: 32,
        eachOfEightMiB: 8,
      }
    : {
        rounds: Number(options.rounds),
        secondsPerLine: 4,
        tags: 1000,
        images: 300,
        layerMiB: 256,
        bigLayerMiB: 4096,
        eachOfEightMiB: 1024,
      };

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Runs every phase on both sides by turns, each time with fresh processes and data. */
async function compare(results: Results): Promise<void> {
  const starts = { peer: startPeer, lighter: startLighter };
  for (const [name, phase] of Object.entries(phases).filter(([each]) => isWanted(each))) {
    for (let round = 0; round < sizes.rounds; round++) {
      const order: Compared[] = round % 2 === 0 ? ['peer', 'lighter'] : ['lighter', 'peer'];
      for (const side of order) {
        process.stderr.write(`${name}, round ${round + 1} of ${sizes.rounds}: ${side}\n`);
        const subject = await starts[side]();
        await phase(subject, side, sizes, results).finally(() => subject.stop());
      }
    }
  }
}

async function memory(): Promise<MemoryUse[]> {
  const subject = await startLighter();
  return await measureMemory(subject, sizes).finally(() => subject.stop());
}

function memoryTable(uses: readonly MemoryUse[]): string {
  const mebibytes = (value: number) => `${value.toFixed(0)} MiB`;
  return markdown(
    ['resident size of the registry', 'before', 'peak', 'added', 'aim'],
    uses.map(({ what, before, peak, aim }) => [
      what,
      ...[before, peak, peak - before].map(mebibytes),
      `at most ${aim} MiB`,
    ]),
  );
}

/** The line of cold-start.ts, and the size of the file that is started. */
async function coldStart(): Promise<string> {
  await exec(process.execPath, ['build.ts']);
  const { size } = statSync('dist/main.cjs');
  const line = await exec(process.execPath, [
    'test/bench/cold-start.ts',
    options.smoke ? '3' : '15',
  ]);
  return `${line.trim()} (aim: under 300 ms)\nbundle: ${(size / 1e6).toFixed(2)} MB (aim: under 2 MB)`;
}

async function bench(): Promise<void> {
  const results = new Results();
  await compare(results);
  say(comparisonTable(results));
  const direct = isWanted('direct')
    ? await measureDirect(sizes.rounds, options.smoke ? 64 : 1024)
    : '';
  say(`\n${direct}`);
  const uses = isWanted('memory') ? await memory() : [];
  if (uses.length > 0) say(`\n${memoryTable(uses)}`);
  const start = isWanted('start') ? await coldStart() : '';
  say(`\n${start}`);
  if (!options.smoke) return;

  const { passed, failures } = checkNumbers(results, sizes.rounds);
  for (const failure of failures) say(`no good number: ${failure}`);
  const others = [uses.length === 3, /\d of Put Block/.test(direct), /median \d+ ms/.test(start)];
  const failed = failures.length + others.filter((good) => !good).length;
  say(`${passed + others.filter(Boolean).length} passed, ${failed} failed`);
  if (failed > 0) process.exitCode = 1;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void stopAllDaemons().finally(() => process.exit(1)));
}

process.chdir(new URL('../../', import.meta.url).pathname);
await bench().catch(async (error: unknown) => {
  await stopAllDaemons();
  say(error instanceof Error ? (error.stack ?? error.message) : String(error));
  if (options.smoke) say('0 passed, 1 failed');
  process.exitCode = 1;
});
