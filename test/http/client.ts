import { createHash, randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { testAdminPassword } from '../harness/lighter.ts';

/** An answer with its body read. Redirects are not followed. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

export interface SendOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes go with a Content-Length, a stream goes chunked. */
  readonly body?: Uint8Array | string | AsyncIterable<Uint8Array>;
}

export const admin = basic('admin', testAdminPassword);

export function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/**
 * Speaks the registry's protocol over HTTP, as `admin` unless given another Authorization, or ''
 * for none.
 */
export class Client {
  readonly #url: string;
  readonly #authorization: string;

  constructor(url: string, authorization = admin) {
    this.#url = url;
    this.#authorization = authorization;
  }

  /** Sends one request; `target` is a path with its query, or a Location. */
  async send(method: string, target: string, { headers, body }: SendOptions = {}): Promise<Answer> {
    const authorization = this.#authorization === '' ? {} : { Authorization: this.#authorization };
    const response = await fetch(new URL(target, this.#url), {
      method,
      headers: { ...authorization, ...headers },
      redirect: 'manual',
      signal: AbortSignal.timeout(25_000),
      ...(body === undefined ? {} : { body: webBody(body), duplex: 'half' }),
    });
    return {
      status: response.status,
      headers: response.headers,
      body: Buffer.from(await response.arrayBuffer()),
    };
  }

  /** POST of an upload that must be accepted; answers its Location. */
  async startUpload(repository: string, query = ''): Promise<string> {
    const answer = await this.send('POST', `/v2/${repository}/blobs/uploads/${query}`);
    expect(answer.status).toBe(202);
    return header(answer, 'Location');
  }

  /** Pushes a blob in one request; answers its digest. */
  async pushBlob(repository: string, bytes: Uint8Array | string): Promise<string> {
    const digest = digestOf(bytes);
    const target = `/v2/${repository}/blobs/uploads/?digest=${digest}`;
    const answer = await this.send('POST', target, { body: bytes });
    expect(answer.status).toBe(201);
    return digest;
  }

  /** PUT of a manifest under a tag or digest (or both: `sha256:…?tag=…`). */
  putManifest(
    repository: string,
    reference: string,
    manifest: object | Uint8Array,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const body = manifest instanceof Uint8Array ? manifest : json(manifest);
    return this.send('PUT', `/v2/${repository}/manifests/${reference}`, {
      body,
      headers: { 'Content-Type': mediaTypeIn(manifest) ?? types.image, ...headers },
    });
  }

  /**
   * Pushes an image of one small layer of its own, with its blobs; answers the manifest's digest.
   */
  async pushImage(repository: string, reference: string, fields: object = {}): Promise<string> {
    const manifest = image({
      config: await this.blob(repository, '{}', types.config),
      layers: [await this.blob(repository, randomBytes(16).toString('hex'))],
      ...fields,
    });
    const answer = await this.putManifest(repository, reference, manifest);
    expect(answer.status, answer.body.toString()).toBe(201);
    return digestOf(json(manifest));
  }

  /** Pushes a blob; answers its descriptor. */
  async blob(
    repository: string,
    bytes: Uint8Array | string,
    mediaType: string = types.layer,
  ): Promise<Descriptor> {
    await this.pushBlob(repository, bytes);
    return descriptor(bytes, mediaType);
  }
}

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

export const types = {
  image: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  artifact: 'application/vnd.oci.artifact.manifest.v1+json',
  dockerImage: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  schema1: 'application/vnd.docker.distribution.manifest.v1+json',
  schema1Signed: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
} as const;

/** The fields of an OCI image manifest, over the two it always has. */
export function image(fields: object): object {
  return { schemaVersion: 2, mediaType: types.image, ...fields };
}

export function index(manifests: readonly object[], fields: object = {}): object {
  return { schemaVersion: 2, mediaType: types.index, manifests, ...fields };
}

export function descriptor(bytes: Uint8Array | string, mediaType: string): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: Buffer.byteLength(bytes) };
}

export function digestOf(bytes: Uint8Array | string, algorithm = 'sha256'): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

export function json(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** The value of a header that must be there. */
export function header({ headers }: Answer, name: string): string {
  const value = headers.get(name);
  if (value === null) throw new Error(`no ${name} in ${JSON.stringify([...headers])}`);
  return value;
}

export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly detail?: unknown;
}

/** Expects an OCI error body with this status and code; answers what it says. */
export function expectProblem(answer: Answer, status: number, code: string): Problem {
  const text = answer.body.toString();
  expect({ status: answer.status, text }).toMatchObject({ status });
  expect(header(answer, 'Content-Type')).toBe('application/json');
  const { errors }: { errors: readonly Problem[] } = JSON.parse(text);
  const [problem] = errors;
  if (problem === undefined) throw new Error(`no error in ${text}`);
  expect(problem).toMatchObject({ code, message: expect.stringMatching(/./) });
  return problem;
}

/** The target of a Link header's next page; undefined on the last page. */
export function nextOf({ headers }: Answer): string | undefined {
  const link = headers.get('Link');
  if (link === null) return undefined;
  const target = /^<([^>]+)>; rel="next"$/.exec(link)?.[1];
  if (target === undefined) throw new Error(`no next page in ${link}`);
  return target;
}

/** Bytes as a stream of pieces, with a pause after each if wanted. */
export async function* inPieces(bytes: Uint8Array, pieceBytes: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += pieceBytes) {
    yield await Promise.resolve(bytes.subarray(at, at + pieceBytes));
  }
}

function mediaTypeIn(manifest: object): string | undefined {
  return 'mediaType' in manifest && typeof manifest.mediaType === 'string'
    ? manifest.mediaType
    : undefined;
}

function webBody(body: Uint8Array | string | AsyncIterable<Uint8Array>) {
  return typeof body === 'string' || body instanceof Uint8Array ? body : ReadableStream.from(body);
}
