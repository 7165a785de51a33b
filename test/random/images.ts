import { blobOf, mediaTypes, type TestBlob, type TestManifest } from '../faults/image.ts';

/** Bytes that a name determines. */
export function blobNamed(name: string, sizeBytes = 100): TestBlob {
  return blobOf(Buffer.from(`${name} `.repeat(Math.ceil(sizeBytes / (name.length + 1)))));
}

/** An image as its client holds it. */
export interface RandomImage {
  readonly blobs: readonly TestBlob[];
  readonly manifest: TestManifest;
}

/** An image of those blobs, the first its config. */
export function imageOf(
  blobs: readonly TestBlob[],
  annotations: Readonly<Record<string, string>>,
  subject?: TestManifest,
): RandomImage {
  const [config, ...layers] = blobs.map(({ bytes, digest }, index) => ({
    mediaType: index === 0 ? mediaTypes.config : mediaTypes.layer,
    digest,
    size: bytes.length,
  }));
  const manifest = manifestOf(mediaTypes.image, {
    config,
    layers,
    ...(subject === undefined ? {} : { subject: descriptor(subject) }),
    annotations,
  });
  return { blobs, manifest };
}

/** An index of those manifests, of which some may not be there. */
export function indexOf(
  children: readonly TestManifest[],
  annotations: Readonly<Record<string, string>>,
): RandomImage {
  return {
    blobs: [],
    manifest: manifestOf(mediaTypes.index, { manifests: children.map(descriptor), annotations }),
  };
}

function descriptor({ mediaType, digest, bytes }: TestManifest) {
  return { mediaType, digest, size: bytes.length };
}

function manifestOf(mediaType: string, content: object): TestManifest {
  const json = JSON.stringify({ schemaVersion: 2, mediaType, ...content });
  return { ...blobOf(Buffer.from(json)), mediaType };
}
