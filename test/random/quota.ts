import { readStorage } from '../faults/storage-snapshot.ts';
import type { TestAzurite } from '../harness/azurite.ts';
import type { RandomRegistry } from './registry.ts';
import type { Repository } from './repository.ts';

/** The repository that may hold so much. */
export const quota = {
  repository: 'small',
  limits: { maxManifests: 10, maxTags: 12 },
} as const;

/** The tags that are pushed there; many more than it may hold, so that most are new. */
export const quotaTags = Array.from({ length: 200 }, (_, index) => `small-${index}`);

/**
 * A repository holds no more than its quota and what the pushes that were under way at the same
 * time added; to be asked while nobody writes, before anything is deleted.
 */
export async function checkQuota(
  azurite: TestAzurite,
  { problems }: RandomRegistry,
  repositories: readonly Repository[],
): Promise<void> {
  const repository = repositories.find(({ name }) => name === quota.repository);
  if (repository === undefined) return;
  const { repo } = await readStorage(azurite);
  const rows = [...(repo.get(quota.repository) ?? [])];
  const counts = {
    manifests: rows.filter(([key, { state }]) => key.startsWith('m:') && state === 'live').length,
    tags: rows.filter(([key]) => key.startsWith('t:')).length,
  };
  const { maxManifests, maxTags } = quota.limits;
  const { history } = repository;
  const most = {
    manifests: maxManifests + history.mostPutsAtOnce(() => 1),
    tags: maxTags + history.mostPutsAtOnce(({ tags }) => tags.length),
  };
  for (const kind of ['manifests', 'tags'] as const) {
    if (counts[kind] <= most[kind]) continue;
    problems.push(`quota: ${counts[kind]} ${kind} are there, and at most ${most[kind]} may be`);
  }
}
