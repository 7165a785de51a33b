import type { Command } from 'commander';
import * as v from 'valibot';
import { allPages } from '../client/pages.ts';
import { catalogScope, type RegistryClient } from '../client/registry-client.ts';
import { details, printable, table } from '../terminal/table.ts';
import { formatTime } from '../terminal/format.ts';
import { addLockOptions, type LockOptions, attributes, locksOf, lockText } from './locks.ts';
import type { AddCommand } from './command.ts';
import { parseLimit, parseRepository } from './options.ts';

const catalog = v.object({ repositories: v.nullable(v.array(v.string())) });
export const repository = v.looseObject({
  imageName: v.string(),
  createdTime: v.string(),
  lastUpdateTime: v.string(),
  manifestCount: v.number(),
  tagCount: v.number(),
  changeableAttributes: attributes,
});
const deleted = v.looseObject({
  manifestsDeleted: v.nullable(v.array(v.string())),
  tagsDeleted: v.nullable(v.array(v.string())),
});

/** `lighter repo …` */
export const addRepo: AddCommand = (program, contextOf) => {
  const group = program.command('repo').description('repositories');

  group
    .command('list')
    .description('all repositories')
    .option('--limit <n>', 'at most so many', parseLimit)
    .action(async ({ limit }: { limit?: number }, command: Command) => {
      const { terminal, client } = contextOf(command);
      const names = await allPages(
        client(),
        '/v2/_catalog?n=1000',
        catalogScope,
        catalog,
        ({ repositories }) => repositories ?? [],
        limit,
      );
      terminal.show(names, () => names.map((name) => `${printable(name)}\n`).join(''));
    });

  group
    .command('show')
    .description('one repository: counts, times, locks')
    .argument('<repository>', 'its name, such as team/app', parseRepository)
    .action(async (name: string, _options, command: Command) => {
      const { terminal, client } = contextOf(command);
      const value = await describe(client(), name);
      terminal.show(value, () => text(value));
    });

  addLockOptions(
    group
      .command('set')
      .description('lock a repository, or unlock it')
      .argument('<repository>', 'its name, such as team/app', parseRepository),
  ).action(async (name: string, options: LockOptions, command: Command) => {
    const { terminal, client } = contextOf(command);
    const scope = `repository:${name}:metadata_read,metadata_write`;
    const { value } = await client().json(pathOf(name), scope, repository, {
      method: 'PATCH',
      body: locksOf(options),
    });
    terminal.show(value, () => text(value));
  });

  group
    .command('delete')
    .description('delete a repository with all that is in it')
    .argument('<repository>', 'its name, such as team/app', parseRepository)
    .option('-y, --yes', 'do not ask', false)
    .action(async (name: string, { yes }: { yes: boolean }, command: Command) => {
      const { terminal, client } = contextOf(command);
      await terminal.confirm(`Delete ${name} with all its images?`, yes);
      const { value } = await client().json(pathOf(name), `repository:${name}:*`, deleted, {
        method: 'DELETE',
        timeoutMs: 300_000,
      });
      terminal.show(value, () =>
        table(
          ['DELETED', 'COUNT'],
          [
            ['manifests', String(value.manifestsDeleted?.length ?? 0)],
            ['tags', String(value.tagsDeleted?.length ?? 0)],
          ],
        ),
      );
    });
};

async function describe(client: RegistryClient, name: string) {
  const scope = `repository:${name}:metadata_read`;
  return (await client.json(pathOf(name), scope, repository)).value;
}

function text(value: v.InferOutput<typeof repository>): string {
  return details([
    ['repository', printable(value.imageName)],
    ['manifests', String(value.manifestCount)],
    ['tags', String(value.tagCount)],
    ['created', formatTime(value.createdTime)],
    ['updated', formatTime(value.lastUpdateTime)],
    ['locks', lockText(value.changeableAttributes)],
  ]);
}

function pathOf(name: string): string {
  return `/acr/v1/${encodeURIComponent(name)}`;
}
