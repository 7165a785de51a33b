import { type Command, Option } from 'commander';
import * as v from 'valibot';
import { managementScope, type RegistryClient } from '../client/registry-client.ts';
import { CliError, exitCodes } from '../cli-error.ts';
import type { AddCommand } from './command.ts';
import { parseDays } from './options.ts';
import { type Token, token, tokenTable, tokenText } from './token-text.ts';

const list = v.looseObject({ tokens: v.array(token) });
const made = v.looseObject({ password: v.string(), expiresAt: v.nullish(v.string()) });
const path = '/api/v1/tokens';

interface PasswordOptions {
  readonly slot: 'password1' | 'password2';
  readonly expiresInDays?: number;
}

/** `lighter token …` */
export const addToken: AddCommand = (program, contextOf) => {
  const group = program.command('token').description('repository tokens: users of this registry');

  group
    .command('list')
    .description('all tokens')
    .action(async (_options, command: Command) => {
      const { terminal, client } = contextOf(command);
      const { tokens } = (await client().json(path, managementScope, list)).value;
      terminal.show(tokens, () => tokenTable(tokens));
    });

  group
    .command('show')
    .description('one token')
    .argument('<name>')
    .action(async (name: string, _options, command: Command) => {
      const { terminal, client } = contextOf(command);
      const { value } = await client().json(pathOf(name), managementScope, token);
      terminal.show(value, () => tokenText(value));
    });

  group
    .command('create')
    .description('make a token with a password, which is shown once')
    .argument('<name>')
    .requiredOption('--scope-map <name>', 'what it may do')
    .option('--expires-in-days <n>', 'life of the password; without it, no end', parseDays)
    .action(
      async (
        name: string,
        { scopeMap, expiresInDays }: { scopeMap: string; expiresInDays?: number },
        command: Command,
      ) => {
        const { terminal, client } = contextOf(command);
        const registry = client();
        await create(registry, name, scopeMap);
        const secret = await generate(registry, name, { slot: 'password1', expiresInDays });
        terminal.show({ name, ...secret }, () => `${secret.password}\n`);
        terminal.done(
          `docker login ${new URL(registry.origin).host} -u ${name} --password-stdin  takes it; it is not shown again`,
        );
      },
    );

  for (const enabled of [true, false]) {
    group
      .command(enabled ? 'enable' : 'disable')
      .description(enabled ? 'let a token sign in again' : 'let a token sign in no more')
      .argument('<name>')
      .action(async (name: string, _options, command: Command) => {
        const { terminal, client } = contextOf(command);
        const registry = client();
        const { value } = await registry.json(pathOf(name), managementScope, token);
        const after = await put(registry, name, { scopeMap: value.scopeMap, enabled });
        terminal.show(after, () => tokenText(after));
      });
  }

  group
    .command('generate')
    .description('make a new password, which is shown once; the slot’s old one ends')
    .argument('<name>')
    .addOption(slotOption())
    .option('--expires-in-days <n>', 'life of the password; without it, no end', parseDays)
    .action(async (name: string, options: PasswordOptions, command: Command) => {
      const { terminal, client } = contextOf(command);
      const secret = await generate(client(), name, options);
      terminal.show(secret, () => `${secret.password}\n`);
    });

  group
    .command('revoke')
    .description('end a password')
    .argument('<name>')
    .addOption(slotOption())
    .action(async (name: string, { slot }: PasswordOptions, command: Command) => {
      const { terminal, client } = contextOf(command);
      await client().request(slotPath(name, slot), managementScope, { method: 'DELETE' });
      terminal.show({ name, slot }, () => '');
      terminal.done(`${slot} of ${name} is good no more`);
    });

  group
    .command('delete')
    .description('delete a token')
    .argument('<name>')
    .action(async (name: string, _options, command: Command) => {
      const { terminal, client } = contextOf(command);
      await client().request(pathOf(name), managementScope, { method: 'DELETE' });
      terminal.show({ name }, () => '');
      terminal.done(`deleted the token ${name}`);
    });
};

/** Never replaces a token that is there: its password, which somebody uses, would end. */
async function create(client: RegistryClient, name: string, scopeMap: string): Promise<void> {
  const path = pathOf(name);
  const body = { scopeMap, enabled: true };
  const headers = { 'If-None-Match': '*' };
  try {
    await client.json(path, managementScope, token, { method: 'PUT', body, headers });
  } catch (error) {
    if (!(error instanceof CliError) || error.exitCode !== exitCodes.conflict) throw error;
    throw new CliError(
      `there is a token ${name} already (lighter token generate makes another password)`,
      exitCodes.conflict,
      { cause: error },
    );
  }
}

async function put(
  client: RegistryClient,
  name: string,
  body: { readonly scopeMap: string; readonly enabled: boolean },
): Promise<Token> {
  return (await client.json(pathOf(name), managementScope, token, { method: 'PUT', body })).value;
}

async function generate(
  client: RegistryClient,
  name: string,
  { slot, expiresInDays }: { slot: string; expiresInDays?: number | undefined },
) {
  const body = expiresInDays === undefined ? {} : { expiresInDays };
  const options = { method: 'POST', body } as const;
  return (await client.json(slotPath(name, slot), managementScope, made, options)).value;
}

function pathOf(name: string): string {
  return `${path}/${encodeURIComponent(name)}`;
}

function slotOption(): Option {
  return new Option('--slot <slot>', 'password1, unless said, or password2')
    .choices(['password1', 'password2'])
    .default('password1');
}

function slotPath(name: string, slot: string): string {
  return `${pathOf(name)}/passwords/${encodeURIComponent(slot)}`;
}
