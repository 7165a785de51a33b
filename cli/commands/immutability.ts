import type { Command } from 'commander';
import * as v from 'valibot';
import { managementScope, type RegistryClient } from '../client/registry-client.ts';
import { CliError, exitCodes } from '../cli-error.ts';
import { printable, table } from '../terminal/table.ts';
import type { AddCommand } from './command.ts';

const rule = v.looseObject({ repositories: v.array(v.string()), tags: v.optional(v.string()) });
type Rule = v.InferOutput<typeof rule>;
const policy = v.looseObject({ immutability: v.array(rule) });
const path = '/api/v1/policy';

/** `lighter immutability …`: a section of the policy, changed under the policy's ETag. */
export const addImmutability: AddCommand = (program, contextOf) => {
  const group = program
    .command('immutability')
    .description('tags that cannot be moved or deleted once they are pushed');

  group
    .command('list')
    .description('all rules')
    .action(async (_options, command: Command) => {
      const { terminal, client } = contextOf(command);
      const { immutability } = (await client().json(path, managementScope, policy)).value;
      terminal.show(immutability, () => rulesTable(immutability));
    });

  group
    .command('set')
    .description('make the rule of these repositories, or replace it')
    .argument('<repository...>', 'names, prefixes ended by *, or *')
    .option('--tags <regex>', 'the tags that are held, as a whole; all, when left out')
    .action(async (repositories: string[], { tags }: { tags?: string }, command: Command) => {
      const { terminal, client } = contextOf(command);
      const made = { repositories, ...(tags !== undefined && { tags }) };
      const rules = await change(client(), (before) => {
        const at = before.findIndex((each) => isOf(each, repositories));
        return at < 0 ? [...before, made] : before.with(at, made);
      });
      terminal.show(rules, () => rulesTable(rules));
      terminal.done('in force everywhere within 60 s');
    });

  group
    .command('delete')
    .description('delete the rule of these repositories: the tags it holds are free')
    .argument('<repository...>', 'as the list shows them')
    .action(async (repositories: string[], _options, command: Command) => {
      const { terminal, client } = contextOf(command);
      const rules = await change(client(), (before) => {
        const left = before.filter((each) => !isOf(each, repositories));
        if (left.length < before.length) return left;
        throw new CliError(`no rule is of ${repositories.join(' ')}`, exitCodes.notFound);
      });
      terminal.show(rules, () => rulesTable(rules));
      terminal.done(`deleted the rule of ${repositories.join(' ')}`);
    });
};

/** Fails when somebody else changes the policy at the same time. */
async function change(
  client: RegistryClient,
  after: (before: readonly Rule[]) => readonly Rule[],
): Promise<readonly Rule[]> {
  const { value, headers } = await client.json(path, managementScope, policy);
  const body = { ...value, immutability: after(value.immutability) };
  const written = await client.json(path, managementScope, policy, {
    method: 'PUT',
    body,
    headers: { 'If-Match': headers.get('etag') ?? '' },
  });
  return written.value.immutability;
}

function isOf(each: Rule, repositories: readonly string[]): boolean {
  return each.repositories.toSorted().join(' ') === repositories.toSorted().join(' ');
}

function rulesTable(rules: readonly Rule[]): string {
  return table(
    ['REPOSITORIES', 'TAGS'],
    rules.map(({ repositories, tags = 'all' }) => [repositories.join(' '), printable(tags)]),
  );
}
