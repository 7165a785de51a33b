import type { Digest } from '../../domain/digest.ts';
import type { RepositoryName } from '../../domain/repository-name.ts';
import { RegistryError } from '../../errors.ts';
import { Unavailable } from '../../ports/unavailable.ts';
import { holdBlobLink, linkOperations } from './blob-link.ts';
import type { Operation } from '../../ports/table-store.ts';
import type { Registry } from '../registry.ts';
import { touchCatalogued } from '../repositories/catalog.ts';
import { holderKey, liveKey, repositoryPartition, workKey } from '../rows/row-keys.ts';
import type { UploadSession } from '../rows/row-types.ts';
import { consumeUploadOperations, discardUpload, forgetUpload } from '../uploads/upload-session.ts';

/**
 * Gives the repository the blob that the session's bytes became (docs/storage.md, "Uploads", d and
 * e). The rows of the blob come first; the right of the repository comes with the transaction that
 * consumes the session, so that a sweep which took the session away leaves nothing behind that
 * could be served. `beside` goes into that transaction, too.
 */
export async function publishBlob(
  registry: Registry,
  repository: RepositoryName,
  session: UploadSession,
  digest: Digest,
  beside: readonly Operation[] = [],
): Promise<void> {
  await recordBlob(registry, repository, session, digest);
  forgetUpload(registry, repository, session.id);
  const [linked] = await Promise.all([
    registry.tables.commit('repo', repositoryPartition(repository), [
      ...consumeUploadOperations(session),
      ...linkOperations(registry, digest, {
        name: session.name,
        sizeBytes: session.offset,
        uploadId: session.id,
      }),
      ...beside,
    ]),
    adviseDigest(registry, digest, session),
  ]);
  if (!linked.ok) await settleLostRace(registry, repository, session, digest);
}

/**
 * `l` and `h` of the name. A conflict can only be an earlier or twin attempt of this same session.
 */
async function recordBlob(
  registry: Registry,
  repository: RepositoryName,
  session: UploadSession,
  digest: Digest,
): Promise<void> {
  await registry.tables.commit('data', session.name, [
    { kind: 'insert', rowKey: liveKey, properties: { digest, size: session.offset } },
    {
      kind: 'insert',
      rowKey: holderKey(repositoryPartition(repository)),
      properties: { via: session.id },
    },
  ]);
}

/** The digest → name index only advises mounts and the sweep; a push does not fail for it. */
async function adviseDigest(
  registry: Registry,
  digest: Digest,
  session: UploadSession,
): Promise<void> {
  await registry.tables
    .commit('digests', digest, [
      { kind: 'upsert', rowKey: session.name, properties: { size: session.offset } },
    ])
    .catch((error: unknown) => {
      if (!(error instanceof Unavailable)) throw error;
    });
}

async function settleLostRace(
  registry: Registry,
  repository: RepositoryName,
  session: UploadSession,
  digest: Digest,
): Promise<void> {
  const link = await holdBlobLink(registry, repository, digest);
  if (link?.uploadId === session.id) return;
  const isDiscarded =
    link !== undefined && (await discardUpload(registry, repository, session, digest));
  if (!isDiscarded) await askForRelease(registry, repository, session, digest);
  if (link !== undefined) return;
  throw new RegistryError('BLOB_UPLOAD_UNKNOWN', { detail: { upload: session.id } });
}

/**
 * The session that would have looked after the blob's rows is over, perhaps swept before they were
 * written, and the repository forgotten with it.
 */
async function askForRelease(
  registry: Registry,
  repository: RepositoryName,
  { name }: UploadSession,
  digest: Digest,
): Promise<void> {
  const partition = repositoryPartition(repository);
  const rowKey = workKey(registry.clock.now(), 'n', `${digest}:${name}`);
  await touchCatalogued(registry, partition);
  await registry.tables.commit('repo', partition, [{ kind: 'upsert', rowKey, properties: {} }]);
}
