import type { RepositoryName } from '../../domain/repository-name.ts';
import {
  type AttributeChange,
  type AttributeName,
  type Attributes,
  attributesOf,
  refuseUnless,
} from '../rows/attributes.ts';
import { lostRace, untilDecided } from '../contention.ts';
import type { Registry } from '../registry.ts';
import { attributesPartition, repositoryPartition } from '../rows/row-keys.ts';

/**
 * Where storage can't be asked, what is known stays in force, and this long nothing is asked again.
 */
const pauseAfterFailureMs = 5000;

/**
 * The attributes of a repository, at most a minute old: all repositories that ever had one switched
 * off are read together, in one request an instance a minute. While storage can't be asked the last
 * answer holds; throws StorageUnavailable when there is none.
 */
export async function repositoryAttributes(
  registry: Registry,
  repository: RepositoryName,
): Promise<Attributes> {
  return (await attributesOfAll(registry))(repository);
}

/** As {@link repositoryAttributes}, for any number of repositories. */
export async function attributesOfAll(
  registry: Registry,
): Promise<(repository: RepositoryName) => Attributes> {
  const locked = await lockedRepositories(registry);
  return (repository) => locked.get(repositoryPartition(repository)) ?? attributesOf({});
}

/** Throws the refusal of a lock when the repository has the attribute switched off. */
export async function refuseInRepositoryUnless(
  registry: Registry,
  attribute: AttributeName,
  repository: RepositoryName,
): Promise<void> {
  refuseUnless(attribute, await repositoryAttributes(registry, repository), { repository });
}

/** The attributes as storage has them now. */
export async function readRepositoryAttributes(
  registry: Registry,
  repository: RepositoryName,
): Promise<Attributes> {
  const partition = repositoryPartition(repository);
  const row = await registry.tables.get('catalog', attributesPartition, partition);
  return attributesOf(row?.properties ?? {});
}

/**
 * Switches attributes, each on its own; this instance keeps to them at once, the others within a
 * minute. Whether there is such a repository is the caller's to ask.
 */
export async function changeRepositoryAttributes(
  registry: Registry,
  repository: RepositoryName,
  change: AttributeChange,
): Promise<void> {
  const rowKey = repositoryPartition(repository);
  await untilDecided(async () => {
    const row = await registry.tables.get('catalog', attributesPartition, rowKey);
    const outcome = await registry.tables.commit('catalog', attributesPartition, [
      row === undefined
        ? { kind: 'insert', rowKey, properties: change }
        : { kind: 'merge', rowKey, etag: row.etag, properties: change },
    ]);
    return outcome.ok ? undefined : lostRace;
  });
  await forgetOlderThanNow(registry);
}

async function lockedRepositories(registry: Registry): Promise<ReadonlyMap<string, Attributes>> {
  const { repositoryAttributes: held } = registry.caches;
  const nowMs = performance.now();
  if (held.known !== undefined && nowMs < held.freshUntilMs) return held.known;
  try {
    return await load(registry);
  } catch (error) {
    if (held.known === undefined) throw error;
    held.freshUntilMs = performance.now() + pauseAfterFailureMs;
    return held.known;
  }
}

/** A read under way may have begun before the change. */
async function forgetOlderThanNow(registry: Registry): Promise<void> {
  await registry.caches.repositoryAttributes.loading?.catch(() => undefined);
  await load(registry);
}

/** Shares a read under way. */
function load(registry: Registry): Promise<ReadonlyMap<string, Attributes>> {
  const { repositoryAttributes: held } = registry.caches;
  held.loading ??= list(registry).finally(() => (held.loading = undefined));
  return held.loading;
}

async function list(registry: Registry): Promise<ReadonlyMap<string, Attributes>> {
  const { repositoryAttributes: held } = registry.caches;
  const askedAtMs = performance.now();
  const rows = await registry.tables.list('catalog', attributesPartition, {
    from: '0',
    before: '~',
  });
  held.known = new Map(rows.map(({ rowKey, properties }) => [rowKey, attributesOf(properties)]));
  held.freshUntilMs = askedAtMs + registry.seconds.repositoryAttributes * 1000;
  return held.known;
}
