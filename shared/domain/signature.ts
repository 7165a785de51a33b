import type { Manifest } from './manifest.ts';

/**
 * What makes a manifest a signature: its artifact type, or its config's media type when it has
 * none. Notation's of the Notary Project, cosign's of its OCI 1.1 mode, and Sigstore's bundles,
 * which cosign writes since version 3: `….bundle.v0.3+json`, `….bundle+json;version=0.1`.
 */
const signatureTypes =
  /^application\/(?:vnd\.cncf\.notary\.signature|vnd\.dev\.cosign\.artifact\.sig\.v1\+json|vnd\.dev\.sigstore\.bundle(?:\.v[0-9.]+)?\+json(?:;\s*version=[0-9.]+)?)$/;

/**
 * Why a manifest is not a signature of another manifest, in words for the client; undefined when it
 * is one. Whether its subject exists is not asked.
 */
export function notASignature({ kind, subject, artifactType }: Manifest): string | undefined {
  if (kind !== 'image' && kind !== 'artifact') return `it is of the kind ${kind}`;
  if (subject === undefined) return 'it has no subject';
  if (artifactType === undefined) return 'it has no artifact type';
  return signatureTypes.test(artifactType) ? undefined : `it is of type ${artifactType}`;
}
