import type { RepositoryName } from '../../domain/repository-name.ts';
import { blockIdOf, stagingOwnerOf } from '../../domain/staging-name.ts';
import type { Registry } from '../registry.ts';
import { keysUnder, repositoryPartition } from '../rows/row-keys.ts';
import { inTurns } from '../sweep/in-turns.ts';
import { directIdPrefix, type Pusher } from './direct-session.ts';

/** How much a principal may hold by direct uploads; beyond it layers come through the function. */
export interface DirectCaps {
  /** In one repository. */
  readonly maxOpenDirectUploads: number;
  /** In all repositories together: what lies in `staging`. */
  readonly maxStagedBytes: number;
  /** What one upload may bring at most. */
  readonly maxBlockBytes: number;
}

const looksAtOnce = 16;

/**
 * Counts one more open upload of the principal in the repository. False when it has as many as it
 * may, or the repository holds very many, or what the principal has in `staging` is as much as may
 * be. What this instance remembers of the last minute is good enough: the caps bound what a token
 * can be made to hold, roughly. Costs two requests a minute, and one more for each uncommitted blob
 * of a principal that has very many of them.
 */
export async function takePlace(
  registry: Registry,
  repository: RepositoryName,
  { subject }: Pusher,
  caps: DirectCaps,
): Promise<boolean> {
  const counts = registry.caches.directUploads;
  const key = `${repositoryPartition(repository)} ${subject}`;
  const [listed, stagedBytes] = await Promise.all([
    counts.get(key) ?? countOpen(registry, repository, subject, caps),
    stagedBytesOf(registry, subject, caps),
  ]);
  // Whoever asked at the same time may have counted already, and added its own.
  const open = counts.get(key) ?? listed;
  const hasPlace = open < caps.maxOpenDirectUploads && stagedBytes < caps.maxStagedBytes;
  counts.set(key, hasPlace ? open + 1 : open, { noUpdateTTL: true });
  return hasPlace;
}

/** The principal's open uploads in a repository, and many when others have so many there. */
async function countOpen(
  registry: Registry,
  repository: RepositoryName,
  subject: string,
  { maxOpenDirectUploads }: DirectCaps,
): Promise<number> {
  const mostRows = 4 * maxOpenDirectUploads;
  const rows = await registry.tables.list('repo', repositoryPartition(repository), {
    ...keysUnder(`u:${directIdPrefix}`),
    limit: mostRows,
    select: ['subject'],
  });
  if (rows.length === mostRows) return maxOpenDirectUploads;
  return rows.filter(({ properties }) => properties['subject'] === subject).length;
}

/** Looked at once a minute, by the request that comes first; the others wait for it. */
async function stagedBytesOf(
  registry: Registry,
  subject: string,
  caps: DirectCaps,
): Promise<number> {
  const looks = registry.caches.stagedBytes;
  const known = looks.get(subject);
  if (known !== undefined) return await known;
  const look = measureStaged(registry, subject, caps);
  looks.set(subject, look);
  try {
    return await look;
  } catch (error) {
    looks.delete(subject);
    throw error;
  }
}

/**
 * What the principal holds in `staging`: at most so much, and exactly where that makes a
 * difference, as storage says only one by one how much an uncommitted block is.
 */
async function measureStaged(
  registry: Registry,
  subject: string,
  { maxStagedBytes, maxBlockBytes, maxOpenDirectUploads: mostLooks }: DirectCaps,
): Promise<number> {
  const enough = { sizeBytes: maxStagedBytes, uncommitted: mostLooks };
  const { sizeBytes, uncommitted } = await registry.staging.ownedBy(
    stagingOwnerOf(subject),
    enough,
  );
  const atMost = sizeBytes + uncommitted.length * maxBlockBytes;
  const isPlain = atMost < maxStagedBytes || sizeBytes >= maxStagedBytes;
  if (isPlain || uncommitted.length >= mostLooks) return atMost;
  let exactly = sizeBytes;
  await inTurns(uncommitted, looksAtOnce, async (name) => {
    const staged = await registry.staging.inspect(name, blockIdOf(name));
    exactly += staged?.sizeBytes ?? 0;
  });
  return exactly;
}
