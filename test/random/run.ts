/*
 * `npm run random -- [--seed N] [--operations N] [--runs N]`: runs of random clients against random
 * accidents, each on fresh data, the seed of each one more than the last's. Without a seed a new one
 * is chosen. Ends at the first run that finds something wrong.
 */
import { parseArgs } from 'node:util';
import { runRandom } from './random-run.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
    operations: { type: 'string', default: '10000' },
    runs: { type: 'string', default: '1' },
    clients: { type: 'string', default: '10' },
    instances: { type: 'string', default: '3' },
  },
});

let sum = 0;
let passed = 0;
for (let run = 0; run < Number(values.runs); run++) {
  const seed = Number(values.seed) + run;
  const startedAtMs = performance.now();
  console.log(`npm run random -- --seed ${seed} --operations ${values.operations}`);
  const result = await runRandom({
    seed,
    operations: Number(values.operations),
    clients: Number(values.clients),
    instances: Number(values.instances),
    say: (line) => console.log(`  ${secondsSince(startedAtMs)} s: ${line}`),
  });
  sum += result.requests;
  const { requests, storageRequests, faults, sweeps, kills, statuses, problems } = result;
  console.log(
    `  ${requests} requests, ${storageRequests} to storage, ${faults} disturbed, ${sweeps} sweeps, ${kills} killed, ${secondsSince(startedAtMs)} s`,
  );
  console.log(`  ${[...statuses].map(([what, count]) => `${what}: ${count}`).join(', ')}`);
  for (const problem of problems.slice(0, 100)) console.log(`  WRONG ${problem}`);
  if (problems.length > 0) {
    process.exitCode = 1;
    break;
  }
  passed += 1;
}
console.log(`${sum} requests in all`);
console.log(`${passed} passed, ${process.exitCode === 1 ? 1 : 0} failed`);

function secondsSince(startedAtMs: number): number {
  return Math.round((performance.now() - startedAtMs) / 1000);
}
