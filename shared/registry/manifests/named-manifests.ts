import type { Digest } from '../../domain/digest.ts';
import { parseManifest } from '../../domain/manifest.ts';
import { isManifestMediaType, manifestKinds } from '../../domain/media-type.ts';
import type { Registry } from '../registry.ts';
import type { ManifestRow } from '../rows/row-types.ts';
import { storedManifest } from './get-manifest.ts';

/** The manifests that a manifest names, if it is an index. No request but for very large ones. */
export async function namedManifests(
  registry: Registry,
  row: ManifestRow,
): Promise<readonly Digest[]> {
  if (!isManifestMediaType(row.mediaType) || manifestKinds[row.mediaType] !== 'index') return [];
  const stored = await storedManifest(registry, row);
  if (stored === undefined) return [];
  const { children } = parseManifest(stored.bytes, stored.mediaType);
  return children.filter(({ kind }) => kind === 'manifest').map(({ digest }) => digest);
}
