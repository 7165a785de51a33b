import type { Command } from 'commander';
import * as v from 'valibot';
import { CliError, exitCodes } from '../cli-error.ts';
import { allPages } from '../client/pages.ts';
import { formatBytes, formatTime } from '../terminal/format.ts';
import { printable, table } from '../terminal/table.ts';
import type { AddCommand } from './command.ts';
import { parseImage, parseRepository } from './options.ts';

const repositoryList = v.looseObject({
  repositories: v.array(
    v.looseObject({ repository: v.string(), deletedAt: v.string(), manifestCount: v.number() }),
  ),
});
const manifest = v.looseObject({
  digest: v.string(),
  imageSize: v.optional(v.number()),
  deletedAt: v.string(),
  restorableUntil: v.string(),
  tags: v.optional(v.array(v.string()), []),
});
const manifestList = v.looseObject({ manifests: v.nullish(v.array(manifest)) });
const restoration = v.looseObject({
  restored: v.array(v.looseObject({ digest: v.string(), tags: v.array(v.string()) })),
  takenTags: v.array(v.looseObject({ tag: v.string(), digest: v.string() })),
  missing: v.array(v.string()),
});
type Restoration = v.InferOutput<typeof restoration>;

/** `lighter deleted …` */
export const addDeleted: AddCommand = (program, contextOf) => {
  const group = program
    .command('deleted')
    .description('what was deleted and can be restored, where the policy says so');

  group
    .command('list')
    .description('manifests of a repository that can be restored; without one, where there are any')
    .argument('[repository]', 'its name, such as team/app', parseRepository)
    .action(async (repository: string | undefined, _options, command: Command) => {
      const { terminal, client } = contextOf(command);
      if (repository === undefined) {
        const path = '/acr/v1/_deleted/_catalog?n=1000';
        const scope = 'registry:catalog:*';
        const all = await allPages(client(), path, scope, repositoryList, (page) => [
          ...page.repositories,
        ]);
        terminal.show(all, () => repositoriesText(all));
        return;
      }
      const path = `/acr/v1/_deleted/${encodeURIComponent(repository)}/_manifests?n=1000`;
      const scope = `repository:${repository}:metadata_read`;
      const all = await allPages(client(), path, scope, manifestList, (page) => [
        ...(page.manifests ?? []),
      ]);
      terminal.show(all, () => manifestsText(all));
    });

  group
    .command('restore')
    .description('restore a manifest with its tags, what an index names, and what went with it')
    .argument('<image>', 'repository@digest', parseImage)
    .action(
      async (
        { repository, reference }: ReturnType<typeof parseImage>,
        _options,
        command: Command,
      ) => {
        if (!reference.includes(':')) {
          throw new CliError(
            'say which by its digest, as `lighter deleted list` shows it',
            exitCodes.usage,
          );
        }
        const { terminal, client } = contextOf(command);
        const path = `/acr/v1/_deleted/${encodeURIComponent(repository)}/_manifests/${reference}`;
        const scope = `repository:${repository}:pull,push`;
        const { value } = await client().json(path, scope, restoration, { method: 'POST' });
        terminal.show(value, () => restorationText(value));
      },
    );
};

function repositoriesText(all: v.InferOutput<typeof repositoryList>['repositories']): string {
  return table(
    ['REPOSITORY', 'MANIFESTS', 'LAST DELETED'],
    all.map((each) => [
      printable(each.repository),
      String(each.manifestCount),
      formatTime(each.deletedAt),
    ]),
  );
}

function manifestsText(all: readonly v.InferOutput<typeof manifest>[]): string {
  return table(
    ['DIGEST', 'TAGS', 'SIZE', 'DELETED', 'UNTIL'],
    all.map((each) => [
      each.digest,
      printable(each.tags.join(', ') || '-'),
      each.imageSize === undefined ? '-' : formatBytes(each.imageSize),
      formatTime(each.deletedAt),
      formatTime(each.restorableUntil),
    ]),
  );
}

function restorationText({ restored, takenTags, missing }: Restoration): string {
  const lines = [
    ...restored.map(({ digest, tags }) => `restored ${digest}${tagsText(tags)}`),
    ...(restored.length === 0 ? ['nothing was left to restore'] : []),
    ...takenTags.map(({ tag, digest }) => `not taken back: ${tag}, which is ${digest} now`),
    ...missing.map((digest) => `missing: ${digest}, which the index names`),
  ];
  return lines.map((line) => `${printable(line)}\n`).join('');
}

function tagsText(tags: readonly string[]): string {
  return tags.length === 0 ? '' : ` with ${tags.join(', ')}`;
}
