import { createHash, randomBytes } from 'node:crypto';
import { type Digest, digestOf } from '../../shared/domain/digest.ts';

export interface TestBlob {
  readonly bytes: Buffer;
  readonly digest: Digest;
}

export interface TestManifest extends TestBlob {
  readonly mediaType: string;
}

/** An image as a client holds it before a push. */
export interface TestImage {
  readonly config: TestBlob;
  readonly layers: readonly TestBlob[];
  readonly manifest: TestManifest;
}

export const mediaTypes = {
  image: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
} as const;

export function blobOf(bytes: Buffer): TestBlob {
  return { bytes, digest: digestOf('sha256', createHash('sha256').update(bytes).digest('hex')) };
}

/** A blob that nobody else has. */
export function randomBlob(sizeBytes = 500): TestBlob {
  return blobOf(randomBytes(sizeBytes));
}

export interface ImageParts {
  readonly config?: TestBlob;
  readonly layers?: readonly TestBlob[];
  readonly subject?: TestManifest;
  readonly artifactType?: string;
  /** Blows the manifest up, past what fits a row. */
  readonly paddingBytes?: number;
}

/** An image of the parts given; what is left out is random and small. */
export function makeImage(parts: ImageParts = {}): TestImage {
  const { config = randomBlob(), layers = [randomBlob()], paddingBytes = 0 } = parts;
  const { subject, artifactType } = parts;
  const manifest = manifestOf(mediaTypes.image, {
    ...(artifactType === undefined ? {} : { artifactType }),
    config: descriptor(mediaTypes.config, config),
    layers: layers.map((layer) => descriptor(mediaTypes.layer, layer)),
    ...(subject === undefined ? {} : { subject: descriptor(subject.mediaType, subject) }),
    annotations: {
      nonce: randomBytes(8).toString('hex'),
      ...(paddingBytes > 0 ? { padding: 'x'.repeat(paddingBytes) } : {}),
    },
  });
  return { config, layers, manifest };
}

export function makeIndex(children: readonly TestManifest[]): TestManifest {
  return manifestOf(mediaTypes.index, {
    manifests: children.map((child) => descriptor(child.mediaType, child)),
  });
}

/** Each blob once, as a client pushes them. */
export function blobsOf({ config, layers }: TestImage): TestBlob[] {
  return [...new Map([config, ...layers].map((blob) => [blob.digest, blob])).values()];
}

function manifestOf(mediaType: string, content: object): TestManifest {
  const json = JSON.stringify({ schemaVersion: 2, mediaType, ...content });
  return { ...blobOf(Buffer.from(json)), mediaType };
}

function descriptor(mediaType: string, { bytes, digest }: TestBlob) {
  return { mediaType, digest, size: bytes.length };
}
