import type { Command } from 'commander';
import * as v from 'valibot';
import { allPages } from '../client/pages.ts';
import { formatTime, shortDigest } from '../terminal/format.ts';
import { details, printable, table } from '../terminal/table.ts';
import type { AddCommand } from './command.ts';
import { addLockOptions, type LockOptions, attributes, locksOf, lockText } from './locks.ts';
import { parseLimit, parseRepository, parseTaggedImage } from './options.ts';

const tag = v.looseObject({
  name: v.string(),
  digest: v.string(),
  createdTime: v.string(),
  lastUpdateTime: v.string(),
  changeableAttributes: attributes,
});
type Tag = v.InferOutput<typeof tag>;
const oneTag = v.looseObject({ tag });
const tagList = v.looseObject({ tags: v.nullish(v.array(tag)) });
type Image = ReturnType<typeof parseTaggedImage>;

/** `lighter tag …` */
export const addTag: AddCommand = (program, contextOf) => {
  const group = program.command('tag').description('tags');

  group
    .command('list')
    .description('tags of a repository, the newest first')
    .argument('<repository>', 'its name, such as team/app', parseRepository)
    .option('--by-name', 'ordered by name', false)
    .option('--limit <n>', 'at most so many', parseLimit)
    .action(
      async (name: string, options: { byName: boolean; limit?: number }, command: Command) => {
        const { terminal, client } = contextOf(command);
        const order = options.byName ? 'none' : 'timedesc';
        const path = `/acr/v1/${encodeURIComponent(name)}/_tags?n=1000&orderby=${order}`;
        const scope = `repository:${name}:metadata_read`;
        const tags = await allPages(
          client(),
          path,
          scope,
          tagList,
          (page) => page.tags ?? [],
          options.limit,
        );
        terminal.show(tags, () =>
          table(
            ['TAG', 'DIGEST', 'UPDATED', 'LOCKS'],
            tags.map((each) => [
              printable(each.name),
              shortDigest(each.digest),
              formatTime(each.lastUpdateTime),
              lockText(each.changeableAttributes),
            ]),
          ),
        );
      },
    );

  group
    .command('show')
    .description('one tag')
    .argument('<image>', 'repository:tag', parseTaggedImage)
    .action(async (image: Image, _options, command: Command) => {
      const { terminal, client } = contextOf(command);
      const scope = `repository:${image.repository}:metadata_read`;
      const { value } = await client().json(pathOf(image), scope, oneTag);
      terminal.show(value.tag, () => text(value.tag));
    });

  addLockOptions(
    group
      .command('set')
      .description('lock a tag, or unlock it')
      .argument('<image>', 'repository:tag', parseTaggedImage),
  ).action(async (image: Image, options: LockOptions, command: Command) => {
    const { terminal, client } = contextOf(command);
    const scope = `repository:${image.repository}:metadata_read,metadata_write`;
    const { value } = await client().json(pathOf(image), scope, oneTag, {
      method: 'PATCH',
      body: locksOf(options),
    });
    terminal.show(value.tag, () => text(value.tag));
  });

  group
    .command('delete')
    .description('take a tag off its image; the image stays')
    .argument('<image>', 'repository:tag', parseTaggedImage)
    .option('-y, --yes', 'do not ask', false)
    .action(async (image: Image, { yes }: { yes: boolean }, command: Command) => {
      const { terminal, client } = contextOf(command);
      const { repository, reference } = image;
      await terminal.confirm(`Delete the tag ${reference} of ${repository}?`, yes);
      await client().request(pathOf(image), `repository:${repository}:*`, { method: 'DELETE' });
      terminal.show({ repository, tag: reference }, () => '');
      terminal.done(`deleted ${repository}:${reference}`);
    });
};

function text(value: Tag): string {
  return details([
    ['tag', printable(value.name)],
    ['digest', value.digest],
    ['created', formatTime(value.createdTime)],
    ['updated', formatTime(value.lastUpdateTime)],
    ['locks', lockText(value.changeableAttributes)],
  ]);
}

function pathOf({ repository, reference }: Image): string {
  return `/acr/v1/${encodeURIComponent(repository)}/_tags/${encodeURIComponent(reference)}`;
}
