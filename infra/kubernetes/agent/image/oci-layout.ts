import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

const types = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
} as const;

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

export interface Layer {
  readonly descriptor: Descriptor;
  /** Of the tar before it was compressed. */
  readonly diffId: string;
}

/** Writes an OCI image layout of one image (OCI image specification, image-layout.md). */
export class OciLayout {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Begins an empty one, in place of what the folder held. */
  static async create(folder: string): Promise<OciLayout> {
    await rm(folder, { recursive: true, force: true });
    await mkdir(join(folder, 'blobs/sha256'), { recursive: true });
    await writeFile(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
    return new OciLayout(folder);
  }

  /**
   * A layer of all that is in a folder, owned by root. The same files give the same bytes: their
   * times and order do not count. Needs GNU tar.
   */
  async addLayer(root: string): Promise<Layer> {
    const archive = join(this.#folder, 'layer.tar');
    await promisify(execFile)('tar', [
      '--create',
      `--file=${archive}`,
      `--directory=${root}`,
      '--format=gnu',
      '--sort=name',
      '--mtime=@0',
      '--owner=0',
      '--group=0',
      '--numeric-owner',
      '--mode=u+rwX,go+rX,go-w',
      '.',
    ]);
    const content = await readFile(archive);
    await rm(archive);
    const compressed = await promisify(gzip)(content, { level: 9 });
    return { descriptor: await this.#add(types.layer, compressed), diffId: sha256(content) };
  }

  /** Ends it with the image's configuration. @returns the manifest's descriptor. */
  async finish(layers: readonly Layer[], config: object, tag: string): Promise<Descriptor> {
    const image = await this.#add(types.manifest, {
      schemaVersion: 2,
      mediaType: types.manifest,
      config: await this.#add(types.config, {
        created: '1970-01-01T00:00:00Z',
        architecture: process.arch === 'x64' ? 'amd64' : process.arch,
        os: 'linux',
        config,
        rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
        history: layers.map(() => ({ created: '1970-01-01T00:00:00Z', created_by: 'lighter' })),
      }),
      layers: layers.map(({ descriptor }) => descriptor),
    });
    const annotations = { 'org.opencontainers.image.ref.name': tag };
    const index = {
      schemaVersion: 2,
      mediaType: types.index,
      manifests: [{ ...image, annotations }],
    };
    await writeFile(join(this.#folder, 'index.json'), JSON.stringify(index));
    return image;
  }

  async #add(mediaType: string, content: Buffer | object): Promise<Descriptor> {
    const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
    const digest = sha256(bytes);
    await writeFile(join(this.#folder, 'blobs', digest.replace(':', '/')), bytes);
    return { mediaType, digest, size: bytes.length };
  }
}

const sha256 = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
