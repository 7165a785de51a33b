import tab from '@bomb.sh/tab/commander';
import { Command, Help, type Option } from 'commander';
import { addAks } from './commands/aks.ts';
import { addBackup, addRebuildIndex, addRestore } from './commands/backup.ts';
import { addCheckHealth } from './commands/check-health.ts';
import { addDeleted } from './commands/deleted.ts';
import { addFederation } from './commands/federation.ts';
import { addGc } from './commands/gc.ts';
import { addImmutability } from './commands/immutability.ts';
import { addLogin } from './commands/login.ts';
import { addManifest } from './commands/manifest.ts';
import { addPermissions } from './commands/permissions.ts';
import { addPolicy } from './commands/policy.ts';
import { addRepo } from './commands/repo.ts';
import { addRetention } from './commands/retention.ts';
import { addScopeMap } from './commands/scope-map.ts';
import { addStorageAudit } from './commands/storage-audit.ts';
import { addTag } from './commands/tag.ts';
import { addToken } from './commands/token.ts';
import { addUsage } from './commands/usage.ts';
import type { Context, GlobalOptions } from './context.ts';

const commands = [
  addLogin,
  addRepo,
  addTag,
  addManifest,
  addDeleted,
  addToken,
  addScopeMap,
  addFederation,
  addPolicy,
  addImmutability,
  addPermissions,
  addCheckHealth,
  addRetention,
  addUsage,
  addGc,
  addBackup,
  addRestore,
  addRebuildIndex,
  addStorageAudit,
  addAks,
];

/** The whole `lighter` command. `contextFor` makes what a command works with. */
export function createProgram(
  version: string,
  contextFor: (options: GlobalOptions) => Context,
): Command {
  const program = new Command('lighter')
    .description('manage a Lighter container registry')
    .version(version)
    .option('-r, --registry <host>', 'the registry; else LIGHTER_REGISTRY or the last login')
    .option('--json', 'results as JSON')
    .configureHelp({ optionDescription, showGlobalOptions: true })
    .configureOutput({ outputError: writeAsOurs })
    .enablePositionalOptions(false);
  const contextOf = (command: Command) => contextFor(command.optsWithGlobals());

  for (const add of commands) add(program, contextOf);
  tab(program);
  hintAtOwnHelp(program);
  return program;
}

/** What to say after a wrong use of a command: the help that fits, not that of all commands. */
export function helpHint(command: Command): string {
  const names: string[] = [];
  for (let at: Command | null = command; at !== null; at = at.parent) names.unshift(at.name());
  return `(${names.join(' ')} --help)`;
}

function hintAtOwnHelp(command: Command): void {
  command.showHelpAfterError(helpHint(command));
  command.commands.forEach(hintAtOwnHelp);
}

/** Commander begins with `error:`, we with our name. */
function writeAsOurs(text: string, write: (text: string) => void): void {
  write(text.replace(/^error:/, 'lighter:'));
}

/** Commander's own does not say what cannot be left out, and says that flags are off. */
function optionDescription(option: Option): string {
  const description = new Help().optionDescription(option).replace(' (default: false)', '');
  return option.mandatory ? `${description} (required)` : description;
}
