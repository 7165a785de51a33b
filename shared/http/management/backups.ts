import * as v from 'valibot';
import { parseRepositoryName } from '../../domain/repository-name.ts';
import { RegistryError } from '../../errors.ts';
import { startOf } from '../../registry/backup/backup-format.ts';
import { listBackups } from '../../registry/backup/list-backups.ts';
import { rebuildIndex } from '../../registry/backup/rebuild-index.ts';
import { existingRows } from '../../registry/backup/restore-state.ts';
import { restoreBackup } from '../../registry/backup/restore.ts';
import { takeBackup } from '../../registry/backup/take-backup.ts';
import { readJson, readOptionalJson } from '../json-request.ts';
import { jsonAnswer } from '../json-response.ts';
import type { RegistryResponse } from '../message.ts';
import type { Call } from '../route.ts';
import { checkDocument } from './check-document.ts';

/** The platform ends a request after 230 s; a part that is begun before this ends before that. */
const maxMs = 100_000;

export const backupDocument = v.strictObject({
  backup: v.pipe(
    v.optional(v.string()),
    v.description('The backup that an earlier call began: no other is begun when it is complete.'),
  ),
});

export const restoreDocument = v.strictObject({
  backup: v.pipe(v.string(), v.description('The id of a complete backup.')),
  existing: v.pipe(
    v.optional(v.picklist(existingRows), 'refuse'),
    v.description(
      'What becomes of rows that are there: `refuse` begins only where there are none, `keep` adds what is missing, `replace` lets the backup win.',
    ),
  ),
});

export const rebuildDocument = v.strictObject({
  repository: v.pipe(
    v.optional(v.string()),
    v.description('Is given the right to every blob, to mount from.'),
  ),
  after: v.pipe(v.optional(v.string()), v.description('`next` of the answer before.')),
});

/** Complete backups, newest first, and the one that is being taken. */
export async function showBackups({ app }: Call): Promise<RegistryResponse> {
  const { complete, run } = await listBackups(app.registry);
  return jsonAnswer({
    backups: complete.toReversed().map((id) => ({ id, startedAt: startOf(id).toISOString() })),
    ...(run !== undefined && {
      running: { id: run.id, startedAt: startOf(run.id).toISOString(), rows: run.rows },
    }),
  });
}

/** Goes on with a backup, or begins one, for 100 s. Throws UNSUPPORTED 409 without the section. */
export async function runBackup({ app, request }: Call): Promise<RegistryResponse> {
  const { backup } = checkDocument(backupDocument, await readOptionalJson(request));
  const settings = (await app.registry.policy.current()).backup;
  if (settings === undefined) {
    throw new RegistryError('UNSUPPORTED', {
      status: 409,
      message: 'the policy has no section backup: without it deleted bytes do not wait for one',
    });
  }
  const state = await takeBackup(app.registry, { maxMs, keepDays: settings.keepDays }, backup);
  return { ...jsonAnswer(state), audit: { target: state.id } };
}

/** Restores, or goes on with that, for 100 s. Throws as restoreBackup. */
export async function runRestore({ app, request }: Call): Promise<RegistryResponse> {
  const { backup, existing } = checkDocument(restoreDocument, await readJson(request));
  const report = await restoreBackup(app.registry, { backup, existing, maxMs });
  return { ...jsonAnswer(report), audit: { target: backup } };
}

/** Rebuilds rows from bytes, or goes on with that, for 100 s. Throws NAME_INVALID. */
export async function runRebuild({ app, request }: Call): Promise<RegistryResponse> {
  const document = checkDocument(rebuildDocument, await readOptionalJson(request));
  const repository = parseRepositoryName(document.repository ?? '');
  if (document.repository !== undefined && repository === undefined) {
    throw new RegistryError('NAME_INVALID', { detail: { name: document.repository } });
  }
  const report = await rebuildIndex(app.registry, { after: document.after, maxMs, repository });
  return jsonAnswer(report);
}
