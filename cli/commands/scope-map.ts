import type { Command } from 'commander';
import * as v from 'valibot';
import { managementScope } from '../client/registry-client.ts';
import { details, printable, table } from '../terminal/table.ts';
import type { AddCommand } from './command.ts';
import { allowHelp, collect, parseRules, repositoryRules, rulesText } from './repository-rules.ts';

const scopeMap = v.looseObject({
  name: v.string(),
  description: v.optional(v.string()),
  rules: repositoryRules,
});
const list = v.looseObject({ scopeMaps: v.array(scopeMap) });
const path = '/api/v1/scope-maps';

/** `lighter scope-map …` */
export const addScopeMap: AddCommand = (program, contextOf) => {
  const group = program.command('scope-map').description('rights that repository tokens have');

  group
    .command('list')
    .description('all scope maps')
    .action(async (_options, command: Command) => {
      const { terminal, client } = contextOf(command);
      const { scopeMaps } = (await client().json(path, managementScope, list)).value;
      terminal.show(scopeMaps, () =>
        table(
          ['NAME', 'ALLOWS', 'DESCRIPTION'],
          scopeMaps.map(({ name, rules, description = '' }) => [
            name,
            rulesText(rules),
            printable(description),
          ]),
        ),
      );
    });

  group
    .command('show')
    .description('one scope map')
    .argument('<name>')
    .action(async (name: string, _options, command: Command) => {
      const { terminal, client } = contextOf(command);
      const { value } = await client().json(pathOf(name), managementScope, scopeMap);
      terminal.show(value, () => text(value));
    });

  group
    .command('set')
    .description('make a scope map, or replace it')
    .argument('<name>')
    .requiredOption('--allow <rule>', allowHelp, collect)
    .option('--description <text>')
    .action(
      async (
        name: string,
        { allow, description }: { allow: string[]; description?: string },
        command: Command,
      ) => {
        const { terminal, client } = contextOf(command);
        const body = {
          ...(description !== undefined && { description }),
          rules: parseRules(allow),
        };
        const { value } = await client().json(pathOf(name), managementScope, scopeMap, {
          method: 'PUT',
          body,
        });
        terminal.show(value, () => text(value));
      },
    );

  group
    .command('delete')
    .description('delete a scope map that no token has')
    .argument('<name>')
    .action(async (name: string, _options, command: Command) => {
      const { terminal, client } = contextOf(command);
      await client().request(pathOf(name), managementScope, { method: 'DELETE' });
      terminal.show({ name }, () => '');
      terminal.done(`deleted the scope map ${name}`);
    });
};

function text({ name, rules, description = '-' }: v.InferOutput<typeof scopeMap>): string {
  return details([
    ['scope map', name],
    ['description', printable(description)],
    ...rules.map((rule) => ['allows', rulesText([rule])] as const),
  ]);
}

function pathOf(name: string): string {
  return `${path}/${encodeURIComponent(name)}`;
}
