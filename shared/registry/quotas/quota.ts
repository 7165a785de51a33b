import type { RepositoryName } from '../../domain/repository-name.ts';
import { matchesPattern } from '../../domain/repository-pattern.ts';
import { RegistryError } from '../../errors.ts';
import type { QuotaRule } from '../../policy/keeping-rules.ts';
import type { Row } from '../../ports/table-store.ts';
import type { Registry } from '../registry.ts';
import { keysUnder, repositoryPartition } from '../rows/row-keys.ts';
import { number, optionalText } from '../rows/row-values.ts';
import { limits } from '../settings.ts';

/** What a request is about to add to a repository. */
export interface Addition {
  readonly bytes?: number;
  readonly manifests?: number;
  readonly tags?: number;
}

const wantedOf = {
  maxBytes: 'bytes',
  maxManifests: 'manifests',
  maxTags: 'tags',
} as const satisfies Partial<Record<keyof QuotaRule, keyof Addition>>;
type LimitName = keyof typeof wantedOf;

/**
 * Throws DENIED when the repository would hold more than its quota allows; the first rule whose
 * patterns fit counts. What it holds is read from its own rows, so that requests which are under
 * way at the same time are all that can exceed it. Without a rule no request to storage; with one,
 * a request for 1,000 rows of each kind that is limited and added to.
 */
export async function refuseBeyondQuota(
  registry: Registry,
  repository: RepositoryName,
  addition: Addition,
): Promise<void> {
  const { quotas } = await registry.policy.current();
  const rule = quotas.find(({ repositories }) => matchesPattern(repositories, repository));
  if (rule === undefined) return;
  const partition = repositoryPartition(repository);
  await Promise.all(
    limitNames.map(async (name) => {
      const limit = rule[name];
      const wanted = addition[wantedOf[name]] ?? 0;
      if (limit === undefined || wanted === 0) return;
      const used = await uses[name](registry, partition);
      if (used + wanted > limit) throw beyond(repository, { quota: name, limit, used, wanted });
    }),
  );
}

const limitNames: readonly LimitName[] = ['maxBytes', 'maxManifests', 'maxTags'];

const uses: Readonly<
  Record<LimitName, (registry: Registry, partition: string) => Promise<number>>
> = {
  maxBytes: async (registry, partition) => {
    const [blobs, manifests] = await Promise.all([
      total(registry, partition, 'b:', ['size'], sizeOf),
      total(registry, partition, 'm:', ['size'], sizeOf),
    ]);
    return blobs + manifests;
  },
  maxManifests: (registry, partition) =>
    total(registry, partition, 'm:', ['state'], (row) =>
      ['live', 'pending'].includes(optionalText(row, 'state') ?? '') ? 1 : 0,
    ),
  maxTags: (registry, partition) => total(registry, partition, 't:', [], () => 1),
};

const sizeOf = (row: Row) => number(row, 'size');

/** A page at a time: memory does not grow with the repository. */
async function total(
  registry: Registry,
  partition: string,
  kind: 'b:' | 'm:' | 't:',
  select: readonly string[],
  amountOf: (row: Row) => number,
): Promise<number> {
  const { from, before } = keysUnder(kind);
  let sum = 0;
  for (let next: string | undefined = from; next !== undefined;) {
    const rows: Row[] = await registry.tables.list('repo', partition, {
      from: next,
      before,
      limit: limits.maxListPage,
      select,
    });
    for (const row of rows) sum += amountOf(row);
    const last = rows.at(-1);
    next = rows.length < limits.maxListPage || last === undefined ? undefined : `${last.rowKey}!`;
  }
  return sum;
}

function beyond(
  repository: RepositoryName,
  detail: { quota: LimitName; limit: number; used: number; wanted: number },
): RegistryError {
  return new RegistryError('DENIED', {
    message: `the quota of ${repository} does not allow that: ${detail.quota} is ${detail.limit}`,
    detail,
  });
}
