import { algorithmOf, computeDigest, type Digest } from '../../domain/digest.ts';
import { RegistryError } from '../../errors.ts';
import type { Registry } from '../registry.ts';
import type { UploadSession } from '../rows/row-types.ts';
import { digestMismatch, hashOf } from '../uploads/stage.ts';
import { blockIds } from '../uploads/upload-row.ts';

/** Writes the blob of a session in one request. The caller has verified the bytes. */
export async function storeWhole(
  registry: Registry,
  session: UploadSession,
  digest: Digest,
  bytes: Uint8Array,
): Promise<void> {
  const outcome = await registry.blobs.putBlob('content', session.name, bytes, { digest });
  if (outcome === 'exists') await acceptEarlier(registry, session, digest);
}

/**
 * Commits the staged blocks of a session. The digest goes into the blob's metadata, from which the
 * index of blobs can be rebuilt, only once the bytes are known to have it: `unverified` ones are
 * committed without, read back, and then marked. Throws DIGEST_INVALID.
 */
export async function storeBlocks(
  registry: Registry,
  session: UploadSession,
  digest: Digest,
  bytesAre: 'verified' | 'unverified',
): Promise<void> {
  if (session.runs.length === 0) {
    const empty = new Uint8Array();
    const actual = computeDigest(empty, algorithmOf(digest));
    if (actual !== digest) throw digestMismatch(digest, actual);
    return await storeWhole(registry, session, digest, empty);
  }
  const metadata: Record<string, string> = bytesAre === 'verified' ? { digest } : {};
  const outcome = await registry.blobs.commitBlocks(
    'content',
    session.name,
    blockIds(session),
    metadata,
  );
  if (outcome === 'missing') {
    throw new RegistryError('BLOB_UPLOAD_INVALID', { message: 'a part of the upload is gone' });
  }
  if (outcome === 'exists') await acceptEarlier(registry, session, digest);
  else if (bytesAre === 'unverified') await verifyStored(registry, session, digest);
}

/**
 * A blob of this name is there: an attempt of this session, whose answer was lost or which runs
 * beside us.
 */
async function acceptEarlier(
  registry: Registry,
  session: UploadSession,
  digest: Digest,
): Promise<void> {
  const properties = await registry.blobs.properties('content', session.name);
  if (properties?.metadata['digest'] === digest && properties.sizeBytes === session.offset) return;
  await verifyStored(registry, session, digest);
}

async function verifyStored(
  registry: Registry,
  session: UploadSession,
  digest: Digest,
): Promise<void> {
  const before = await registry.blobs.properties('content', session.name);
  const stream = before && (await registry.blobs.stream('content', session.name));
  if (stream === undefined || before === undefined) {
    throw new RegistryError('BLOB_UPLOAD_UNKNOWN', { detail: { upload: session.id } });
  }
  const stored = await hashOf(stream, algorithmOf(digest));
  if (stored.digest !== digest) throw digestMismatch(digest, stored.digest);
  if (stored.sizeBytes !== session.offset) throw outgrown(session);
  await registry.blobs.setMetadata('content', session.name, before.etag, { digest });
}

/**
 * The bytes were committed under another digest, in vain, and the session went on since: the blob
 * stays as it is.
 */
function outgrown(session: UploadSession): RegistryError {
  return new RegistryError('BLOB_UPLOAD_INVALID', {
    message: 'the upload was finished with fewer bytes before; start another',
    detail: { upload: session.id },
  });
}
