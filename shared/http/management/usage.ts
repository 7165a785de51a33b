import { parseRepositoryName } from '../../domain/repository-name.ts';
import { RegistryError } from '../../errors.ts';
import { countUsage } from '../../registry/usage/count-usage.ts';
import { listUsage, readUsage, type RepositoryUsage } from '../../registry/usage/read-usage.ts';
import { jsonAnswer } from '../json-response.ts';
import type { RegistryResponse } from '../message.ts';
import { nextLink, parsePage } from '../pagination.ts';
import type { Call } from '../route.ts';

const maxPage = 1000;
/** The platform ends a request after 230 s; what is begun before this must end before that. */
const maxMs = 150_000;

/** A page of what the repositories hold, by name. Throws UNSUPPORTED 400. */
export async function showUsage({ app, request }: Call): Promise<RegistryResponse> {
  const { limit, last } = parsePage(request.query, maxPage);
  const found = limit === 0 ? [] : await listUsage(app.registry, { last, limit: limit + 1 });
  const repositories = found.slice(0, limit);
  const end = repositories.at(-1)?.repository;
  const more = found.length > limit && end !== undefined;
  return jsonAnswer(
    { repositories: repositories.map(usageJson) },
    more ? nextLink('/api/v1/usage', { last: end, n: String(limit) }) : {},
  );
}

/** Throws NAME_INVALID, and NAME_UNKNOWN for what was never counted. */
export async function showUsageOf({ app, params }: Call): Promise<RegistryResponse> {
  const { name = '' } = params;
  const repository = parseRepositoryName(name);
  if (repository === undefined) throw new RegistryError('NAME_INVALID', { detail: { name } });
  const usage = await readUsage(app.registry, repository);
  if (usage === undefined) throw new RegistryError('NAME_UNKNOWN', { detail: { name } });
  return jsonAnswer(usageJson(usage));
}

/** Goes on with a count, or begins one, for 150 s. Throws StorageUnavailable. */
export async function runCount({ app }: Call): Promise<RegistryResponse> {
  const report = await countUsage(app.registry, { maxMs, now: true });
  return jsonAnswer({
    finished: report?.complete ?? false,
    repositories: report?.repositories ?? 0,
  });
}

function usageJson({ lastPush, lastPull, countedAt, ...usage }: RepositoryUsage) {
  return {
    ...usage,
    ...(lastPush !== undefined && { lastPush: lastPush.toISOString() }),
    ...(lastPull !== undefined && { lastPull: lastPull.toISOString() }),
    countedAt: countedAt.toISOString(),
  };
}
