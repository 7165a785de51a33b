import type { Command } from 'commander';
import * as v from 'valibot';
import { allPages } from '../client/pages.ts';
import { managementScope, type RegistryClient } from '../client/registry-client.ts';
import { formatBytes, formatTime } from '../terminal/format.ts';
import { details, printable, table } from '../terminal/table.ts';
import type { AddCommand } from './command.ts';
import { parseRepository } from './options.ts';

const path = '/api/v1/usage';
const timeoutMs = 220_000;

const usage = v.looseObject({
  repository: v.string(),
  uniqueBytes: v.number(),
  sharedBytes: v.number(),
  manifests: v.number(),
  tags: v.number(),
  lastPush: v.optional(v.string()),
  lastPull: v.optional(v.string()),
  countedAt: v.string(),
});
const list = v.looseObject({ repositories: v.array(usage) });
type Usage = v.InferOutput<typeof usage>;

/** `lighter usage` */
export const addUsage: AddCommand = (program, contextOf) => {
  program
    .command('usage')
    .description('what repositories hold, and when they were last used')
    .argument('[repository]', 'only this one', parseRepository)
    .option('--count', 'count now, which a timer does daily', false)
    .action(
      async (repository: string | undefined, options: { count: boolean }, command: Command) => {
        const { terminal, client } = contextOf(command);
        const registry = client();
        if (options.count) await terminal.during('counting', count(registry));
        if (repository !== undefined) {
          const target = `${path}/${encodeURIComponent(repository)}`;
          const { value } = await registry.json(target, managementScope, usage);
          terminal.show(value, () => one(value));
          return;
        }
        const repositories = await allPages(
          registry,
          `${path}?n=1000`,
          managementScope,
          list,
          (page) => page.repositories,
        );
        terminal.show(repositories, () => many(repositories));
      },
    );
};

async function count(registry: RegistryClient): Promise<void> {
  const answer = v.looseObject({ finished: v.boolean() });
  for (;;) {
    const options = { method: 'POST', timeoutMs } as const;
    const { value } = await registry.json(path, managementScope, answer, options);
    if (value.finished) return;
  }
}

function one(value: Usage): string {
  return details([
    ['repository', printable(value.repository)],
    ['its own', formatBytes(value.uniqueBytes)],
    ['shared', formatBytes(value.sharedBytes)],
    ['manifests', String(value.manifests)],
    ['tags', String(value.tags)],
    ['last push', formatTime(value.lastPush)],
    ['last pull', formatTime(value.lastPull)],
    ['counted', formatTime(value.countedAt)],
  ]);
}

function many(repositories: readonly Usage[]): string {
  return table(
    ['REPOSITORY', 'OWN', 'SHARED', 'MANIFESTS', 'TAGS', 'LAST PUSH', 'LAST PULL'],
    repositories.map((each) => [
      printable(each.repository),
      formatBytes(each.uniqueBytes),
      formatBytes(each.sharedBytes),
      String(each.manifests),
      String(each.tags),
      formatTime(each.lastPush),
      formatTime(each.lastPull),
    ]),
  );
}
