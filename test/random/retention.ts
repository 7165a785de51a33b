import { setTimeout as sleep } from 'node:timers/promises';
import type { Choice } from './choice.ts';
import type { Effect } from './history.ts';
import type { RandomRegistry } from './registry.ts';
import { frozenTags, type Repository, usualTags } from './repository.ts';
import { requestUntilServed, type Workload } from './workload.ts';

/** The rule of one repository, whose tags `frozen-…` are immutable, too. */
export const retention = {
  name: 'builds',
  repositories: ['app/builds'],
  tags: [
    { match: 'old-\\d+', keepNewest: 2 },
    { match: 'v\\d|nightly', olderThanDays: 1 },
    { match: frozenTags, olderThanDays: 1 },
  ],
  untaggedAfterDays: 1,
  protect: ['v1', 'old-0'],
};

export const retainedTags = [
  ...usualTags,
  ...Array.from({ length: 12 }, (_, index) => `old-${index}`),
];

/** What the rule says of no other tag, and whatever has no tag. */
const mayGo = /^(old-[1-9]\d*|v[23]|nightly)$/;

export async function retainNowAndThen(workload: Workload, choice: Choice): Promise<void> {
  const repository = retainedOf(workload.repositories);
  while (workload.goesOn()) {
    await sleep(500 + choice.integer(1500));
    await retainOnce(workload.registry, repository, choice);
  }
}

/** Once nobody pushes any more: the newest two stay, the protected one, and no other. */
export async function checkKeepNewest(
  registry: RandomRegistry,
  repositories: readonly Repository[],
  choice: Choice,
): Promise<void> {
  const repository = retainedOf(repositories);
  const before = await oldTags(registry, repository, choice);
  await retainOnce(registry, repository, choice);
  const after = await oldTags(registry, repository, choice);
  const isRight =
    after.length >= Math.min(2, before.length) &&
    after.filter((tag) => tag !== 'old-0').length <= 2 &&
    after.includes('old-0') === before.includes('old-0');
  if (isRight) return;
  registry.problems.push(`retention: of ${before.join(', ')} there are ${after.join(', ')}`);
}

function retainedOf(repositories: readonly Repository[]): Repository {
  const repository = repositories.find(({ name }) => retention.repositories.includes(name));
  if (repository === undefined) throw new Error('no repository has a rule of retention');
  return repository;
}

interface Report {
  readonly items: readonly { readonly tag?: string; readonly digest: string }[];
  readonly failures: readonly string[];
}

/** What it may delete, it may have deleted; what its answer names is gone. */
async function retainOnce(
  registry: RandomRegistry,
  { name, history }: Repository,
  choice: Choice,
): Promise<void> {
  const ended = history.begin({ kind: 'retain', mayGo });
  const told = history.begin({ kind: 'retained', tags: [], manifests: [] });
  const answer = await requestUntilServed(registry, choice, {
    method: 'POST',
    path: '/api/v1/retention',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(choice.chance(0.5) ? { repository: name } : {}),
  });
  if (answer?.status !== 200) {
    ended('unknown');
    told('nothing');
    return;
  }
  const { items, failures } = JSON.parse(answer.body) as Report;
  ended('perhaps');
  told('done', retainedIn(items));
  for (const { tag } of items) {
    if (tag !== undefined && !mayGo.test(tag)) {
      registry.problems.push(`retention deleted ${name}:${tag}, which is protected`);
    }
  }
  for (const failure of failures) {
    if (!failure.includes('StorageUnavailable')) registry.problems.push(`retention: ${failure}`);
  }
}

function retainedIn(items: Report['items']): Effect {
  return {
    kind: 'retained',
    tags: items.flatMap(({ tag, digest }) => (tag === undefined ? [] : [{ tag, digest }])),
    manifests: items.flatMap(({ tag, digest }) => (tag === undefined ? [digest] : [])),
  };
}

async function oldTags(
  registry: RandomRegistry,
  { name }: Repository,
  choice: Choice,
): Promise<string[]> {
  const path = `/v2/${name}/tags/list`;
  const answer = await requestUntilServed(registry, choice, { method: 'GET', path });
  return answer?.body.match(/old-\d+/g) ?? [];
}
