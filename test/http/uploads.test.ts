import { randomBytes } from 'node:crypto';
import http from 'node:http';
import { describe, expect, test } from 'vitest';
import { admin, digestOf, expectProblem, header, inPieces } from './client.ts';
import { registryOfFile } from './registry.ts';

const registry = registryOfFile();
const repository = 'uploads/app';

/** Bytes nobody else in this file pushes. */
const fresh = (sizeBytes = 1000) => randomBytes(sizeBytes);

function withDigest(location: string, digest: string): string {
  return `${location}${location.includes('?') ? '&' : '?'}digest=${encodeURIComponent(digest)}`;
}

async function pull(digest: string): Promise<Buffer> {
  const { client } = registry();
  const answer = await client.send('GET', `/v2/${repository}/blobs/${digest}`);
  if (answer.status !== 307) return answer.body;
  return (await client.send('GET', header(answer, 'Location'))).body;
}

async function expectAbsent(digest: string): Promise<void> {
  const answer = await registry().client.send('GET', `/v2/${repository}/blobs/${digest}`);
  expectProblem(answer, 404, 'BLOB_UNKNOWN');
}

describe('in one request', () => {
  test('end-4a, end-6: POST, then one PUT with the whole blob', async () => {
    const { client } = registry();
    const bytes = fresh();
    const digest = digestOf(bytes);
    const started = await client.send('POST', `/v2/${repository}/blobs/uploads/`);
    expect(started.status).toBe(202);
    expect(header(started, 'Location')).toMatch(/^\/v2\/uploads\/app\/blobs\/uploads\/[0-9a-f]+$/);
    expect(header(started, 'Docker-Upload-UUID')).not.toBe('');
    expect(header(started, 'Range')).toBe('0-0');

    const location = header(started, 'Location');
    const put = await client.send('PUT', withDigest(location, digest), { body: bytes });
    expect(put.status).toBe(201);
    expect(header(put, 'Location')).toBe(`/v2/${repository}/blobs/${digest}`);
    expect(header(put, 'Docker-Content-Digest')).toBe(digest);
    expect(await pull(digest)).toEqual(bytes);
  });

  test('end-4b: POST?digest= with the whole blob', async () => {
    const bytes = fresh();
    const digest = digestOf(bytes);
    const target = `/v2/${repository}/blobs/uploads/?digest=${digest}`;
    const answer = await registry().client.send('POST', target, { body: bytes });
    expect(answer.status).toBe(201);
    expect(header(answer, 'Location')).toBe(`/v2/${repository}/blobs/${digest}`);
    expect(header(answer, 'Docker-Content-Digest')).toBe(digest);
    expect(await pull(digest)).toEqual(bytes);
  });

  test('end-6: a chunked PUT of several blocks', async () => {
    const { client } = registry();
    const bytes = fresh(20_000_000);
    const digest = digestOf(bytes);
    const location = await client.startUpload(repository);
    const body = inPieces(bytes, 100_000);
    const put = await client.send('PUT', withDigest(location, digest), { body });
    expect(put.status).toBe(201);
    expect((await pull(digest)).equals(bytes)).toBe(true);
  });

  test('a digest whose colon is percent-encoded is the same digest', async () => {
    const bytes = fresh();
    const digest = digestOf(bytes);
    const target = `/v2/${repository}/blobs/uploads/?digest=${digest.replace(':', '%3A')}`;
    expect((await registry().client.send('POST', target, { body: bytes })).status).toBe(201);
    expect(await pull(digest)).toEqual(bytes);
  });
});

describe('in parts', () => {
  test('end-5, end-6: one streamed PATCH, then an empty PUT', async () => {
    const { client } = registry();
    const bytes = fresh(300_000);
    const digest = digestOf(bytes);
    const location = await client.startUpload(repository);
    const patch = await client.send('PATCH', location, { body: inPieces(bytes, 7919) });
    expect(patch.status).toBe(202);
    expect(header(patch, 'Range')).toBe('0-299999');

    const put = await client.send('PUT', withDigest(header(patch, 'Location'), digest));
    expect(put.status).toBe(201);
    expect(await pull(digest)).toEqual(bytes);
  });

  test('end-5: chunks with their Content-Range, the last with the PUT', async () => {
    const { client } = registry();
    const bytes = fresh(250_000);
    const digest = digestOf(bytes);
    let location = await client.startUpload(repository);
    for (const first of [0, 100_000]) {
      const patch = await client.send('PATCH', location, {
        headers: { 'Content-Range': `${first}-${first + 99_999}` },
        body: bytes.subarray(first, first + 100_000),
      });
      expect(patch.status).toBe(202);
      expect(header(patch, 'Range')).toBe(`0-${first + 99_999}`);
      location = header(patch, 'Location');
    }
    const put = await client.send('PUT', withDigest(location, digest), {
      headers: { 'Content-Range': '200000-249999' },
      body: bytes.subarray(200_000),
    });
    expect(put.status).toBe(201);
    expect(await pull(digest)).toEqual(bytes);
  });

  test('end-5: two streamed PATCHes without a range follow one another', async () => {
    const { client } = registry();
    const bytes = fresh(100_000);
    const digest = digestOf(bytes);
    const location = await client.startUpload(repository);
    await client.send('PATCH', location, { body: inPieces(bytes.subarray(0, 60_000), 10_000) });
    const second = await client.send('PATCH', location, {
      body: inPieces(bytes.subarray(60_000), 10_000),
    });
    expect(header(second, 'Range')).toBe('0-99999');
    expect((await client.send('PUT', withDigest(location, digest))).status).toBe(201);
    expect(await pull(digest)).toEqual(bytes);
  });

  test('end-13: GET tells how far an upload is, and that it is gone once it ended', async () => {
    const { client } = registry();
    const bytes = fresh();
    const location = await client.startUpload(repository);
    const before = await client.send('GET', location);
    expect(before.status).toBe(204);
    expect(header(before, 'Range')).toBe('0-0');

    await client.send('PATCH', location, { body: bytes });
    const after = await client.send('GET', location);
    expect(after.status).toBe(204);
    expect(header(after, 'Location')).toBe(location);
    expect(header(after, 'Range')).toBe('0-999');

    await client.send('PUT', withDigest(location, digestOf(bytes)));
    expectProblem(await client.send('GET', location), 404, 'BLOB_UPLOAD_UNKNOWN');
  });

  test('end-14: DELETE ends an upload and leaves nothing', async () => {
    const { client } = registry();
    const bytes = fresh();
    const location = await client.startUpload(repository);
    await client.send('PATCH', location, { body: bytes });
    expect((await client.send('DELETE', location)).status).toBe(204);

    expectProblem(await client.send('GET', location), 404, 'BLOB_UPLOAD_UNKNOWN');
    expectProblem(await client.send('DELETE', location), 404, 'BLOB_UPLOAD_UNKNOWN');
    const patch = await client.send('PATCH', location, { body: bytes });
    expectProblem(patch, 404, 'BLOB_UPLOAD_UNKNOWN');
    const put = await client.send('PUT', withDigest(location, digestOf(bytes)));
    expectProblem(put, 404, 'BLOB_UPLOAD_UNKNOWN');
    await expectAbsent(digestOf(bytes));
  });
});

describe('out of order', () => {
  test.each(['PATCH', 'PUT'])(
    'end-5, end-6: a %s that does not begin where the upload ends is 416, and GET says where',
    async (method) => {
      const { client } = registry();
      const bytes = fresh(3000);
      const digest = digestOf(bytes);
      const location = await client.startUpload(repository);
      await client.send('PATCH', location, {
        headers: { 'Content-Range': '0-999' },
        body: bytes.subarray(0, 1000),
      });
      for (const first of [2000, 0]) {
        const target = method === 'PUT' ? withDigest(location, digest) : location;
        const wrong = await client.send(method, target, {
          headers: { 'Content-Range': `${first}-${first + 999}` },
          body: bytes.subarray(first, first + 1000),
        });
        expectProblem(wrong, 416, 'BLOB_UPLOAD_INVALID');
        const status = await client.send('GET', location);
        expect(status.status).toBe(204);
        expect(header(status, 'Location')).toBe(location);
        expect(header(status, 'Range')).toBe('0-999');
      }
      const rest = await client.send('PUT', withDigest(location, digest), {
        headers: { 'Content-Range': '1000-2999' },
        body: bytes.subarray(1000),
      });
      expect(rest.status).toBe(201);
      expect(await pull(digest)).toEqual(bytes);
    },
  );

  test('of two PATCHes at once one wins and the other is told so', async () => {
    const { client } = registry();
    const chunks = [fresh(), fresh()];
    const location = await client.startUpload(repository);
    const answers = await Promise.all(
      chunks.map((body) =>
        client.send('PATCH', location, { headers: { 'Content-Range': '0-999' }, body }),
      ),
    );
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([202, 416]);
    const winner = chunks[answers.findIndex(({ status }) => status === 202)] ?? fresh();
    expect((await client.send('PUT', withDigest(location, digestOf(winner)))).status).toBe(201);
    expect(await pull(digestOf(winner))).toEqual(winner);
  });
});

describe('bytes that are not what was said', () => {
  test.each([
    ['one PUT', (bytes: Buffer) => ({ patch: undefined, put: bytes })],
    ['a PATCH and an empty PUT', (bytes: Buffer) => ({ patch: bytes, put: undefined })],
    [
      'a PATCH and a PUT with the rest',
      (bytes: Buffer) => ({ patch: bytes.subarray(0, 500), put: bytes.subarray(500) }),
    ],
  ])('end-6: a wrong digest after %s is refused and nothing is visible', async (_name, split) => {
    const { client } = registry();
    const bytes = fresh();
    const wrong = digestOf(fresh());
    const { patch, put } = split(bytes);
    const location = await client.startUpload(repository);
    if (patch !== undefined) await client.send('PATCH', location, { body: patch });
    const body = put === undefined ? {} : { body: put };
    const refused = await client.send('PUT', withDigest(location, wrong), body);
    expectProblem(refused, 400, 'DIGEST_INVALID');
    await expectAbsent(wrong);
    await expectAbsent(digestOf(bytes));
  });

  test('end-4b: a wrong digest with POST?digest= is refused and nothing is visible', async () => {
    const bytes = fresh();
    const wrong = digestOf(fresh());
    const target = `/v2/${repository}/blobs/uploads/?digest=${wrong}`;
    expectProblem(
      await registry().client.send('POST', target, { body: bytes }),
      400,
      'DIGEST_INVALID',
    );
    await expectAbsent(wrong);
    await expectAbsent(digestOf(bytes));
  });

  test('a staged upload whose PUT named a wrong digest can still be finished', async () => {
    const { client } = registry();
    const bytes = fresh();
    const location = await client.startUpload(repository);
    await client.send('PATCH', location, { body: bytes });
    const wrong = await client.send('PUT', withDigest(location, digestOf(fresh())));
    expectProblem(wrong, 400, 'DIGEST_INVALID');
    expect((await client.send('PUT', withDigest(location, digestOf(bytes)))).status).toBe(201);
    expect(await pull(digestOf(bytes))).toEqual(bytes);
  });

  test.each(['PATCH', 'PUT'])(
    'a %s not as long as its Content-Range is refused and does not count',
    async (method) => {
      const { client } = registry();
      const bytes = fresh();
      const location = await client.startUpload(repository);
      const target = method === 'PUT' ? withDigest(location, digestOf(bytes)) : location;
      const headers = { 'Content-Range': '0-1999' };
      expectProblem(
        await client.send(method, target, { headers, body: bytes }),
        400,
        'SIZE_INVALID',
      );
      expect(header(await client.send('GET', location), 'Range')).toBe('0-0');
      await expectAbsent(digestOf(bytes));
    },
  );

  test('wrong bytes for a blob that is already there are refused', async () => {
    const { client } = registry();
    const bytes = fresh();
    const digest = await client.pushBlob(repository, bytes);
    const location = await client.startUpload(repository);
    const refused = await client.send('PUT', withDigest(location, digest), { body: fresh() });
    expectProblem(refused, 400, 'DIGEST_INVALID');
    expect(await pull(digest)).toEqual(bytes);
  });

  test.each(['sha256:abc', 'md5:d41d8cd98f00b204e9800998ecf8427e', 'baddigeststring', ''])(
    'the digest "%s" is refused',
    async (digest) => {
      const { client } = registry();
      const location = await client.startUpload(repository);
      const put = await client.send('PUT', `${location}?digest=${digest}`, { body: fresh() });
      expectProblem(put, 400, 'DIGEST_INVALID');
      const post = `/v2/${repository}/blobs/uploads/?digest=${digest}`;
      expectProblem(await client.send('POST', post, { body: fresh() }), 400, 'DIGEST_INVALID');
    },
  );

  test('a PUT without a digest, a malformed Content-Range and an unknown upload are refused', async () => {
    const { client } = registry();
    const location = await client.startUpload(repository);
    expectProblem(await client.send('PUT', location, { body: fresh() }), 400, 'DIGEST_INVALID');
    for (const range of ['5-1', 'bytes=x-y', '-5', '0-', 'none']) {
      const headers = { 'Content-Range': range };
      const patch = await client.send('PATCH', location, { headers, body: fresh() });
      expectProblem(patch, 400, 'BLOB_UPLOAD_INVALID');
    }
    for (const id of ['0'.repeat(32), 'nonsense', '']) {
      const target = `/v2/${repository}/blobs/uploads/${id}`;
      expectProblem(await client.send('GET', target), 404, 'BLOB_UPLOAD_UNKNOWN');
      const patch = await client.send('PATCH', target, { body: fresh() });
      expectProblem(patch, 404, 'BLOB_UPLOAD_UNKNOWN');
    }
  });

  test('an upload belongs to its repository', async () => {
    const { client } = registry();
    const location = await client.startUpload(repository);
    const elsewhere = location.replace(repository, 'uploads/other');
    expectProblem(await client.send('GET', elsewhere), 404, 'BLOB_UPLOAD_UNKNOWN');
  });
});

describe('the blob of no bytes', () => {
  const digest = digestOf('');

  test.each([
    [
      'POST?digest=',
      async (_location: string) => `/v2/zero/a/blobs/uploads/?digest=${digest}`,
      'POST',
    ],
    ['PUT', async (location: string) => withDigest(location, digest), 'PUT'],
  ] as const)('can be pushed by an empty %s', async (_name, targetOf, method) => {
    const { client } = registry();
    const target = await targetOf(await client.startUpload('zero/a'));
    const answer = await client.send(method, target);
    expect(answer.status).toBe(201);
    const got = await client.send('GET', `/v2/zero/a/blobs/${digest}`);
    expect(got).toMatchObject({ status: 200, body: Buffer.alloc(0) });
    expect(header(got, 'Content-Length')).toBe('0');
    expect(header(got, 'Docker-Content-Digest')).toBe(digest);
    const head = await client.send('HEAD', `/v2/zero/a/blobs/${digest}`);
    expect(header(head, 'Content-Length')).toBe('0');
  });

  test('can be pushed by an empty streamed PATCH and a PUT', async () => {
    const { client } = registry();
    const location = await client.startUpload('zero/b');
    const patch = await client.send('PATCH', location, { body: inPieces(Buffer.alloc(0), 1) });
    expect(patch.status).toBe(202);
    expect((await client.send('PUT', withDigest(location, digest))).status).toBe(201);
    expect((await client.send('HEAD', `/v2/zero/b/blobs/${digest}`)).status).toBe(200);
  });

  test('can be pushed by an empty chunked PUT', async () => {
    const { client } = registry();
    const location = await client.startUpload('zero/c');
    const body = inPieces(Buffer.alloc(0), 1);
    expect((await client.send('PUT', withDigest(location, digest), { body })).status).toBe(201);
    expect((await client.send('HEAD', `/v2/zero/c/blobs/${digest}`)).status).toBe(200);
  });
});

describe('algorithms', () => {
  test('sha512, in one request and in parts', async () => {
    const { client } = registry();
    const [whole, parts] = [fresh(), fresh()];
    const target = `/v2/${repository}/blobs/uploads/?digest=${digestOf(whole, 'sha512')}`;
    expect((await client.send('POST', target, { body: whole })).status).toBe(201);
    expect(await pull(digestOf(whole, 'sha512'))).toEqual(whole);

    const location = await client.startUpload(repository);
    await client.send('PATCH', location, { body: parts });
    const digest = digestOf(parts, 'sha512');
    expect((await client.send('PUT', withDigest(location, digest))).status).toBe(201);
    expect(await pull(digest)).toEqual(parts);
    await expectAbsent(digestOf(parts));
  });

  test('end-4c: digest-algorithm announces sha512, and another digest still holds', async () => {
    const { client } = registry();
    for (const algorithm of ['sha512', 'sha256']) {
      const bytes = fresh();
      const location = await client.startUpload(repository, '?digest-algorithm=sha512');
      await client.send('PATCH', location, { body: inPieces(bytes, 300) });
      const digest = digestOf(bytes, algorithm);
      expect((await client.send('PUT', withDigest(location, digest))).status).toBe(201);
      expect(await pull(digest)).toEqual(bytes);
    }
  });

  test('end-4c: an unknown digest-algorithm is refused', async () => {
    const target = `/v2/${repository}/blobs/uploads/?digest-algorithm=md5`;
    expectProblem(await registry().client.send('POST', target), 400, 'DIGEST_INVALID');
  });
});

describe('again, and broken off', () => {
  test('a final PUT may be repeated, with its body and without', async () => {
    const { client } = registry();
    const [first, second] = [fresh(), fresh()];
    const whole = withDigest(await client.startUpload(repository), digestOf(first));
    for (let time = 0; time < 2; time++) {
      expect((await client.send('PUT', whole, { body: first })).status).toBe(201);
    }
    const location = await client.startUpload(repository);
    await client.send('PATCH', location, { body: second });
    for (let time = 0; time < 2; time++) {
      const put = await client.send('PUT', withDigest(location, digestOf(second)));
      expect(put.status).toBe(201);
    }
  });

  test('an upload finished under a wrong digest does not take more bytes and then the first ones’ digest', async () => {
    const { client } = registry();
    const [first, second, third] = [fresh(), fresh(), fresh()];
    const both = Buffer.concat([first, second]);
    const location = await client.startUpload(repository);
    await client.send('PATCH', location, { body: first });
    await client.send('PATCH', location, { body: second });
    const wrong = await client.send('PUT', withDigest(location, digestOf(third)));
    expectProblem(wrong, 400, 'DIGEST_INVALID');
    await client.send('PATCH', location, { body: third });
    const put = await client.send('PUT', withDigest(location, digestOf(both)));
    expectProblem(put, 400, 'BLOB_UPLOAD_INVALID');
    const head = await client.send('HEAD', `/v2/${repository}/blobs/${digestOf(both)}`);
    expect(head.status).toBe(404);
  });

  test('a final PUT of a blob that was there already may be repeated too', async () => {
    const { client } = registry();
    const bytes = fresh();
    const digest = await client.pushBlob(repository, bytes);
    const whole = withDigest(await client.startUpload(repository), digest);
    for (let time = 0; time < 2; time++) {
      expect((await client.send('PUT', whole, { body: bytes })).status).toBe(201);
    }
    const location = await client.startUpload(repository);
    await client.send('PATCH', location, { body: bytes });
    for (let time = 0; time < 2; time++) {
      expect((await client.send('PUT', withDigest(location, digest))).status).toBe(201);
    }
  });

  test('another digest is no repetition of a finished upload', async () => {
    const { client } = registry();
    const there = await client.pushBlob(repository, fresh());
    const bytes = fresh();
    const location = await client.startUpload(repository);
    await client.send('PUT', withDigest(location, digestOf(bytes)), { body: bytes });
    const other = await client.send('PUT', withDigest(location, there));
    expectProblem(other, 404, 'BLOB_UPLOAD_UNKNOWN');
  });

  test('twenty pushers of one blob at once all succeed', async () => {
    const { client } = registry();
    const bytes = fresh(5000);
    const digests = await Promise.all(
      Array.from({ length: 20 }, () => client.pushBlob('uploads/shared', bytes)),
    );
    expect(new Set(digests).size).toBe(1);
    const got = await client.send('GET', `/v2/uploads/shared/blobs/${digests[0]}`);
    expect(got.body).toEqual(bytes);
  });

  test('a client that disconnects in the middle of a layer leaves the upload as it was', async () => {
    const { client, lighter } = registry();
    const bytes = fresh(12_000_000);
    const digest = digestOf(bytes);
    for (const method of ['PATCH', 'PUT']) {
      const location = await client.startUpload('uploads/broken');
      const target = method === 'PUT' ? withDigest(location, digest) : location;
      await sendAndDisconnect(lighter.url + target, method, bytes.subarray(0, 9_000_000));
      const status = await client.send('GET', location);
      expect(status.status).toBe(204);
      expect(header(status, 'Range')).toBe('0-0');
      const head = await client.send('HEAD', `/v2/uploads/broken/blobs/${digest}`);
      expect(head.status).toBe(404);
    }
    const location = await client.startUpload('uploads/broken');
    await sendAndDisconnect(lighter.url + location, 'PATCH', bytes.subarray(0, 9_000_000));
    const again = await client.send('PATCH', location, { body: inPieces(bytes, 1_000_000) });
    expect(again.status).toBe(202);
    expect((await client.send('PUT', withDigest(location, digest))).status).toBe(201);
    const got = await client.send('GET', `/v2/uploads/broken/blobs/${digest}`);
    const storage = await client.send('GET', header(got, 'Location'));
    expect(storage.body.equals(bytes)).toBe(true);
  });
});

/**
 * Sends the beginning of a chunked body, waits until it is on its way, and breaks the connection.
 */
async function sendAndDisconnect(url: string, method: string, bytes: Uint8Array): Promise<void> {
  const request = http.request(url, {
    method,
    headers: { Authorization: admin, 'Transfer-Encoding': 'chunked' },
  });
  const closed = new Promise((resolve) => request.once('error', resolve).once('close', resolve));
  await new Promise<void>((resolve) => void request.write(bytes, () => resolve()));
  request.destroy();
  await closed;
}
