#!/usr/bin/env node
import { CommanderError } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { CliError, exitCodes } from './cli-error.ts';
import { createContext } from './context.ts';
import { createProgram } from './program.ts';

const program = createProgram(packageJson.version, (options) =>
  createContext(options, process.env),
);
program.exitOverride();
for (const command of program.commands) command.exitOverride();

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = explain(error);
}

/** Says what went wrong, on standard error; returns what to end with. */
function explain(error: unknown): number {
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  }
  if (error instanceof CliError) {
    const details = error.details.map((line) => `  ${line}\n`).join('');
    process.stderr.write(`lighter: ${error.message}\n${details}`);
    return error.exitCode;
  }
  process.stderr.write(`lighter: ${error instanceof Error ? error.stack : String(error)}\n`);
  return exitCodes.failed;
}
