import type { Digest } from '../../domain/digest.ts';
import type { Manifest } from '../../domain/manifest.ts';
import type { Tag } from '../../domain/reference.ts';
import { notASignature } from '../../domain/signature.ts';
import { RegistryError } from '../../errors.ts';
import type { Operation } from '../../ports/table-store.ts';
import type { Registry } from '../registry.ts';
import { manifestKey } from '../rows/row-keys.ts';
import { readManifestRow } from './manifest-row.ts';

const rule = 'with the right to sign alone';

/**
 * The manifest that is signed. Throws DENIED for all that the right to sign does not cover: tags,
 * and manifests that are no signatures.
 */
export function signedSubject(put: {
  readonly manifest: Manifest;
  readonly tags: readonly Tag[];
}): Digest {
  if (put.tags.length > 0) {
    throw denied(`${rule}, a manifest is put by its digest and gets no tag`, { tags: put.tags });
  }
  const { subject } = put.manifest;
  const reason = notASignature(put.manifest);
  if (reason !== undefined || subject === undefined) {
    throw denied(`${rule}, a manifest must be a signature: ${reason}`);
  }
  return subject;
}

/**
 * The operation that fails a transaction unless the manifest still lives; the row of a deleted one
 * stays for a while, hence the ETag. Throws DENIED when it does not live now. One request.
 */
export async function assertLives(
  registry: Registry,
  partition: string,
  digest: Digest,
): Promise<Operation[]> {
  const row = await readManifestRow(registry, partition, digest);
  if (row?.state !== 'live') {
    throw denied(`${rule}, the subject must be in the repository already`, { subject: digest });
  }
  return [{ kind: 'merge', rowKey: manifestKey(digest), etag: row.etag, properties: {} }];
}

function denied(message: string, detail?: unknown): RegistryError {
  return new RegistryError('DENIED', { message, detail });
}
