import { createHash, randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import {
  Connection,
  headerOf,
  parseHead,
  type RequestHeaders,
  writeRequest,
} from './connection.ts';
import { locationOf, octets, startUpload, withDigest } from './images.ts';
import { expectStatus } from './load.ts';
import type { Subject } from './subjects.ts';

export const MiB = 1024 * 1024;

/** A layer made of one random mebibyte again and again: it costs its sender nothing. */
export interface Layer {
  readonly mebibyte: Buffer;
  readonly sizeMiB: number;
  readonly digest: string;
}

export function randomLayer(sizeMiB: number): Layer {
  const mebibyte = randomBytes(MiB);
  const hash = createHash('sha256');
  for (let at = 0; at < sizeMiB; at++) hash.update(mebibyte);
  return { mebibyte, sizeMiB, digest: `sha256:${hash.digest('hex')}` };
}

/** As docker and podman send it: one chunked PATCH, an empty PUT. Seconds. */
export async function pushByPatch(
  subject: Subject,
  repository: string,
  layer: Layer,
): Promise<number> {
  const headers = await subject.headers(repository);
  return await timed(subject.port, async (connection) => {
    const upload = await startUpload(connection, repository, headers);
    const streaming = { ...headers, ...octets, 'transfer-encoding': 'chunked' };
    const head = writeRequest('PATCH', upload, streaming);
    const patched = await connection.stream(head, chunked(layer));
    const next = locationOf(expectStatus(patched, 202).head);
    const path = withDigest(next, layer.digest);
    const put = writeRequest('PUT', path, headers, new Uint8Array());
    expectStatus(await connection.send(put), 201);
  });
}

/** As containerd sends it: one PUT with all bytes and a Content-Length. Seconds. */
export async function pushByPut(
  subject: Subject,
  repository: string,
  layer: Layer,
): Promise<number> {
  const headers = await subject.headers(repository);
  return await timed(subject.port, async (connection) => {
    const upload = await startUpload(connection, repository, headers);
    const sized = { ...headers, ...octets, 'content-length': String(layer.sizeMiB * MiB) };
    const head = writeRequest('PUT', withDigest(upload, layer.digest), sized);
    expectStatus(await connection.stream(head, plain(layer)), 201);
  });
}

async function timed(
  port: number,
  task: (connection: Connection) => Promise<void>,
): Promise<number> {
  const connection = new Connection(port);
  const startedMs = performance.now();
  await task(connection);
  const elapsedMs = performance.now() - startedMs;
  connection.close();
  return elapsedMs / 1000;
}

/** Go's clients send chunks of 32 KiB. */
const chunkBytes = 32 * 1024;

function* chunked({ mebibyte, sizeMiB }: Layer): Generator<Buffer> {
  const size = Buffer.from(`${chunkBytes.toString(16)}\r\n`);
  const end = Buffer.from('\r\n');
  const chunks = Array.from({ length: MiB / chunkBytes }, (_, index) => [
    size,
    mebibyte.subarray(index * chunkBytes, (index + 1) * chunkBytes),
    end,
  ]);
  const piece = Buffer.concat(chunks.flat());
  for (let at = 0; at < sizeMiB; at++) yield piece;
  yield Buffer.from('0\r\n\r\n');
}

function* plain({ mebibyte, sizeMiB }: Layer): Generator<Buffer> {
  for (let at = 0; at < sizeMiB; at++) yield mebibyte;
}

/** Pulls a layer, following a redirect. Seconds, and where the bytes came from. */
export async function pull(
  subject: Subject,
  repository: string,
  layer: Layer,
): Promise<{ readonly seconds: number; readonly path: string }> {
  const headers = await subject.headers(repository);
  const path = `/v2/${repository}/blobs/${layer.digest}`;
  const startedMs = performance.now();
  const first = await download(subject.port, path, headers);
  const isRedirect = first.status === 307;
  const source = isRedirect ? locationOf(first.head) : path;
  const { status, bytes } = isRedirect
    ? await download(subject.port, source, { host: headers['host'] ?? '' })
    : first;
  const seconds = (performance.now() - startedMs) / 1000;
  if (status !== 200 || bytes !== layer.sizeMiB * MiB) {
    throw new Error(`GET ${source} answered ${status} with ${bytes} bytes`);
  }
  return { seconds, path: source };
}

/**
 * GETs a path on a connection of its own. Of a body that comes with 200, the bytes are only
 * counted.
 */
export async function download(
  port: number,
  path: string,
  headers: RequestHeaders = {},
): Promise<{ readonly status: number; readonly head: string; readonly bytes: number }> {
  return new Promise((resolve, reject) => {
    let beginning = Buffer.alloc(0);
    let start: ReturnType<typeof parseHead>;
    let bytes = 0;
    function receive(length: number, buffer: Uint8Array): boolean {
      if (start !== undefined) bytes += length;
      else {
        beginning = Buffer.concat([beginning, buffer.subarray(0, length)]);
        start = parseHead(beginning);
        if (start === undefined) return true;
        bytes = beginning.length - start.head.length - 2;
      }
      if (start.status !== 200 || bytes >= Number(headerOf(start.head, 'content-length'))) {
        resolve({ ...start, bytes });
        socket.destroy();
      }
      return true;
    }
    const buffer = Buffer.allocUnsafe(256 * 1024);
    const socket = connect({ port, host: '127.0.0.1', onread: { buffer, callback: receive } });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`the answer broke off after ${bytes} bytes`)));
    socket.write(writeRequest('GET', path, headers));
  });
}
