import { Option } from 'commander';
import * as v from 'valibot';
import { catalogScope, RegistryClient } from '../client/registry-client.ts';
import { CliError, exitCodes } from '../cli-error.ts';
import { type Context, registryOrigin } from '../context.ts';
import { azureCliToken } from '../credentials/azure-token.ts';
import { type StoredCredential, tokenUsername } from '../credentials/credential.ts';
import { details, printable } from '../terminal/table.ts';
import type { AddCommand } from './command.ts';

interface LoginOptions {
  readonly username?: string;
  readonly password?: string;
  readonly passwordStdin?: boolean;
  readonly azure?: boolean;
  readonly tenant?: string;
  readonly oidcToken?: boolean;
}

/** `lighter login`, `logout`, `whoami`. */
export const addLogin: AddCommand = (program, contextOf) => {
  program
    .command('login')
    .description('sign in to a registry and make it the one that commands are about')
    .argument('<host>', 'address of the registry: registry.example.com, localhost:5000')
    .option('-u, --username <name>', 'user: admin, a token, or a service principal’s client id')
    .option('-p, --password <password>', 'password (better: --password-stdin)')
    .addOption(
      new Option('--password-stdin', 'read the password from standard input').conflicts('password'),
    )
    .addOption(
      new Option('--azure', 'as whom az login signed in').conflicts([
        'username',
        'password',
        'passwordStdin',
      ]),
    )
    .addOption(
      new Option('--tenant <id>', '--azure, of this tenant')
        .implies({ azure: true })
        .conflicts(['username', 'password', 'passwordStdin', 'oidcToken']),
    )
    .addOption(
      new Option(
        '--oidc-token',
        'the password is a token of a federated issuer (GitHub, GitLab, …)',
      ).conflicts(['username', 'azure']),
    )
    .action(async (host: string, options: LoginOptions, command) => {
      const context = contextOf(command);
      const origin = registryOrigin(host);
      const credential = await credentialOf(context, origin, options);
      await verify(new RegistryClient(origin, credential));
      context.credentials.set(origin, credential);
      context.terminal.show({ registry: origin, username: credential.username }, () => '');
      context.terminal.done(`signed in to ${origin}`);
    });

  program
    .command('logout')
    .description('forget the credential of a registry')
    .argument('[host]', 'address of the registry; else the one commands are about')
    .action((host: string | undefined, _options, command) => {
      const { credentials, terminal, client } = contextOf(command);
      const origin = host === undefined ? client().origin : registryOrigin(host);
      if (!credentials.remove(origin)) {
        throw new CliError(`nobody is signed in to ${origin} here`, exitCodes.notFound);
      }
      terminal.show({ registry: origin }, () => '');
      terminal.done(`signed out of ${origin}`);
    });

  program
    .command('whoami')
    .description('who is signed in, and what that permits')
    .action(async (_options, command) => {
      const { terminal, client } = contextOf(command);
      const registry = client();
      const { value } = await registry.json('/api/v1/whoami', undefined, whoami);
      terminal.show(value, () =>
        details([
          ['registry', registry.origin],
          ['principal', printable(value.displayName ?? value.subject)],
          ['kind', value.kind],
          ['subject', printable(value.subject)],
          ['lists repositories', value.permissions.catalog ? 'yes' : 'no'],
          ['manages', value.permissions.management.join(', ') || 'nothing'],
          ...value.permissions.rules.map(
            ({ repositories, actions, conditional }) =>
              [
                printable(repositories),
                `${actions.join(', ')}${conditional ? ' (under a condition)' : ''}`,
              ] as const,
          ),
        ]),
      );
    });
};

const whoami = v.looseObject({
  subject: v.string(),
  displayName: v.nullish(v.string()),
  kind: v.string(),
  permissions: v.looseObject({
    catalog: v.boolean(),
    management: v.array(v.string()),
    rules: v.array(
      v.looseObject({
        repositories: v.string(),
        actions: v.array(v.string()),
        conditional: v.optional(v.boolean(), false),
      }),
    ),
  }),
});

async function credentialOf(
  { terminal }: Context,
  origin: string,
  options: LoginOptions,
): Promise<StoredCredential> {
  const { username, password, passwordStdin, azure, tenant, oidcToken } = options;
  if (azure) return withForeignToken(origin, azureCliToken(tenant));
  const user = oidcToken ? tokenUsername : (username ?? (await terminal.ask('user: ')));
  const secret = passwordStdin
    ? (await terminal.readStdin()).replace(/\r?\n$/, '')
    : (password ?? (await terminal.askSecret('password: ')));
  if (secret === '') throw new CliError('the password is empty', exitCodes.usage);
  return oidcToken ? withForeignToken(origin, secret) : { username: user, password: secret };
}

async function withForeignToken(origin: string, token: string): Promise<StoredCredential> {
  const password = await new RegistryClient(origin, undefined).exchange(token);
  return { username: tokenUsername, password };
}

/** A wrong password must show at login, not at the first push. */
async function verify(client: RegistryClient): Promise<void> {
  const token = await client.token(catalogScope);
  if (token === undefined) throw new CliError('nobody is signed in', exitCodes.denied);
}
