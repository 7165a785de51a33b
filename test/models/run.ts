/*
 * `npm run models [-- WORDS]`: every configuration of every model, the large ones included, or those
 * whose name has the words. Says how many states each has, and shows the requests that lead to what
 * it finds.
 */
import { models } from './configurations.ts';
import { explore } from './engine.ts';

const words = process.argv.slice(2).join(' ');
let unexpected = 0;
let sum = 0;
for (const [title, configurations] of Object.entries(models)) {
  console.log(`\n${title}`);
  for (const { name, model, fails } of configurations) {
    if (!`${title} ${name}`.includes(words)) continue;
    const { states, counterexample } = explore(model, 30_000_000);
    sum += states;
    const problem = counterexample?.problem ?? '';
    const expected = fails === undefined ? problem === '' : fails.test(problem);
    if (!expected) unexpected += 1;
    console.log(`${expected ? 'ok ' : 'NOT'} ${String(states).padStart(9)} states  ${name}`);
    if (problem !== '') console.log(`    ${problem}`);
    if (!expected) console.log(counterexample?.trace.map((line) => `      ${line}`).join('\n'));
  }
}
console.log(`\n${sum} states, ${unexpected} not as expected`);
process.exitCode = unexpected === 0 ? 0 : 1;
