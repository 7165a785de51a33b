import { createHash } from 'node:crypto';
import { describe, Problem } from './problem.ts';
import type { ImageReference } from './image-reference.ts';
import type { Registry } from './registry.ts';

const types = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');

interface Descriptor {
  readonly digest: string;
  readonly size: number;
}

export interface PulledManifest {
  readonly digest: string;
  readonly layers: readonly Descriptor[];
}

/** Pulls images as a container runtime does, and checks every byte against its digest. */
export class ImagePull {
  readonly #registry: Registry;
  readonly #token: string;

  constructor(registry: Registry, token: string) {
    this.#registry = registry;
    this.#token = token;
  }

  /** The manifest for this machine's architecture. Throws a Problem. */
  async manifest({ repository, reference }: ImageReference): Promise<PulledManifest> {
    const name = `${repository}${reference.includes(':') ? '@' : ':'}${reference}`;
    const response = await this.#get(`/v2/${repository}/manifests/${reference}`, name);
    const body = Buffer.from(await response.arrayBuffer());
    const digest = reference.includes(':')
      ? reference
      : (response.headers.get('docker-content-digest') ?? digestOf(body, 'sha256'));
    if (digestOf(body, digest.split(':', 1)[0] ?? '') !== digest) {
      throw new Problem(`the manifest of ${name} is not what its digest says`);
    }
    const fields: Record<string, unknown> = { ...JSON.parse(body.toString()) };
    const children = list(fields['manifests']);
    if (children.length === 0)
      return { digest, layers: list(fields['layers']).flatMap(descriptor) };
    const [chosen] = children.filter(isForThisMachine).flatMap(descriptor);
    if (chosen === undefined) {
      throw new Problem(`${name} has no image for linux/${architecture()}`);
    }
    return this.manifest({ repository, reference: chosen.digest });
  }

  /** Reads a layer to its end, from wherever the registry sends us. @returns that host. */
  async layer(repository: string, { digest, size }: Descriptor): Promise<string> {
    const response = await this.#get(`/v2/${repository}/blobs/${digest}`, `layer ${digest}`);
    const [algorithm = '', expected] = digest.split(':');
    const hash = createHash(algorithm);
    let bytes = 0;
    for await (const chunk of response.body ?? []) {
      hash.update(chunk);
      bytes += chunk.length;
    }
    if (bytes !== size || hash.digest('hex') !== expected) {
      throw new Problem(`the layer ${digest} is not what its digest says (${bytes} bytes came)`);
    }
    return new URL(response.url).host;
  }

  async #get(path: string, what: string): Promise<Response> {
    const authorization = `Bearer ${this.#token}`;
    const url = new URL(path, this.#registry.origin);
    const first = await request(url, what, { authorization, accept: types });
    const location = first.headers.get('location');
    if (first.status === 307 && location !== null) {
      await first.body?.cancel();
      return successful(await request(new URL(location, url), what, {}), what);
    }
    return successful(first, what);
  }
}

async function request(url: URL, what: string, headers: Record<string, string>): Promise<Response> {
  try {
    return await fetch(url, { headers, redirect: 'manual', signal: AbortSignal.timeout(120_000) });
  } catch (error) {
    throw new Problem(`${what}: ${url.origin} gives no answer: ${describe(error)}`, {
      cause: error,
    });
  }
}

async function successful(response: Response, what: string): Promise<Response> {
  if (response.status === 200) return response;
  const [line = ''] = (await response.text()).split('\n');
  throw new Problem(
    `${what}: ${new URL(response.url).host} answers ${response.status} ${line.slice(0, 200)}`,
  );
}

const digestOf = (bytes: Buffer, algorithm: string) =>
  `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;

const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

function descriptor(value: unknown): Descriptor[] {
  const { digest, size }: Record<string, unknown> = Object(value);
  return typeof digest === 'string' && typeof size === 'number' ? [{ digest, size }] : [];
}

function isForThisMachine(value: unknown): boolean {
  const { platform }: Record<string, unknown> = Object(value);
  const { architecture: theirs, os }: Record<string, unknown> = Object(platform);
  return os === 'linux' && theirs === architecture();
}

/** As images name it. */
const architecture = () => (process.arch === 'x64' ? 'amd64' : process.arch);
