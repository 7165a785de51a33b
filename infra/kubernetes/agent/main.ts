import { runCheck } from './commands/check.ts';
import { runCredentialProvider } from './commands/credential-provider.ts';
import { runInstall } from './commands/install.ts';
import { runNode } from './commands/node.ts';
import { runSecret } from './commands/secret.ts';
import { help } from './help.ts';
import type { Session } from './keep.ts';
import type { Environment } from './options.ts';
import { describe, Problem } from './problem.ts';
import { untilAborted } from './wait.ts';

type Command = (
  args: readonly string[],
  environment: Environment,
  session: Session,
) => Promise<void>;

const commands: Readonly<Record<string, Command>> = {
  node: runNode,
  secret: runSecret,
  'credential-provider': runCredentialProvider,
  check: runCheck,
  install: runInstall,
  wait: (_args, _environment, { signal }) => untilAborted(signal),
};

// stdout is for what a subcommand answers: the kubelet reads it.
const log = (line: string) => void process.stderr.write(`${new Date().toISOString()} ${line}\n`);

const stop = new AbortController();
process.once('SIGTERM', () => stop.abort()).once('SIGINT', () => stop.abort());

async function run(name: string, args: readonly string[]): Promise<void> {
  if (name === 'help' || name === '--help') return void process.stdout.write(help);
  const command = commands[name];
  if (command === undefined) throw new Problem(`there is no subcommand "${name}"; try help`);
  await command(args, process.env, { log, signal: stop.signal });
}

const [, , name = 'help', ...args] = process.argv;
try {
  await run(name, args);
} catch (error) {
  log(error instanceof Problem ? error.message : `unexpected: ${describe(error)}`);
  process.exitCode = 1;
}
