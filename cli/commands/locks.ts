import type { Command } from 'commander';
import * as v from 'valibot';
import { CliError, exitCodes } from '../cli-error.ts';
import { parseSwitch } from './options.ts';

const names = ['writeEnabled', 'deleteEnabled', 'readEnabled', 'listEnabled'] as const;
type LockName = (typeof names)[number];
export type LockOptions = Partial<Record<LockName, boolean>>;

/** ACR's changeable attributes: what is false is locked. */
export const attributes = v.looseObject({
  writeEnabled: v.boolean(),
  deleteEnabled: v.boolean(),
  readEnabled: v.boolean(),
  listEnabled: v.boolean(),
});

/** The options of `az acr repository update`, by the same names. */
export function addLockOptions(command: Command): Command {
  return command
    .option('--write-enabled <bool>', 'false: not overwritten, not deleted', parseSwitch)
    .option('--delete-enabled <bool>', 'false: not deleted', parseSwitch)
    .option('--read-enabled <bool>', 'false: not pulled', parseSwitch)
    .option('--list-enabled <bool>', 'false: not listed', parseSwitch);
}

/** What to change; throws usage when that is nothing. */
export function locksOf(options: LockOptions): LockOptions {
  const given = names.filter((name) => options[name] !== undefined);
  if (given.length > 0) return Object.fromEntries(given.map((name) => [name, options[name]]));
  throw new CliError('say what to change, such as --write-enabled false', exitCodes.usage);
}

/** `write, delete` are locked; `-`: nothing. */
export function lockText(value: v.InferOutput<typeof attributes>): string {
  const locked = names.filter((name) => !value[name]);
  return locked.map((name) => name.replace('Enabled', '')).join(', ') || '-';
}
