import type { Digest } from '../../shared/domain/digest.ts';
import { testAdminPassword } from '../harness/lighter.ts';
import { blobsOf, type TestBlob, type TestImage, type TestManifest } from './image.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

export interface Sending {
  readonly headers?: Readonly<Record<string, string>>;
  /** An iterable is sent chunked, without a Content-Length. */
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
  readonly signal?: AbortSignal;
}

/** The registry answered what a client can't go on with. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly status: number;
  readonly answer: Answer;

  constructor(what: string, answer: Answer) {
    super(`${what}: ${answer.status} ${answer.body.toString().slice(0, 300)}`);
    this.status = answer.status;
    this.answer = answer;
  }
}

/** Storage itself, to which the registry redirects, did not give a client what it asked for. */
export class StorageBroke extends Error {
  override readonly name = 'StorageBroke';
}

async function fromStorage(location: string): Promise<Answer> {
  try {
    const signal = AbortSignal.timeout(5000);
    const answer = await readWhole(await fetch(location, { signal }));
    if (answer.status === 429 || answer.status >= 500) throw new Error(`storage: ${answer.status}`);
    return answer;
  } catch (cause) {
    throw new StorageBroke('a redirected pull broke off', { cause });
  }
}

async function readWhole(response: Response): Promise<Answer> {
  const { status, headers } = response;
  return { status, headers, body: Buffer.from(await response.arrayBuffer()) };
}

/**
 * A client of one instance, as the admin. Every method but `send` throws {@link Refused} when
 * refused.
 */
export class RegistryClient {
  readonly #url: string;
  /** Told of every answer. */
  readonly #onAnswer: (what: string, answer: Answer) => void;

  constructor(url: string, onAnswer: (what: string, answer: Answer) => void = () => undefined) {
    this.#url = url;
    this.#onAnswer = onAnswer;
  }

  async send(method: string, path: string, sending: Sending = {}): Promise<Answer> {
    const { body, headers, signal = AbortSignal.timeout(60_000) } = sending;
    const password = Buffer.from(`admin:${testAdminPassword}`).toString('base64');
    const response = await fetch(new URL(path, this.#url), {
      method,
      signal,
      redirect: 'manual',
      headers: {
        authorization: `Basic ${password}`,
        ...(body === undefined ? {} : { 'content-type': 'application/octet-stream' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: sendable(body), duplex: 'half' }),
    });
    const answer = await readWhole(response);
    this.#onAnswer(`${method} ${path}`, answer);
    return answer.status === 307 ? await fromStorage(locationOf(answer)) : answer;
  }

  async expect(
    statuses: readonly number[],
    method: string,
    path: string,
    sending?: Sending,
  ): Promise<Answer> {
    const answer = await this.send(method, path, sending);
    if (!statuses.includes(answer.status)) throw new Refused(`${method} ${path}`, answer);
    return answer;
  }

  /** POST; the Location. */
  async startUpload(repository: string): Promise<string> {
    return locationOf(await this.expect([202], 'POST', `/v2/${repository}/blobs/uploads/`));
  }

  /** PATCH, streamed as docker does it. */
  async patch(location: string, bytes: Uint8Array, headers = {}): Promise<string> {
    const sending = { body: streamed(bytes), headers };
    return locationOf(await this.expect([202], 'PATCH', location, sending));
  }

  async finish(location: string, digest: Digest, body?: Uint8Array): Promise<void> {
    const sending = body === undefined ? {} : { body: streamed(body) };
    await this.expect([201], 'PUT', `${location}?digest=${digest}`, sending);
  }

  /** POST and PUT with the bytes, or the same with a PATCH between. */
  async pushBlob(repository: string, { bytes, digest }: TestBlob, patched = false): Promise<void> {
    const location = await this.startUpload(repository);
    if (!patched) return await this.finish(location, digest, bytes);
    await this.finish(await this.patch(location, bytes), digest);
  }

  async hasBlob(repository: string, digest: Digest): Promise<boolean> {
    const path = `/v2/${repository}/blobs/${digest}`;
    return (await this.expect([200, 404], 'HEAD', path)).status === 200;
  }

  /** False when the registry wants an upload instead. */
  async mount(repository: string, digest: Digest, from: string): Promise<boolean> {
    const path = `/v2/${repository}/blobs/uploads/?mount=${digest}&from=${from}`;
    return (await this.expect([201, 202], 'POST', path)).status === 201;
  }

  async putManifest(
    repository: string,
    reference: string,
    { bytes, mediaType }: TestManifest,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    await this.expect([201], 'PUT', `/v2/${repository}/manifests/${reference}`, {
      body: bytes,
      headers: { 'content-type': mediaType, ...headers },
    });
  }

  /** As docker pushes: what is there is not sent. */
  async pushImage(repository: string, image: TestImage, tag: string): Promise<void> {
    for (const blob of blobsOf(image)) {
      if (await this.hasBlob(repository, blob.digest)) continue;
      await this.pushBlob(repository, blob, true);
    }
    await this.putManifest(repository, tag, image.manifest);
  }

  async pullBlob(repository: string, digest: Digest): Promise<Buffer> {
    return (await this.expect([200], 'GET', `/v2/${repository}/blobs/${digest}`)).body;
  }

  async pullManifest(repository: string, reference: string): Promise<Buffer> {
    const path = `/v2/${repository}/manifests/${reference}`;
    return (await this.expect([200], 'GET', path)).body;
  }

  /** Undefined when there is no such tag. */
  async tagDigest(repository: string, tag: string): Promise<string | undefined> {
    const path = `/v2/${repository}/manifests/${tag}`;
    const { status, headers } = await this.expect([200, 404], 'HEAD', path);
    return status === 200 ? (headers.get('docker-content-digest') ?? '') : undefined;
  }

  async delete(repository: string, what: 'manifests' | 'blobs', reference: string): Promise<void> {
    await this.expect([202], 'DELETE', `/v2/${repository}/${what}/${reference}`);
  }
}

export function locationOf({ headers }: Answer): string {
  const location = headers.get('location');
  if (location === null) throw new Error('an answer without a Location');
  return location;
}

/** A body in pieces and of unknown length. */
export async function* streamed(bytes: Uint8Array, pieceBytes = 32 * 1024) {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

function sendable(body: Uint8Array | AsyncIterable<Uint8Array>) {
  return body instanceof Uint8Array ? new Uint8Array(body) : ReadableStream.from(body);
}
