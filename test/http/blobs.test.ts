import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Answer, digestOf, expectProblem, header, image, json } from './client.ts';
import { registryOfFile } from './registry.ts';

const registry = registryOfFile();
const repository = 'blobs/app';
/** 64 KiB is the most that the registry serves itself. */
const small = randomBytes(64 * 1024);
const large = randomBytes(10_000_000);
const target = (bytes: Uint8Array) => `/v2/${repository}/blobs/${digestOf(bytes)}`;

beforeAll(async () => {
  await registry().client.pushBlob(repository, small);
  await registry().client.pushBlob(repository, large);
});

const get = (bytes: Uint8Array, range?: string): Promise<Answer> =>
  registry().client.send('GET', target(bytes), range === undefined ? {} : { headers: { range } });

/** Follows the redirect as clients do, and as some do it, with their credential. */
async function follow(answer: Answer, range?: string): Promise<Answer> {
  expect(answer.status).toBe(307);
  const options = range === undefined ? {} : { headers: { range } };
  return registry().anonymous.send('GET', header(answer, 'Location'), options);
}

describe('end-2: GET', () => {
  test('answers a blob of up to 64 KiB itself', async () => {
    const answer = await get(small);
    expect(answer.status).toBe(200);
    expect(header(answer, 'Content-Length')).toBe(String(small.byteLength));
    expect(header(answer, 'Content-Type')).toBe('application/octet-stream');
    expect(header(answer, 'Docker-Content-Digest')).toBe(digestOf(small));
    expect(header(answer, 'Accept-Ranges')).toBe('bytes');
    expect(answer.headers.get('Content-Encoding')).toBeNull();
    expect(answer.body.equals(small)).toBe(true);
  });

  test('redirects to storage for a larger one, which serves it without a credential', async () => {
    const answer = await get(large);
    expect(answer.status).toBe(307);
    expect(header(answer, 'Docker-Content-Digest')).toBe(digestOf(large));
    expect(new URL(header(answer, 'Location')).origin).toBe(registry().lighter.url);

    const stored = await follow(answer);
    expect(stored.status).toBe(200);
    expect(header(stored, 'Content-Type')).toBe('application/octet-stream');
    expect(header(stored, 'Content-Length')).toBe(String(large.byteLength));
    expect(stored.headers.get('Content-Encoding')).toBeNull();
    expect(stored.body.equals(large)).toBe(true);
  });

  test('the redirect opens this blob only, and only to read', async () => {
    const { anonymous } = registry();
    const location = header(await get(large), 'Location');
    const [path = '', query = ''] = location.split('?');
    expect((await anonymous.send('GET', path)).status).toBe(403);
    const headers = { 'x-ms-blob-type': 'BlockBlob' };
    expect((await anonymous.send('PUT', location, { headers, body: 'other' })).status).toBe(403);
    expect((await anonymous.send('DELETE', location)).status).toBe(403);
    expect((await anonymous.send('GET', `${path}0?${query}`)).status).toBe(403);
  });

  test('the redirect also works with the credential of the registry sent along', async () => {
    const location = header(await get(large), 'Location');
    const stored = await registry().client.send('GET', location);
    expect(stored.status).toBe(200);
    expect(stored.body.equals(large)).toBe(true);
  });

  test.each([
    ['a digest nobody pushed', digestOf('nobody'), 404, 'BLOB_UNKNOWN'],
    ['a digest too short', 'sha256:abc', 400, 'DIGEST_INVALID'],
    ['upper-case hex', `sha256:${'A'.repeat(64)}`, 400, 'DIGEST_INVALID'],
    ['an unknown algorithm', `md5:${'a'.repeat(32)}`, 400, 'DIGEST_INVALID'],
    ['no digest at all', 'latest', 400, 'DIGEST_INVALID'],
  ])('and HEAD refuse %s', async (_name, digest, status, code) => {
    const path = `/v2/${repository}/blobs/${digest}`;
    expectProblem(await registry().client.send('GET', path), status, code);
    const head = await registry().client.send('HEAD', path);
    expect(head).toMatchObject({ status, body: Buffer.alloc(0) });
  });

  test('a blob belongs to its repository', async () => {
    const answer = await registry().client.send('GET', `/v2/blobs/other/blobs/${digestOf(small)}`);
    expectProblem(answer, 404, 'BLOB_UNKNOWN');
  });
});

test.each([small, large])(
  'end-2: HEAD tells size and digest, and does not redirect',
  async (bytes) => {
    const answer = await registry().client.send('HEAD', target(bytes));
    expect(answer.status).toBe(200);
    expect(header(answer, 'Content-Length')).toBe(String(bytes.byteLength));
    expect(header(answer, 'Docker-Content-Digest')).toBe(digestOf(bytes));
    expect(header(answer, 'Accept-Ranges')).toBe('bytes');
  },
);

describe('end-2: a range', () => {
  test.each([
    ['bytes=0-0', 0, 0],
    ['bytes=0-1', 0, 1],
    ['bytes=100-199', 100, 199],
    ['bytes=65000-', 65_000, 65_535],
    ['bytes=65000-99999999', 65_000, 65_535],
    ['bytes=-1', 65_535, 65_535],
    ['bytes=-500', 65_036, 65_535],
    ['bytes=-99999999', 0, 65_535],
  ])('%s of a small blob', async (range, first, last) => {
    const answer = await get(small, range);
    expect(answer.status).toBe(206);
    expect(header(answer, 'Content-Range')).toBe(`bytes ${first}-${last}/${small.byteLength}`);
    expect(header(answer, 'Docker-Content-Digest')).toBe(digestOf(small));
    expect(answer.body.equals(small.subarray(first, last + 1))).toBe(true);
  });

  test.each([
    ['bytes=0-1', 0, 1],
    ['bytes=5000000-5065535', 5_000_000, 5_065_535],
    ['bytes=-500', 9_999_500, 9_999_999],
    ['bytes=-8000000', 2_000_000, 9_999_999],
  ])('%s of a large blob is answered by the registry', async (range, first, last) => {
    const answer = await get(large, range);
    expect(answer.status).toBe(206);
    expect(header(answer, 'Content-Range')).toBe(`bytes ${first}-${last}/${large.byteLength}`);
    expect(answer.body.equals(large.subarray(first, last + 1))).toBe(true);
  });

  test.each([
    ['bytes=0-', 0, 9_999_999],
    ['bytes=1000-4000000', 1000, 4_000_000],
    ['bytes=9000000-', 9_000_000, 9_999_999],
  ])('%s of a large blob is answered by storage', async (range, first, last) => {
    const stored = await follow(await get(large, range), range);
    expect(stored.status).toBe(206);
    expect(header(stored, 'Content-Range')).toBe(`bytes ${first}-${last}/${large.byteLength}`);
    expect(stored.body.equals(large.subarray(first, last + 1))).toBe(true);
  });

  test.each([small, large])('several ranges come as parts', async (bytes) => {
    const answer = await get(bytes, 'bytes=0-9, 100-199,-5');
    expect(answer.status).toBe(206);
    const boundary = /^multipart\/byteranges; boundary=(\S+)$/.exec(header(answer, 'Content-Type'));
    const parts = answer.body.toString('latin1').split(`\r\n--${boundary?.[1]}`).slice(1);
    const size = bytes.byteLength;
    const expected = [
      [0, 9],
      [100, 199],
      [size - 5, size - 1],
    ].map(([first = 0, last = 0]) => [
      `\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes ${first}-${last}/${size}`,
      bytes.subarray(first, last + 1).toString('latin1'),
    ]);
    expect(parts.slice(0, -1).map((part) => part.split('\r\n\r\n', 2).slice(0, 1))).toEqual(
      expected.map(([head]) => [head]),
    );
    expect(parts.slice(0, -1).map((part) => part.slice(part.indexOf('\r\n\r\n') + 4))).toEqual(
      expected.map(([, body]) => body),
    );
    expect(parts.at(-1)).toBe('--\r\n');
  });

  test.each([
    'bytes=65536-',
    'bytes=99999-100000',
    'bytes=500-0',
    'bytes=-0',
    'bytes=70000-,80000-',
  ])('%s cannot be satisfied', async (range) => {
    const answer = await get(small, range);
    expectProblem(answer, 416, 'SIZE_INVALID');
    expect(header(answer, 'Content-Range')).toBe(`bytes */${small.byteLength}`);
  });

  test.each(['lines=0-1', 'bytes=a-b', 'bytes', 'bytes=', 'bytes=1', 'bytes=0-1,x', '0-1'])(
    '%s is no range and is ignored',
    async (range) => {
      const answer = await get(small, range);
      expect(answer.status).toBe(200);
      expect(answer.body.equals(small)).toBe(true);
    },
  );

  test('of the blob of no bytes cannot be satisfied', async () => {
    const digest = await registry().client.pushBlob(repository, '');
    const path = `/v2/${repository}/blobs/${digest}`;
    for (const range of ['bytes=0-0', 'bytes=-1']) {
      const answer = await registry().client.send('GET', path, { headers: { range } });
      expectProblem(answer, 416, 'SIZE_INVALID');
    }
  });
});

describe('end-10: DELETE', () => {
  test('takes a blob away, once', async () => {
    const { client } = registry();
    const bytes = randomBytes(100);
    const digest = await client.pushBlob(repository, bytes);
    expect((await client.send('GET', target(bytes))).status).toBe(200);
    expect((await client.send('DELETE', target(bytes))).status).toBe(202);
    expectProblem(await client.send('GET', target(bytes)), 404, 'BLOB_UNKNOWN');
    expect((await client.send('HEAD', target(bytes))).status).toBe(404);
    expectProblem(await client.send('DELETE', target(bytes)), 404, 'BLOB_UNKNOWN');

    await client.pushBlob(repository, bytes);
    expect((await client.send('GET', target(bytes))).body).toEqual(bytes);
    expect((await client.send('DELETE', target(bytes))).status).toBe(202);
    expect(digest).toBe(digestOf(bytes));
  });

  test('is refused while a manifest refers to the blob, and names the manifest', async () => {
    const { client } = registry();
    const config = await client.blob(repository, randomBytes(100));
    const layer = await client.blob(repository, randomBytes(100));
    const manifest = image({ config, layers: [layer] });
    const digest = digestOf(json(manifest));
    expect((await client.putManifest(repository, digest, manifest)).status).toBe(201);
    for (const child of [config, layer]) {
      const answer = await client.send('DELETE', `/v2/${repository}/blobs/${child.digest}`);
      const problem = expectProblem(answer, 405, 'UNSUPPORTED');
      expect(problem.detail).toEqual({ digest: child.digest, manifest: digest });
      expect(header(answer, 'Allow')).toBe('GET, HEAD');
    }

    await client.send('DELETE', `/v2/${repository}/manifests/${digest}`);
    for (const child of [config, layer]) {
      const answer = await client.send('DELETE', `/v2/${repository}/blobs/${child.digest}`);
      expect(answer.status).toBe(202);
    }
  });

  test('of one repository leaves the blob of another', async () => {
    const { client } = registry();
    const bytes = randomBytes(100);
    const digest = await client.pushBlob('blobs/one', bytes);
    await client.send('POST', `/v2/blobs/two/blobs/uploads/?mount=${digest}&from=blobs/one`);
    await client.send('DELETE', `/v2/blobs/one/blobs/${digest}`);
    expect((await client.send('GET', `/v2/blobs/two/blobs/${digest}`)).body).toEqual(bytes);
  });

  test('of twenty at once is accepted at least once and leaves nothing', async () => {
    const { client } = registry();
    const bytes = randomBytes(100);
    await client.pushBlob(repository, bytes);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => client.send('DELETE', target(bytes))),
    );
    const statuses = new Set(answers.map(({ status }) => status));
    expect(statuses).toContain(202);
    expect([...statuses].filter((status) => ![202, 404].includes(status))).toEqual([]);
    expect((await client.send('HEAD', target(bytes))).status).toBe(404);
  });
});
