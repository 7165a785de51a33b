import * as v from 'valibot';
import { parseRepositoryName, type RepositoryName } from '../../domain/repository-name.ts';
import { RegistryError } from '../../errors.ts';
import { retain } from '../../registry/retention/retain.ts';
import type { RetentionItem, RetentionReport } from '../../registry/retention/retention-report.ts';
import { readOptionalJson } from '../json-request.ts';
import { jsonAnswer } from '../json-response.ts';
import type { Effect, RegistryResponse } from '../message.ts';
import type { Call } from '../route.ts';
import { checkDocument } from './check-document.ts';

/** The platform ends a request after 230 s; what is begun before this must end before that. */
const maxMs = 150_000;
const maxItems = 10_000;

export const retentionDocument = v.strictObject({
  repository: v.pipe(v.optional(v.string()), v.description('Only there.')),
});

/** Looks for 150 s at most, and deletes nothing. Throws NAME_INVALID, StorageUnavailable. */
export async function previewRetention({ app, request }: Call): Promise<RegistryResponse> {
  const repository = repositoryIn(request.query.get('repository') ?? undefined);
  const report = await retain(app.registry, {
    dryRun: true,
    maxMs,
    maxItems,
    ...(repository !== undefined && { repository }),
  });
  return jsonAnswer(reportJson(report));
}

/** Deletes for 150 s at most. Throws NAME_INVALID, StorageUnavailable. */
export async function runRetention({ app, request }: Call): Promise<RegistryResponse> {
  const document = checkDocument(retentionDocument, await readOptionalJson(request));
  const repository = repositoryIn(document.repository);
  const effects: Effect[] = [];
  const report = await retain(app.registry, {
    dryRun: false,
    maxMs,
    maxItems,
    onDeleted: (item) => effects.push(effectOf(item)),
    ...(repository !== undefined && { repository }),
  });
  const audit = {
    manifests: report.manifests,
    ...(repository !== undefined && { target: repository }),
  };
  return { ...jsonAnswer(reportJson(report)), audit, effects };
}

/** What the audit trail tells of something that retention deleted. */
export function effectOf({ repository, tag, digest, rule }: RetentionItem): Effect {
  return {
    event: tag === undefined ? 'manifest.delete' : 'tag.delete',
    principal: 'retention',
    repository,
    ...(tag !== undefined && { reference: tag }),
    digest,
    rule,
  };
}

function repositoryIn(name: string | undefined): RepositoryName | undefined {
  if (name === undefined) return undefined;
  const repository = parseRepositoryName(name);
  if (repository !== undefined) return repository;
  throw new RegistryError('NAME_INVALID', { detail: { name } });
}

function reportJson({ complete, ...report }: RetentionReport) {
  return { finished: complete, ...report };
}
