import type { Command } from 'commander';
import * as v from 'valibot';
import { managementScope } from '../client/registry-client.ts';
import { shortDigest } from '../terminal/format.ts';
import { printable, table } from '../terminal/table.ts';
import type { AddCommand } from './command.ts';
import { parseRepository } from './options.ts';

const path = '/api/v1/retention';
/** The registry gives a run two and a half minutes. */
const timeoutMs = 220_000;

const report = v.looseObject({
  dryRun: v.boolean(),
  finished: v.boolean(),
  repositoriesVisited: v.number(),
  tags: v.number(),
  manifests: v.number(),
  kept: v.number(),
  items: v.array(
    v.looseObject({
      repository: v.string(),
      tag: v.optional(v.string()),
      digest: v.string(),
      rule: v.string(),
      reason: v.string(),
    }),
  ),
  failures: v.array(v.string()),
});
type Report = v.InferOutput<typeof report>;

/** `lighter retention …` */
export const addRetention: AddCommand = (program, contextOf) => {
  const group = program.command('retention').description('what the policy deletes by itself');

  group
    .command('preview')
    .description('what would be deleted now, by which rule; deletes nothing')
    .argument('[repository]', 'only there', parseRepository)
    .action(async (repository: string | undefined, _options, command: Command) => {
      const { terminal, client } = contextOf(command);
      const query =
        repository === undefined ? '' : `?${new URLSearchParams({ repository }).toString()}`;
      const target = `${path}/preview${query}`;
      const request = client().json(target, managementScope, report, { timeoutMs });
      const { value } = await terminal.during('looking', request);
      terminal.show(value, () => text(value));
    });

  group
    .command('run')
    .description('delete that now, which a timer does daily')
    .argument('[repository]', 'only there', parseRepository)
    .option('-y, --yes', 'do not ask', false)
    .action(async (repository: string | undefined, { yes }: { yes: boolean }, command: Command) => {
      const { terminal, client } = contextOf(command);
      await terminal.confirm(
        `Delete what retention says in ${repository ?? 'all repositories'}?`,
        yes,
      );
      const body = repository === undefined ? {} : { repository };
      const request = client().json(path, managementScope, report, {
        method: 'POST',
        body,
        timeoutMs,
      });
      const { value } = await terminal.during('deleting', request);
      terminal.show(value, () => text(value));
    });
};

function text(value: Report): string {
  const { tags, manifests, kept, repositoriesVisited, dryRun, finished } = value;
  const verb = dryRun ? 'would be deleted' : 'deleted';
  const lines = [
    `tags ${verb}: ${tags}, manifests: ${manifests}; repositories looked at: ${repositoriesVisited}`,
    ...(kept > 0 ? [`${kept} changed or were locked meanwhile and stay`] : []),
    ...(finished ? [] : ['time was up: run it again, or leave the rest to the timer']),
    ...value.failures.map(printable),
  ];
  const rows = value.items.map(({ repository, tag, digest, rule, reason }) => [
    printable(repository),
    printable(tag ?? '-'),
    shortDigest(printable(digest)),
    printable(rule),
    reason,
  ]);
  const listed =
    rows.length === 0 ? '' : table(['REPOSITORY', 'TAG', 'DIGEST', 'RULE', 'REASON'], rows);
  return `${listed}${lines.join('\n')}\n`;
}
