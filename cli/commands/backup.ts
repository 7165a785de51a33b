import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import * as v from 'valibot';
import { managementScope, type RegistryClient } from '../client/registry-client.ts';
import { formatTime } from '../terminal/format.ts';
import { details, printable, table } from '../terminal/table.ts';
import type { AddCommand } from './command.ts';
import { parseRepository } from './options.ts';

/** The registry gives each call a hundred seconds. */
const timeoutMs = 220_000;
/** Another call is at it. */
const pauseMs = 2000;

const state = v.looseObject({
  id: v.string(),
  finished: v.boolean(),
  rows: v.number(),
  parts: v.number(),
});
const list = v.looseObject({
  backups: v.array(v.looseObject({ id: v.string(), startedAt: v.string() })),
  running: v.optional(v.looseObject({ id: v.string(), startedAt: v.string() })),
});
const restored = v.looseObject({
  backup: v.string(),
  finished: v.boolean(),
  stage: v.string(),
  rows: v.number(),
  lostBlobs: v.number(),
  lostManifests: v.number(),
  droppedTags: v.number(),
  examples: v.array(v.string()),
});
const rebuilt = v.looseObject({
  finished: v.boolean(),
  next: v.optional(v.string()),
  blobs: v.number(),
  rebuilt: v.number(),
  linked: v.number(),
  passedOver: v.number(),
});
type Rebuilt = v.InferOutput<typeof rebuilt>;

/** `lighter backup …` */
export const addBackup: AddCommand = (program, contextOf) => {
  const group = program.command('backup').description('copies of the tables');

  group
    .command('now')
    .description('take a backup now, which a timer does daily')
    .action(async (_options, command: Command) => {
      const { terminal, client } = contextOf(command);
      const value = await terminal.during('backing up', takeWhole(client()));
      terminal.show(value, () =>
        details([
          ['backup', value.id],
          ['rows', String(value.rows)],
          ['files', String(value.parts)],
        ]),
      );
    });

  group
    .command('list')
    .description('the complete backups, newest first; one that is being taken is named beside them')
    .action(async (_options, command: Command) => {
      const { terminal, client } = contextOf(command);
      const { value } = await client().json('/api/v1/backups', managementScope, list);
      const { backups, running } = value;
      terminal.show(backups, () =>
        table(
          ['BACKUP', 'STARTED'],
          backups.map(({ id, startedAt }) => [id, formatTime(startedAt)]),
        ),
      );
      // Not in the list, out of which scripts take the first to restore it.
      if (running !== undefined) {
        terminal.note(`being taken since ${formatTime(running.startedAt)}: ${running.id}`);
      }
    });
};

async function takeWhole(client: RegistryClient): Promise<v.InferOutput<typeof state>> {
  let backup: string | undefined;
  for (;;) {
    const body = backup === undefined ? {} : { backup };
    const options = { method: 'POST', body, timeoutMs } as const;
    const { value } = await client.json('/api/v1/backups', managementScope, state, options);
    if (value.finished) return value;
    backup = value.id;
    await sleep(pauseMs);
  }
}

/** `lighter restore` */
export const addRestore: AddCommand = (program, contextOf) => {
  program
    .command('restore')
    .description('restore the tables from a backup')
    .argument('<backup>', 'its id, as lighter backup list has it')
    .addOption(
      new Option('--existing <what>', 'what becomes of rows that are there')
        .choices(['refuse', 'keep', 'replace'])
        .default('refuse'),
    )
    .option('-y, --yes', 'do not ask', false)
    .action(
      async (
        backup: string,
        { existing, yes }: { existing: string; yes: boolean },
        command: Command,
      ) => {
        const { terminal, client } = contextOf(command);
        if (existing === 'replace') {
          await terminal.confirm(`Replace what is there by the backup ${backup}?`, yes);
        }
        const registry = client();
        const value = await terminal.during('restoring', restoreAll(registry, backup, existing));
        terminal.show(value, () =>
          [
            details([
              ['backup', value.backup],
              ['rows', String(value.rows)],
              ['lost blobs', String(value.lostBlobs)],
              ['lost manifests', String(value.lostManifests)],
              ['dropped tags', String(value.droppedTags)],
            ]),
            ...value.examples.map((example) => `${printable(example)}\n`),
          ].join(''),
        );
      },
    );
};

async function restoreAll(client: RegistryClient, backup: string, existing: string) {
  for (;;) {
    const options = { method: 'POST', body: { backup, existing }, timeoutMs } as const;
    const { value } = await client.json('/api/v1/restore', managementScope, restored, options);
    if (value.finished) return value;
  }
}

/** `lighter rebuild-index` */
export const addRebuildIndex: AddCommand = (program, contextOf) => {
  program
    .command('rebuild-index')
    .description('rebuild the rows of blobs from the stored bytes alone')
    .option('--repository <name>', 'give this repository the right to every blob', parseRepository)
    .action(async ({ repository }: { repository?: string }, command: Command) => {
      const { terminal, client } = contextOf(command);
      const value = await terminal.during('rebuilding', rebuildAll(client(), repository));
      terminal.show(value, () =>
        details([
          ['blobs', String(value.blobs)],
          ['rebuilt', String(value.rebuilt)],
          ['linked', String(value.linked)],
          ['passed over', String(value.passedOver)],
        ]),
      );
    });
};

async function rebuildAll(client: RegistryClient, repository?: string): Promise<Rebuilt> {
  const sum = { finished: true, blobs: 0, rebuilt: 0, linked: 0, passedOver: 0 };
  let after: string | undefined;
  for (;;) {
    const body = {
      ...(repository !== undefined && { repository }),
      ...(after !== undefined && { after }),
    };
    const options = { method: 'POST', body, timeoutMs } as const;
    const path = '/api/v1/rebuild-index';
    const { value } = await client.json(path, managementScope, rebuilt, options);
    sum.blobs += value.blobs;
    sum.rebuilt += value.rebuilt;
    sum.linked += value.linked;
    sum.passedOver += value.passedOver;
    if (value.finished) return sum;
    after = value.next;
  }
}
