import { type Command, Option } from 'commander';
import * as v from 'valibot';
import { reportOfWork } from '../client/work.ts';
import { formatTime } from '../terminal/format.ts';
import { details, printable, table } from '../terminal/table.ts';
import type { AddCommand } from './command.ts';

const path = '/api/v1/storage-audit';

const report = v.looseObject({
  startedAt: v.string(),
  finished: v.boolean(),
  findings: v.record(
    v.string(),
    v.looseObject({ found: v.number(), repaired: v.number(), examples: v.array(v.string()) }),
  ),
});

/** `lighter storage-audit` */
export const addStorageAudit: AddCommand = (program, contextOf) => {
  program
    .command('storage-audit')
    .description('look at all that is stored for damage and repair it, which a timer does weekly')
    .option('--dry-run', 'repair nothing', false)
    .addOption(
      new Option('--last', 'look at nothing, show what the last one found')
        .default(false)
        .conflicts('dryRun'),
    )
    .action(async (options: { dryRun: boolean; last: boolean }, command: Command) => {
      const { terminal, client } = contextOf(command);
      const request = reportOfWork(client(), path, report, options);
      const { value } = await terminal.during('auditing', request);
      terminal.show(value, () => text(value));
    });
};

function text({ startedAt, finished, findings }: v.InferOutput<typeof report>): string {
  const found = Object.entries(findings).filter(([, finding]) => finding.found > 0);
  const head = details([
    ['started', formatTime(startedAt)],
    ['finished', finished ? 'yes' : 'no: run it again, or leave the rest to the timer'],
  ]);
  if (found.length === 0) return `${head}nothing is wrong${finished ? '' : ' so far'}\n`;
  return `${head}\n${table(
    ['WHAT', 'FOUND', 'REPAIRED', 'FOR EXAMPLE'],
    found.map(([kind, { found: count, repaired, examples }]) => [
      kind,
      String(count),
      String(repaired),
      printable(examples[0] ?? '-'),
    ]),
  )}`;
}
