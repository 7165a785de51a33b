/** Media types of the manifests this registry knows, and what kind each is. */
export const manifestKinds = {
  'application/vnd.oci.image.manifest.v1+json': 'image',
  'application/vnd.oci.image.index.v1+json': 'index',
  'application/vnd.oci.artifact.manifest.v1+json': 'artifact',
  'application/vnd.docker.distribution.manifest.v2+json': 'image',
  'application/vnd.docker.distribution.manifest.list.v2+json': 'index',
  'application/vnd.docker.distribution.manifest.v1+json': 'schema1',
  'application/vnd.docker.distribution.manifest.v1+prettyjws': 'schema1',
} as const;

export type ManifestMediaType = keyof typeof manifestKinds;
export type ManifestKind = (typeof manifestKinds)[ManifestMediaType];

export function isManifestMediaType(text: string): text is ManifestMediaType {
  return Object.hasOwn(manifestKinds, text);
}

/**
 * Whether layers of this type need not be in the registry: their owner forbids distributing them,
 * and clients fetch them from elsewhere (OCI image-spec "Non-Distributable Layers", Docker's
 * foreign layers).
 */
export function isNonDistributable(mediaType: string): boolean {
  return (
    mediaType.startsWith('application/vnd.oci.image.layer.nondistributable.') ||
    mediaType.startsWith('application/vnd.docker.image.rootfs.foreign.')
  );
}

/** The media type of a Content-Type header, without its parameters, in lower case. */
export function essenceOf(contentType: string): string {
  return (contentType.split(';')[0] ?? '').trim().toLowerCase();
}
