import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { exec } from './process.ts';
import { sha256 } from './digest.ts';
import { tar, type TarEntry } from './tar.ts';

const ociManifest = 'application/vnd.oci.image.manifest.v1+json';
const ociIndex = 'application/vnd.oci.image.index.v1+json';
const ociConfig = 'application/vnd.oci.image.config.v1+json';
/** A layer that is not compressed. */
export const ociLayer = 'application/vnd.oci.image.layer.v1.tar';

export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
}

/** A layer in a layout: its descriptor, and the digest of its tar before compression. */
export interface Layer {
  descriptor: Descriptor;
  diffId: string;
}

/** An image in an OCI image layout (image-layout.md) on disk, tagged `v1` there. */
export interface LocalImage {
  folder: string;
  /** What containerd and Docker call the image when they load {@link archive}. */
  name: string;
  /** The same layout as a tar archive. */
  archive: string;
  digest: string;
  /** Of the layers, as the manifest lists them; empty for an index. */
  layerDigests: string[];
}

/** Writes blobs, manifests and the index of one OCI image layout. */
export class Layout {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async create(folder: string): Promise<Layout> {
    await mkdir(join(folder, 'blobs/sha256'), { recursive: true });
    await writeFile(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
    return new Layout(folder);
  }

  blobPath(digest: string): string {
    return join(this.folder, 'blobs', digest.replace(':', '/'));
  }

  async add(mediaType: string, content: Buffer): Promise<Descriptor> {
    const digest = sha256(content);
    await writeFile(this.blobPath(digest), content);
    return { mediaType, digest, size: content.length };
  }

  private addJson(mediaType: string, value: object): Promise<Descriptor> {
    return this.add(mediaType, Buffer.from(JSON.stringify(value)));
  }

  async addLayer(entries: TarEntry[]): Promise<Layer> {
    const content = tar(entries);
    const descriptor = await this.add(`${ociLayer}+gzip`, gzipSync(content));
    return { descriptor, diffId: sha256(content) };
  }

  async addImage(layers: Layer[], architecture = 'amd64'): Promise<Descriptor> {
    const config = await this.addJson(ociConfig, {
      created: '1970-01-01T00:00:00Z',
      architecture,
      os: 'linux',
      config: { Cmd: ['/bin/hello'] },
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
      history: layers.map((_, index) => ({
        created: '1970-01-01T00:00:00Z',
        created_by: `layer ${index}`,
      })),
    });
    return this.addJson(ociManifest, {
      schemaVersion: 2,
      mediaType: ociManifest,
      config,
      layers: layers.map((layer) => layer.descriptor),
    });
  }

  addIndex(manifests: object[]): Promise<Descriptor> {
    return this.addJson(ociIndex, { schemaVersion: 2, mediaType: ociIndex, manifests });
  }

  async finish(target: Descriptor, layers: Layer[] = []): Promise<LocalImage> {
    const name = `lighter.test/${basename(this.folder)}:v1`;
    const annotations = {
      'org.opencontainers.image.ref.name': 'v1',
      'io.containerd.image.name': name,
    };
    const index = {
      schemaVersion: 2,
      mediaType: ociIndex,
      manifests: [{ ...target, annotations }],
    };
    await writeFile(join(this.folder, 'index.json'), JSON.stringify(index));
    const archive = `${this.folder}.tar`;
    await exec('tar', ['-C', this.folder, '-cf', archive, 'oci-layout', 'index.json', 'blobs']);
    return {
      folder: this.folder,
      name,
      archive,
      digest: target.digest,
      layerDigests: layers.map((layer) => layer.descriptor.digest),
    };
  }
}
