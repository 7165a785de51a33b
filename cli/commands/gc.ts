import { type Command, Option } from 'commander';
import * as v from 'valibot';
import { reportOfWork } from '../client/work.ts';
import { formatBytes, formatTime } from '../terminal/format.ts';
import { details, printable, table } from '../terminal/table.ts';
import type { AddCommand } from './command.ts';

const path = '/api/v1/gc';

const kind = v.looseObject({
  seen: v.number(),
  done: v.number(),
  waiting: v.number(),
  failed: v.number(),
  freedBytes: v.number(),
});
const report = v.looseObject({
  startedAt: v.string(),
  durationMs: v.number(),
  dryRun: v.boolean(),
  finished: v.boolean(),
  repositoriesVisited: v.number(),
  repositoriesRemoved: v.number(),
  kinds: v.record(v.string(), kind),
  failures: v.array(v.string()),
});
type Report = v.InferOutput<typeof report>;

/** `lighter gc` */
export const addGc: AddCommand = (program, contextOf) => {
  program
    .command('gc')
    .description('free what is due to be freed now, which a timer does anyway')
    .option('--dry-run', 'change nothing, say what would be done', false)
    .addOption(
      new Option('--last', 'run nothing, show the report of the last run')
        .default(false)
        .conflicts('dryRun'),
    )
    .action(async (options: { dryRun: boolean; last: boolean }, command: Command) => {
      const { terminal, client } = contextOf(command);
      const request = reportOfWork(client(), path, report, options);
      const { value } = await terminal.during('collecting', request);
      terminal.show(value, () => text(value));
    });
};

function text(value: Report): string {
  const kinds = Object.entries(value.kinds);
  const freed = kinds.reduce((sum, [, { freedBytes }]) => sum + freedBytes, 0);
  return [
    details([
      ['started', formatTime(value.startedAt)],
      ['took', `${(value.durationMs / 1000).toFixed(1)} s`],
      ['mode', value.dryRun ? 'dry run: nothing was changed' : 'for real'],
      ['finished', value.finished ? 'yes' : 'no: run it again, or leave the rest to the timer'],
      ['repositories', `${value.repositoriesVisited}, ${value.repositoriesRemoved} removed`],
      [value.dryRun ? 'would free' : 'freed', formatBytes(freed)],
    ]),
    table(
      ['WORK', 'SEEN', 'DONE', 'WAITING', 'FAILED', 'FREED'],
      kinds.map(([name, counts]) => [
        name,
        String(counts.seen),
        String(counts.done),
        String(counts.waiting),
        String(counts.failed),
        formatBytes(counts.freedBytes),
      ]),
    ),
    ...value.failures.map((failure) => `${printable(failure)}\n`),
  ].join('\n');
}
