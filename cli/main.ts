#!/usr/bin/env node
import { type Command, CommanderError } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { CliError, exitCodes } from './cli-error.ts';
import { createContext } from './context.ts';
import { createProgram, helpHint } from './program.ts';
import { printable } from './terminal/table.ts';

const program = createProgram(packageJson.version, (options) =>
  createContext(options, process.env),
);
throwInsteadOfExit(program);
let running: Command = program;
program.hook('preAction', (_program, command) => {
  running = command;
});
process.stdout.on('error', throwUnlessReaderLeft);

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = explain(error);
}

/** Commander would end the process itself, and with another code than ours for a wrong usage. */
function throwInsteadOfExit(command: Command): void {
  command.exitOverride();
  command.commands.forEach(throwInsteadOfExit);
}

/** Who reads may have had enough, as `head` does: nothing went wrong. */
function throwUnlessReaderLeft(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

/** Says what went wrong, on standard error; returns what to end with. */
function explain(error: unknown): number {
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  }
  if (error instanceof CliError) {
    const details = error.details.map((line) => `  ${printable(line)}\n`).join('');
    const hint = error.exitCode === exitCodes.usage ? `${helpHint(running)}\n` : '';
    process.stderr.write(`lighter: ${printable(error.message)}\n${details}${hint}`);
    return error.exitCode;
  }
  process.stderr.write(`lighter: ${error instanceof Error ? error.stack : String(error)}\n`);
  return exitCodes.failed;
}
