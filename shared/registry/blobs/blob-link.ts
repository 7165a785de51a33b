import type { Digest } from '../../domain/digest.ts';
import type { PhysicalName } from '../../domain/physical-name.ts';
import type { RepositoryName } from '../../domain/repository-name.ts';
import type { Operation, Row } from '../../ports/table-store.ts';
import { cacheKey } from '../caches.ts';
import type { BlobLink } from '../rows/row-types.ts';
import { inSeconds, type Registry } from '../registry.ts';
import { blobLinkKey, repositoryPartition, workKey } from '../rows/row-keys.ts';
import { number, optionalText, text } from '../rows/row-values.ts';

function parseBlobLink(row: Row): BlobLink {
  return {
    name: text(row, 'name') as PhysicalName,
    sizeBytes: number(row, 'size'),
    etag: row.etag,
    ageMs: row.ageMs,
    uploadId: optionalText(row, 'via'),
  };
}

/**
 * Reads the link from storage and remembers it. Undefined when the repository has no right to the
 * digest.
 */
export async function readBlobLink(
  registry: Registry,
  repository: RepositoryName,
  digest: Digest,
): Promise<BlobLink | undefined> {
  const partition = repositoryPartition(repository);
  const key = cacheKey(partition, blobLinkKey(digest));
  const row = await registry.tables.get('repo', partition, blobLinkKey(digest));
  if (row === undefined) {
    registry.caches.blobLinks.delete(key);
    return undefined;
  }
  const link = parseBlobLink(row);
  registry.caches.blobLinks.set(key, link);
  return link;
}

/** As {@link readBlobLink}, but content with what this instance saw in the last ten minutes. */
export async function recallBlobLink(
  registry: Registry,
  repository: RepositoryName,
  digest: Digest,
): Promise<BlobLink | undefined> {
  const key = cacheKey(repositoryPartition(repository), blobLinkKey(digest));
  return registry.caches.blobLinks.get(key) ?? (await readBlobLink(registry, repository, digest));
}

/**
 * Tests that the link exists and restarts its 24 hours, in one request. False when it is not there.
 * A merge under `*` never conflicts with other touches.
 */
export async function touchBlobLink(
  registry: Registry,
  repository: RepositoryName,
  digest: Digest,
): Promise<boolean> {
  const outcome = await registry.tables.commit('repo', repositoryPartition(repository), [
    touchOperation(digest),
  ]);
  return outcome.ok;
}

/**
 * Restarts the link's 24 hours and reads it, so that whoever is told of it can rely on it.
 * Undefined when it is not there. Two requests.
 */
export async function holdBlobLink(
  registry: Registry,
  repository: RepositoryName,
  digest: Digest,
): Promise<BlobLink | undefined> {
  const held = await touchBlobLink(registry, repository, digest);
  return held ? await readBlobLink(registry, repository, digest) : undefined;
}

export function touchOperation(digest: Digest): Operation {
  return { kind: 'merge', rowKey: blobLinkKey(digest), etag: '*', properties: {} };
}

/**
 * The operations that give a repository the right to a blob, with the work row that looks at it
 * later.
 */
export function linkOperations(
  registry: Registry,
  digest: Digest,
  link: { name: PhysicalName; sizeBytes: number; uploadId?: string },
): Operation[] {
  const rowKey = blobLinkKey(digest);
  return [
    {
      kind: 'insert',
      rowKey,
      properties: {
        name: link.name,
        size: link.sizeBytes,
        created: registry.clock.now(),
        ...(link.uploadId === undefined ? {} : { via: link.uploadId }),
      },
    },
    {
      kind: 'upsert',
      rowKey: workKey(inSeconds(registry, registry.seconds.unreferencedBlob), 'b', digest),
      properties: {},
    },
  ];
}
