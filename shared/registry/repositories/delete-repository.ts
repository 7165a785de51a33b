import type { Digest } from '../../domain/digest.ts';
import type { Tag } from '../../domain/reference.ts';
import type { RepositoryName } from '../../domain/repository-name.ts';
import { RegistryError } from '../../errors.ts';
import type { Row } from '../../ports/table-store.ts';
import { attributesOf, refuseIfKept } from '../rows/attributes.ts';
import { isKnown, markDeleted } from './catalog.ts';
import { purgeManifest } from '../manifests/delete-manifest.ts';
import { nameUnknown } from './describe-repository.ts';
import type { Registry } from '../registry.ts';
import { readRepositoryAttributes } from './repository-attributes.ts';
import { readContent } from './repository-content.ts';
import { repositoryPartition } from '../rows/row-keys.ts';
import { immutabilityOfRows, tagImmutable } from '../tags/immutability.ts';

export interface DeletedRepository {
  readonly manifestsDeleted: readonly Digest[];
  readonly tagsDeleted: readonly Tag[];
}

const purgesAtOnce = 8;
/** Azure ends a request that is not answered within 230 s. */
const maxMs = 180_000;

/**
 * Deletes all manifests of a repository with their tags, each as `deleteManifest` does, and takes
 * the repository out of the catalogue. Blobs, and what was being uploaded, are the sweep's. Throws
 * NAME_UNKNOWN when nothing was pushed to it since it was last deleted; DENIED, before anything is
 * deleted, when the repository or anything in it is locked against deletion, or a tag is immutable
 * (a lock that comes later still keeps its manifest, and ends the deletion there); UNAVAILABLE when
 * there is more to delete than one request can.
 */
export async function deleteRepository(
  registry: Registry,
  repository: RepositoryName,
): Promise<DeletedRepository> {
  const startedAtMs = performance.now();
  const partition = repositoryPartition(repository);
  refuseIfKept(await readRepositoryAttributes(registry, repository), { repository });
  const { manifests, tags } = await readContent(registry, partition);
  if (manifests.length === 0 && !(await isKnown(registry, repository)))
    throw nameUnknown(repository);
  for (const { rowKey, properties } of tags) {
    refuseIfKept(attributesOf(properties), { tag: rowKey.slice(2) });
  }
  await refuseIfAnyImmutable(registry, repository, tags);
  for (const { rowKey, properties } of manifests) {
    refuseIfKept(attributesOf(properties), { digest: rowKey.slice(2) });
  }
  const digests = manifests.map(({ rowKey }) => rowKey.slice(2) as Digest);
  const tagsDeleted: Tag[] = [];
  for (let at = 0; at < digests.length; at += purgesAtOnce) {
    if (performance.now() - startedAtMs > maxMs) throw unfinished();
    const some = digests.slice(at, at + purgesAtOnce);
    const purged = await Promise.all(some.map((digest) => purge(registry, repository, digest)));
    tagsDeleted.push(...purged.flat());
  }
  await markDeleted(registry, repository);
  return { manifestsDeleted: digests, tagsDeleted: tagsDeleted.toSorted() };
}

async function refuseIfAnyImmutable(
  registry: Registry,
  repository: RepositoryName,
  rows: readonly Row[],
): Promise<void> {
  const tags = rows.map(({ rowKey }) => rowKey.slice(2) as Tag);
  const isHeld = await immutabilityOfRows(registry, repository, tags, rows);
  const held = tags.find(isHeld);
  if (held !== undefined) throw tagImmutable({ tag: held });
}

/** Somebody else may have deleted it meanwhile. */
async function purge(
  registry: Registry,
  repository: RepositoryName,
  digest: Digest,
): Promise<readonly Tag[]> {
  try {
    return await purgeManifest(registry, repository, digest);
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'MANIFEST_UNKNOWN') return [];
    throw error;
  }
}

function unfinished(): RegistryError {
  return new RegistryError('UNAVAILABLE', {
    message: 'the repository is too large to delete at once, repeat the request for the rest',
    headers: { 'Retry-After': '1' },
  });
}
