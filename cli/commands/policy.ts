import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import * as v from 'valibot';
import { managementScope, type RegistryClient } from '../client/registry-client.ts';
import { CliError, exitCodes } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { jsonText } from '../terminal/table.ts';
import type { AddCommand } from './command.ts';

const path = '/api/v1/policy';
const document = v.looseObject({});
const validation = v.looseObject({
  problems: v.array(v.object({ at: v.string(), problem: v.string() })),
});

/** `lighter policy …` */
export const addPolicy: AddCommand = (program, contextOf) => {
  const group = program.command('policy').description('the settings that are data');

  group
    .command('show')
    .description('the whole document')
    .option('--etag', 'its ETag instead, which policy apply --if-match takes', false)
    .action(async (options: { etag: boolean }, command: Command) => {
      const { terminal, client } = contextOf(command);
      const { value, etag } = await read(client());
      if (options.etag) terminal.show({ etag }, () => `${etag}\n`);
      else terminal.show(value, () => jsonText(value));
    });

  group
    .command('apply')
    .description('replace the document by that of a file')
    .argument('<file>', 'JSON; - for standard input')
    .option('--if-match <etag>', 'only if it is still the one of this ETag (policy show --etag)')
    .action(async (file: string, { ifMatch }: { ifMatch?: string }, command: Command) => {
      const context = contextOf(command);
      const body = await readDocument(context, file);
      const registry = context.client();
      const etag = ifMatch === undefined ? (await read(registry)).etag : quoted(ifMatch);
      const answer = await registry.json(path, managementScope, document, {
        method: 'PUT',
        body,
        headers: { 'If-Match': etag },
      });
      context.terminal.show(answer.value, () => '');
      context.terminal.done(
        `applied; in force everywhere within 60 s (ETag ${answer.headers.get('etag')})`,
      );
    });

  group
    .command('validate')
    .description('say what is wrong with a file, change nothing')
    .argument('<file>', 'JSON; - for standard input')
    .action(async (file: string, _options, command: Command) => {
      const context = contextOf(command);
      const body = await readDocument(context, file);
      const { value } = await context
        .client()
        .json(`${path}/validate`, managementScope, validation, { method: 'POST', body });
      context.terminal.show(value, () => '');
      if (value.problems.length === 0) context.terminal.done(`${nameOf(file)} is a valid policy`);
      else {
        throw new CliError(`${nameOf(file)} is no valid policy`, exitCodes.failed, {
          details: value.problems.map(({ at, problem }) => `${at}: ${problem}`),
        });
      }
    });
};

async function read(client: RegistryClient) {
  const { value, headers } = await client.json(path, managementScope, document);
  return { value, etag: headers.get('etag') ?? '*' };
}

/** Shells take the quotes away that belong to an ETag. */
function quoted(etag: string): string {
  return etag === '*' || /^(?:W\/)?"/.test(etag) ? etag : `"${etag}"`;
}

async function readDocument({ terminal }: Context, file: string): Promise<unknown> {
  const text = file === '-' ? await terminal.readStdin() : readText(file);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CliError(`${nameOf(file)} is no JSON: ${String(cause)}`, exitCodes.usage, { cause });
  }
}

function nameOf(file: string): string {
  return file === '-' ? 'standard input' : file;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new CliError(`${file} cannot be read`, exitCodes.usage, { cause });
  }
}
