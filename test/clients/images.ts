import { createCipheriv, createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Layout, ociLayer, type Layer, type LocalImage } from './layout.ts';
import { exec } from './process.ts';
import { tar as tarOf, tarEnd, tarHeader, tarPadding, type TarEntry } from './tar.ts';

const file = (path: string, content: string): TarEntry => ({
  path,
  kind: 'file',
  content: Buffer.from(content),
});

/** Bytes that do not compress, the same in every run. */
function noise(seed: string, sizeBytes: number): Buffer {
  const key = createHash('sha256').update(seed).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(sizeBytes));
}

async function helloProgram(folder: string, architecture: string): Promise<Buffer> {
  const source = join(folder, 'hello.go');
  const binary = join(folder, `hello-${architecture}`);
  await writeFile(source, 'package main\n\nfunc main() { println("hello from Lighter") }\n');
  await exec('go', ['build', '-ldflags=-s -w', '-o', binary, source], {
    env: { CGO_ENABLED: '0', GOARCH: architecture, GOOS: 'linux', GOTOOLCHAIN: 'local' },
    timeoutSeconds: 300,
  });
  return readFile(binary);
}

/** Four layers: folders and a link, a static program, data that does not compress, a whiteout. */
async function addApp(layout: Layout, workFolder: string, architecture: string): Promise<Layer[]> {
  return [
    await layout.addLayer([
      { path: 'etc', kind: 'folder' },
      file('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n'),
      file('etc/old.conf', 'removed by a later layer\n'),
      { path: 'bin', kind: 'folder' },
      { path: 'sbin', kind: 'link', target: 'bin' },
    ]),
    await layout.addLayer([
      {
        path: 'bin/hello',
        kind: 'file',
        content: await helloProgram(workFolder, architecture),
        mode: 0o755,
      },
    ]),
    await layout.addLayer([
      { path: 'srv', kind: 'folder' },
      { path: 'srv/data', kind: 'file', content: noise('app', 3_000_000) },
    ]),
    await layout.addLayer([{ path: 'etc', kind: 'folder' }, file('etc/.wh.old.conf', '')]),
  ];
}

/** One uncompressed layer that holds one file of `sizeBytes` that do not compress. */
async function addLargeLayer(layout: Layout, sizeBytes: number): Promise<Layer> {
  const chunkBytes = 8 * 1024 * 1024;
  const zeros = Buffer.alloc(chunkBytes);
  const cipher = createCipheriv('aes-256-ctr', Buffer.alloc(32, 7), Buffer.alloc(16));
  const hash = createHash('sha256');
  let total = 0;
  function* content(): Generator<Buffer> {
    yield tarHeader('large', sizeBytes);
    for (let left = sizeBytes; left > 0; left -= chunkBytes) {
      yield cipher.update(zeros.subarray(0, Math.min(left, chunkBytes)));
    }
    yield tarPadding(sizeBytes);
    yield tarEnd;
  }
  function* counted(): Generator<Buffer> {
    for (const part of content()) {
      hash.update(part);
      total += part.length;
      yield part;
    }
  }
  const temporary = join(layout.folder, 'large.tmp');
  await pipeline(Readable.from(counted()), createWriteStream(temporary));
  const digest = `sha256:${hash.digest('hex')}`;
  await rename(temporary, layout.blobPath(digest));
  return { descriptor: { mediaType: ociLayer, digest, size: total }, diffId: digest };
}

/** The images that the clients push, each made when it is first asked for. */
export interface Images {
  /** Four layers, linux/amd64. */
  app: () => Promise<LocalImage>;
  /** The same for linux/amd64 and linux/arm64, as one index. */
  multiArch: () => Promise<LocalImage>;
  /** One layer of so many MiB and a little; 1 GiB unless said otherwise. */
  large: (mebibytes?: number) => Promise<LocalImage>;
  /** That many small layers. */
  layers: (count: number) => Promise<LocalImage>;
  /** A layer of no bytes at all between two others. */
  emptyLayer: () => Promise<LocalImage>;
  /** Two layers; those of all pairs are of one size, and so are their configs. */
  pair: (number: number) => Promise<LocalImage>;
  /** Three layers of one size, one of them twice. */
  equalSizes: () => Promise<LocalImage>;
  /** The same layer twice, with another between. */
  sameLayerTwice: () => Promise<LocalImage>;
}

/** A layer of one file, not compressed. */
const addPlainLayer = async (layout: Layout, name: string, content: string): Promise<Layer> => {
  const added = await layout.add(ociLayer, tarOf([file(name, content)]));
  return { descriptor: added, diffId: added.digest };
};

/** @param folder where the layouts are written. */
export function localImages(folder: string): Images {
  const made = new Map<string, Promise<LocalImage>>();
  const once = (
    name: string,
    make: (layout: Layout) => Promise<LocalImage>,
  ): Promise<LocalImage> => {
    const existing = made.get(name);
    if (existing !== undefined) return existing;
    const image = Layout.create(join(folder, name)).then(make);
    made.set(name, image);
    return image;
  };
  const ofLayers = async (layout: Layout, layers: Layer[]): Promise<LocalImage> =>
    layout.finish(await layout.addImage(layers), layers);

  return {
    app: () =>
      once('app', async (layout) => ofLayers(layout, await addApp(layout, folder, 'amd64'))),
    multiArch: () =>
      once('multi-arch', async (layout) => {
        const manifests = [];
        for (const architecture of ['amd64', 'arm64']) {
          const layers = await addApp(layout, folder, architecture);
          const manifest = await layout.addImage(layers, architecture);
          manifests.push({ ...manifest, platform: { architecture, os: 'linux' } });
        }
        return layout.finish(await layout.addIndex(manifests));
      }),
    large: (mebibytes = 1024) =>
      once(`large-${mebibytes}`, async (layout) =>
        ofLayers(layout, [await addLargeLayer(layout, mebibytes * 2 ** 20)]),
      ),
    layers: (count) =>
      once(`layers-${count}`, async (layout) => {
        const layers: Layer[] = [];
        for (let index = 0; index < count; index++) {
          layers.push(await layout.addLayer([file(`file-${index}`, `content ${index}\n`)]));
        }
        return ofLayers(layout, layers);
      }),
    emptyLayer: () =>
      once('empty-layer', async (layout) => {
        const empty = await layout.add(ociLayer, Buffer.alloc(0));
        return ofLayers(layout, [
          await layout.addLayer([file('before', 'before\n')]),
          { descriptor: empty, diffId: empty.digest },
          await layout.addLayer([file('after', 'after\n')]),
        ]);
      }),
    pair: (number) =>
      once(`pair-${number}`, async (layout) =>
        ofLayers(layout, [
          await addPlainLayer(layout, 'left', `left of ${number}\n`),
          await addPlainLayer(layout, 'right', `right of ${number}\n`),
        ]),
      ),
    equalSizes: () =>
      once('equal-sizes', async (layout) => {
        const layers: Layer[] = [];
        for (const name of ['one', 'two', 'six']) {
          layers.push(await addPlainLayer(layout, name, `${name} of three\n`));
        }
        return ofLayers(layout, [...layers, ...layers.slice(0, 1)]);
      }),
    sameLayerTwice: () =>
      once('same-layer-twice', async (layout) => {
        const repeated = await layout.addLayer([file('repeated', 'repeated\n')]);
        const between = await layout.addLayer([file('between', 'between\n')]);
        return ofLayers(layout, [repeated, between, repeated]);
      }),
  };
}
