import { once } from 'node:events';
import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestAzurite, type TestAzurite } from '../harness/azurite.ts';
import { startTestLighter, testAdminPassword, type TestLighter } from '../harness/lighter.ts';
import { makeImage, randomBlob, type TestBlob } from './image.ts';
import { invariantChecker } from './invariants.ts';
import { RegistryClient } from './registry-client.ts';

let azurite: TestAzurite;
let instance: TestLighter;
let client: RegistryClient;
/** Every 5xx that was answered. */
const failures: string[] = [];

beforeAll(async () => {
  azurite = await startTestAzurite();
  instance = await startTestLighter({ azurite });
  client = new RegistryClient(instance.url, (what, { status }) => {
    if (status >= 500) failures.push(`${what}: ${status}`);
  });
});
afterAll(async () => {
  await instance.stop();
  await azurite.stop();
});

let repositories = 0;
const newRepository = () => `gone/r${repositories++}`;
const authorization = `Basic ${Buffer.from(`admin:${testAdminPassword}`).toString('base64')}`;

/** A request of which the caller sends the body himself, or not. */
function begin(
  method: string,
  path: string,
  headers: Readonly<Record<string, string | number>> = {},
): ClientRequest {
  const request = http.request(new URL(path, instance.url), {
    method,
    agent: false,
    headers: { authorization, ...headers },
  });
  request.on('error', () => undefined);
  return request;
}

async function answerTo(request: ClientRequest): Promise<number | undefined> {
  const [answer]: IncomingMessage[] = await once(request, 'response');
  answer?.resume();
  return answer?.statusCode;
}

const large = randomBlob(18 * 1024 * 1024);
const small = () => randomBlob(40_000);

/** How a client goes away: in the middle of a body of known or unknown length. */
const departures: [string, 'PATCH' | 'PUT', boolean, () => TestBlob][] = [
  ['a streamed PATCH', 'PATCH', false, small],
  ['a streamed PATCH of several blocks', 'PATCH', false, () => large],
  ['a PATCH with a Content-Length', 'PATCH', true, small],
  ['a streamed PUT', 'PUT', false, small],
  ['a streamed PUT of several blocks', 'PUT', false, () => large],
  ['a PUT with a Content-Length', 'PUT', true, small],
];

describe.each(departures)('a client that is gone in the middle of %s', (_, method, sized, make) => {
  it('leaves nothing visible, and can go on with the same upload', async () => {
    const repository = newRepository();
    const blob = make();
    const location = await client.startUpload(repository);
    const path = method === 'PUT' ? `${location}?digest=${blob.digest}` : location;
    const request = begin(method, path, sized ? { 'content-length': blob.bytes.length } : {});
    const most = Math.floor(blob.bytes.length * 0.9);
    await new Promise((sent) => request.write(blob.bytes.subarray(0, most), sent));
    await sleep(100);
    request.destroy();
    await sleep(200);

    expect(await client.hasBlob(repository, blob.digest)).toBe(false);
    const status = await client.expect([204], 'GET', location);
    expect(status.headers.get('range')).toBe('0-0');
    await client.finish(await client.patch(location, blob.bytes), blob.digest);
    expect((await client.pullBlob(repository, blob.digest)).equals(blob.bytes)).toBe(true);
  });
});

it('a client that is gone in the middle of a manifest leaves none', async () => {
  const repository = newRepository();
  const image = makeImage();
  await client.pushImage(repository, image, 'first');
  const next = makeImage({ config: image.config, layers: image.layers }).manifest;
  for (const sized of [true, false]) {
    const request = begin('PUT', `/v2/${repository}/manifests/second`, {
      'content-type': next.mediaType,
      ...(sized ? { 'content-length': next.bytes.length } : {}),
    });
    await new Promise((sent) => request.write(next.bytes.subarray(0, 100), sent));
    request.destroy();
  }
  await sleep(200);
  expect(await client.tagDigest(repository, 'second')).toBeUndefined();
});

it('a client that does not wait for the answer to its final PUT finds the blob, whole or not yet', async () => {
  const repository = newRepository();
  for (let round = 0; round < 10; round++) {
    const blob = small();
    const location = await client.startUpload(repository);
    const request = begin('PUT', `${location}?digest=${blob.digest}`);
    request.end(blob.bytes);
    await sleep(round * 4);
    request.destroy();
    await client.pushBlob(repository, blob);
    expect((await client.pullBlob(repository, blob.digest)).equals(blob.bytes)).toBe(true);
  }
});

it('a body whose chunks are malformed is refused and leaves nothing', async () => {
  const location = await client.startUpload(newRepository());
  const socket = net.connect(Number(new URL(instance.url).port), '127.0.0.1');
  socket.write(
    `PATCH ${new URL(location, instance.url).pathname} HTTP/1.1\r\nhost: ${instance.host}\r\n` +
      `authorization: ${authorization}\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nnonsense\r\n`,
  );
  let answer = '';
  socket.on('error', () => undefined).on('data', (data) => (answer += String(data)));
  await once(socket, 'close');
  expect(answer).not.toMatch(/^HTTP\/1.1 (2|5)/);
  const status = await client.expect([204], 'GET', location);
  expect(status.headers.get('range')).toBe('0-0');
});

it('many clients that send a byte now and then hold nobody up, and are served in the end', async () => {
  const repository = newRepository();
  const port = Number(new URL(instance.url).port);
  const headersOnly = Array.from({ length: 50 }, () => net.connect(port, '127.0.0.1'));
  for (const socket of headersOnly)
    socket.on('error', () => undefined).write('GET /v2/ HTTP/1.1\r\nho');

  const slow = await Promise.all(
    Array.from({ length: 30 }, async () => {
      const location = await client.startUpload(repository);
      const request = begin('PATCH', location);
      const answer = answerTo(request);
      return { location, request, answer };
    }),
  );
  let ticks = 0;
  const trickle = setInterval(() => {
    ticks += 1;
    for (const { request } of slow) request.write('x');
  }, 20);

  const image = makeImage({ layers: [randomBlob(100_000)] });
  const startedAt = performance.now();
  await client.pushImage(repository, image, 'quick');
  expect(await client.pullManifest(repository, 'quick')).toEqual(image.manifest.bytes);
  expect(performance.now() - startedAt).toBeLessThan(5000);

  clearInterval(trickle);
  for (const { location, request, answer } of slow) {
    request.end();
    expect(await answer).toBe(202);
    const { headers } = await client.expect([204], 'GET', location);
    expect(headers.get('range')).toBe(`0-${ticks - 1}`);
  }
  for (const socket of headersOnly) socket.destroy();
});

describe('Expect: 100-continue', () => {
  it.each(['PATCH', 'PUT'] as const)('is answered, and the body of a %s taken', async (method) => {
    const repository = newRepository();
    for (const sized of [true, false]) {
      const blob = small();
      const location = await client.startUpload(repository);
      const path = method === 'PUT' ? `${location}?digest=${blob.digest}` : location;
      const request = begin(method, path, {
        expect: '100-continue',
        ...(sized ? { 'content-length': blob.bytes.length } : {}),
      });
      request.flushHeaders();
      await once(request, 'continue', { signal: AbortSignal.timeout(5000) });
      request.end(blob.bytes);
      expect(await answerTo(request)).toBe(method === 'PUT' ? 201 : 202);
      if (method === 'PATCH') await client.finish(location, blob.digest);
      expect((await client.pullBlob(repository, blob.digest)).equals(blob.bytes)).toBe(true);
    }
  });

  it('of a client that then sends nothing holds nobody up', async () => {
    const repository = newRepository();
    const location = await client.startUpload(repository);
    const request = begin('PATCH', location, { expect: '100-continue' });
    request.flushHeaders();
    await once(request, 'continue', { signal: AbortSignal.timeout(5000) });
    const blob = small();
    await client.finish(await client.patch(location, blob.bytes), blob.digest);
    request.destroy();
    expect((await client.pullBlob(repository, blob.digest)).equals(blob.bytes)).toBe(true);
  });
});

it('after all that, every invariant holds and no answer was a 5xx', async () => {
  expect(await invariantChecker(azurite)()).toEqual([]);
  expect(failures).toEqual([]);
});
