import { createHash, randomBytes } from 'node:crypto';
import { Connection, headerOf, type RequestHeaders, writeRequest } from './connection.ts';
import { expectStatus, forEachNumber } from './load.ts';
import type { Subject } from './subjects.ts';

const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const layerType = 'application/vnd.oci.image.layer.v1.tar+gzip';
const configType = 'application/vnd.oci.image.config.v1+json';

/** An image as small as they get: one layer of 2 KiB, a config of about 1 KiB. */
export interface SmallImage {
  readonly config: Buffer;
  readonly layer: Buffer;
  readonly manifest: Buffer;
}

export function smallImage(config = smallConfig()): SmallImage {
  const layer = randomBytes(2048);
  const manifest = {
    schemaVersion: 2,
    mediaType: manifestType,
    config: { mediaType: configType, digest: digestOf(config), size: config.length },
    layers: [{ mediaType: layerType, digest: digestOf(layer), size: layer.length }],
  };
  return { config, layer, manifest: Buffer.from(JSON.stringify(manifest)) };
}

export function smallConfig(): Buffer {
  return Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      created: '2026-11-01T00:00:00Z',
      config: { Env: [`BUILD=${randomBytes(384).toString('hex')}`] },
      rootfs: { type: 'layers', diff_ids: [`sha256:${randomBytes(32).toString('hex')}`] },
    }),
  );
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/**
 * Pushes an image with one connection: POST and PUT for each blob, layer first, then the manifest.
 */
export async function pushImage(
  connection: Connection,
  repository: string,
  tag: string,
  image: SmallImage,
  headers: RequestHeaders,
): Promise<void> {
  for (const blob of [image.layer, image.config]) {
    const url = await startUpload(connection, repository, headers);
    const path = withDigest(url, digestOf(blob));
    const put = writeRequest('PUT', path, { ...headers, ...octets }, blob);
    expectStatus(await connection.send(put), 201);
  }
  await putManifest(connection, repository, tag, image.manifest, headers);
}

export async function putManifest(
  connection: Connection,
  repository: string,
  reference: string,
  manifest: Buffer,
  headers: RequestHeaders,
): Promise<void> {
  const path = `/v2/${repository}/manifests/${reference}`;
  const put = writeRequest('PUT', path, { ...headers, 'content-type': manifestType }, manifest);
  expectStatus(await connection.send(put), 201);
}

export const octets = { 'content-type': 'application/octet-stream' };

/** POST of an upload; its Location, without scheme and host. */
export async function startUpload(
  connection: Connection,
  repository: string,
  headers: RequestHeaders,
): Promise<string> {
  const path = `/v2/${repository}/blobs/uploads/`;
  const post = writeRequest('POST', path, headers, new Uint8Array());
  return locationOf(expectStatus(await connection.send(post), 202).head);
}

export function locationOf(head: string): string {
  const { pathname, search } = new URL(headerOf(head, 'location') ?? '', 'http://registry');
  return pathname + search;
}

export function withDigest(location: string, digest: string): string {
  return `${location}${location.includes('?') ? '&' : '?'}digest=${encodeURIComponent(digest)}`;
}

export interface PushPlan {
  readonly images: number;
  readonly concurrency: number;
  readonly repositories: 'one' | 'each its own';
  /** With a shared config, every push sends it again. */
  readonly configs: 'shared' | 'own';
}

/**
 * Pushes small images from as many clients. Images per second; throws when a single request fails.
 */
export async function imagesPerSecond(subject: Subject, plan: PushPlan): Promise<number> {
  const shared = plan.configs === 'shared' ? smallConfig() : undefined;
  const images = Array.from({ length: plan.images }, () => smallImage(shared));
  const repository = (index: number) =>
    plan.repositories === 'one' ? 'bench/images' : `bench/image-${index}`;
  const tokens = new Map<string, RequestHeaders>();
  await forEachNumber(plan.images, plan.concurrency, async (index) => {
    const name = repository(index);
    if (!tokens.has(name)) tokens.set(name, await subject.headers(name));
  });
  const connections = Array.from({ length: plan.concurrency }, () => new Connection(subject.port));

  const startedMs = performance.now();
  await forEachNumber(plan.images, plan.concurrency, async (index, worker) => {
    const [connection, image] = [connections[worker], images[index]];
    if (connection === undefined || image === undefined) throw new RangeError(String(index));
    const name = repository(index);
    await pushImage(connection, name, `v${index}`, image, tokens.get(name) ?? {});
  });
  const elapsedMs = performance.now() - startedMs;
  for (const connection of connections) connection.close();
  return (plan.images / elapsedMs) * 1000;
}
