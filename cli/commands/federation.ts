import type { Command } from 'commander';
import * as v from 'valibot';
import { managementScope } from '../client/registry-client.ts';
import { CliError, exitCodes } from '../cli-error.ts';
import { details, printable, table } from '../terminal/table.ts';
import type { AddCommand } from './command.ts';
import { parseLimit } from './options.ts';
import { allowHelp, collect, parseRules, repositoryRules, rulesText } from './repository-rules.ts';

const rule = v.looseObject({
  name: v.string(),
  description: v.optional(v.string()),
  issuer: v.string(),
  audience: v.string(),
  claims: v.record(v.string(), v.union([v.string(), v.array(v.string())])),
  rules: repositoryRules,
  maxTokenAgeSeconds: v.optional(v.number()),
});
type Rule = v.InferOutput<typeof rule>;
const list = v.looseObject({ federation: v.array(rule) });
const path = '/api/v1/federation';

interface SetOptions {
  readonly issuer: string;
  readonly audience: string;
  readonly claim: string[];
  readonly allow: string[];
  readonly description?: string;
  readonly maxTokenAge?: number;
}

/** `lighter federation …` */
export const addFederation: AddCommand = (program, contextOf) => {
  const group = program
    .command('federation')
    .description('whose OpenID Connect tokens are good for what');

  group
    .command('list')
    .description('all rules')
    .action(async (_options, command: Command) => {
      const { terminal, client } = contextOf(command);
      const { federation } = (await client().json(path, managementScope, list)).value;
      terminal.show(federation, () =>
        table(
          ['NAME', 'ISSUER', 'CLAIMS', 'ALLOWS'],
          federation.map((each) => [
            each.name,
            printable(each.issuer),
            claimsText(each),
            rulesText(each.rules),
          ]),
        ),
      );
    });

  group
    .command('show')
    .description('one rule')
    .argument('<name>')
    .action(async (name: string, _options, command: Command) => {
      const { terminal, client } = contextOf(command);
      const { value } = await client().json(pathOf(name), managementScope, rule);
      terminal.show(value, () => text(value));
    });

  group
    .command('set')
    .description('make a rule, or replace it')
    .argument('<name>')
    .requiredOption(
      '--issuer <url>',
      'iss of the tokens: https://token.actions.githubusercontent.com',
    )
    .requiredOption('--audience <text>', 'aud of the tokens')
    .requiredOption('--claim <condition>', 'NAME=VALUE, * in it for anything; repeatable', collect)
    .requiredOption('--allow <rule>', allowHelp, collect)
    .option('--description <text>')
    .option('--max-token-age <seconds>', 'oldest token that is taken', parseLimit)
    .action(async (name: string, options: SetOptions, command: Command) => {
      const { terminal, client } = contextOf(command);
      const { value } = await client().json(pathOf(name), managementScope, rule, {
        method: 'PUT',
        body: bodyOf(options),
      });
      terminal.show(value, () => text(value));
    });

  group
    .command('delete')
    .description('delete a rule')
    .argument('<name>')
    .action(async (name: string, _options, command: Command) => {
      const { terminal, client } = contextOf(command);
      await client().request(pathOf(name), managementScope, { method: 'DELETE' });
      terminal.show({ name }, () => '');
      terminal.done(`deleted the rule ${name}`);
    });
};

function bodyOf({ issuer, audience, claim, allow, description, maxTokenAge }: SetOptions) {
  const claims: Record<string, string[]> = {};
  for (const condition of claim) {
    const equals = condition.indexOf('=');
    if (equals < 1) throw new CliError(`--claim ${condition}: NAME=VALUE`, exitCodes.usage);
    (claims[condition.slice(0, equals)] ??= []).push(condition.slice(equals + 1));
  }
  return {
    issuer,
    audience,
    claims,
    rules: parseRules(allow),
    ...(description !== undefined && { description }),
    ...(maxTokenAge !== undefined && { maxTokenAgeSeconds: maxTokenAge }),
  };
}

function text(value: Rule): string {
  return details([
    ['rule', value.name],
    ['description', printable(value.description ?? '-')],
    ['issuer', printable(value.issuer)],
    ['audience', printable(value.audience)],
    ['claims', claimsText(value)],
    ['token age', ageText(value)],
    ...value.rules.map((each) => ['allows', rulesText([each])] as const),
  ]);
}

function ageText({ maxTokenAgeSeconds }: Rule): string {
  return maxTokenAgeSeconds === undefined ? '-' : `at most ${maxTokenAgeSeconds} s`;
}

function claimsText({ claims }: Rule): string {
  const conditions = Object.entries(claims).map(
    ([name, values]) => `${name}=${[values].flat().join('|')}`,
  );
  return printable(conditions.join(' '));
}

function pathOf(name: string): string {
  return `${path}/${encodeURIComponent(name)}`;
}
