import * as v from 'valibot';
import { parseJsonObject } from '../../domain/json.ts';
import { RegistryError } from '../../errors.ts';
import { audit, type AuditReport } from '../../registry/audit/audit.ts';
import { lastReport, type SweepReport } from '../../registry/sweep/sweep-report.ts';
import { sweep } from '../../registry/sweep/sweep.ts';
import { readOptionalJson } from '../json-request.ts';
import { jsonAnswer } from '../json-response.ts';
import type { RegistryResponse } from '../message.ts';
import type { Call } from '../route.ts';
import { checkDocument } from './check-document.ts';

/** The platform ends a request after 230 s; what is begun before this must end before that. */
const maxMs = 150_000;

export const workDocument = v.strictObject({
  dryRun: v.pipe(
    v.optional(v.boolean(), false),
    v.description('Says what would be done, and does nothing.'),
  ),
});

/** Sweeps now, for 150 s at most, and answers the report. Throws StorageUnavailable. */
export async function runSweep({ app, request }: Call): Promise<RegistryResponse> {
  const { dryRun } = checkDocument(workDocument, await readOptionalJson(request));
  const answer = jsonAnswer(reportJson(await sweep(app.registry, { dryRun, maxMs })));
  return dryRun ? { ...answer, audit: 'no-change' } : answer;
}

/**
 * Answers the report of the last sweep that was no dry run. Throws NAME_UNKNOWN before the first.
 */
export function lastSweep(call: Call): Promise<RegistryResponse> {
  return last(call, 'sweep', 'nothing has been swept yet');
}

/**
 * Audits storage for 150 s at most, from where the last call stopped, and answers what was found so
 * far. Throws StorageUnavailable.
 */
export async function runAudit({ app, request }: Call): Promise<RegistryResponse> {
  const { dryRun } = checkDocument(workDocument, await readOptionalJson(request));
  const report = await audit(app.registry, { repair: !dryRun, maxMs });
  const answer = jsonAnswer(reportJson(report));
  return dryRun ? { ...answer, audit: 'no-change' } : answer;
}

/** Answers the report of the last audit, or of the one under way. Throws NAME_UNKNOWN before. */
export function lastAudit(call: Call): Promise<RegistryResponse> {
  return last(call, 'audit', 'storage has not been audited yet');
}

async function last(
  { app }: Call,
  kind: 'sweep' | 'audit',
  noneYet: string,
): Promise<RegistryResponse> {
  const text = await lastReport(app.registry, kind);
  const report = text === undefined ? undefined : parseJsonObject(Buffer.from(text));
  if (report === undefined) throw new RegistryError('NAME_UNKNOWN', { message: noneYet });
  const { complete, ...rest } = report;
  return jsonAnswer({ finished: complete, ...rest });
}

function reportJson({ complete, ...report }: SweepReport | AuditReport) {
  return { finished: complete, ...report };
}
