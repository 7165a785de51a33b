import { createHash, randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  type Answer,
  type Descriptor,
  descriptor,
  digestOf,
  expectProblem,
  header,
  image,
  index,
  json,
  types,
} from './client.ts';
import { registryOfFile } from './registry.ts';

const registry = registryOfFile({ LIGHTER_ALLOW_MISSING_BLOBS: 'sparse/*' });
const repository = 'manifests/app';
const maxManifestBytes = 4 * 1024 * 1024;

let config: Descriptor;
let layers: readonly [Descriptor, Descriptor];

beforeAll(async () => {
  const { client } = registry();
  config = await client.blob(repository, '{}', types.config);
  layers = [await client.blob(repository, 'layer 1'), await client.blob(repository, 'layer 2')];
});

/** An image nobody else pushes, of blobs that are there. */
const freshImage = (fields: object = {}) =>
  image({ config, layers, annotations: { unique: randomBytes(8).toString('hex') }, ...fields });

const targetOf = (reference: string) => `/v2/${repository}/manifests/${reference}`;

async function expectServed(
  reference: string,
  bytes: Uint8Array,
  mediaType: string,
  digest = digestOf(bytes),
): Promise<void> {
  const { client } = registry();
  const got = await client.send('GET', targetOf(reference));
  expect(got.status).toBe(200);
  expect(got.body.equals(bytes)).toBe(true);
  const head = await client.send('HEAD', targetOf(reference));
  expect(head).toMatchObject({ status: 200, body: Buffer.alloc(0) });
  for (const answer of [got, head]) {
    expect(header(answer, 'Content-Type')).toBe(mediaType);
    expect(header(answer, 'Content-Length')).toBe(String(bytes.byteLength));
    expect(header(answer, 'Docker-Content-Digest')).toBe(digest);
    expect(header(answer, 'ETag')).toBe(`"${digest}"`);
  }
}

function expectCreated(answer: Answer, digest: string): void {
  expect(answer.status, answer.body.toString()).toBe(201);
  expect(header(answer, 'Location')).toBe(targetOf(digest));
  expect(header(answer, 'Docker-Content-Digest')).toBe(digest);
}

/** Pushes bytes under a tag and under their digest, and expects them back unchanged under both. */
async function expectRoundTrip(
  bytes: Uint8Array,
  mediaType: string,
  options: { readonly contentType?: string; readonly digest?: string } = {},
): Promise<void> {
  const { client } = registry();
  const { contentType = mediaType, digest = digestOf(bytes) } = options;
  const tag = `t-${randomBytes(8).toString('hex')}`;
  for (const reference of [tag, digest]) {
    const headers = { 'Content-Type': contentType };
    expectCreated(await client.putManifest(repository, reference, bytes, headers), digest);
  }
  await expectServed(tag, bytes, mediaType, digest);
  await expectServed(digest, bytes, mediaType, digest);
}

describe('end-7, end-3: what is kept byte for byte', () => {
  test('an OCI image', () => expectRoundTrip(json(freshImage()), types.image));

  test('an OCI index, and an index of indexes', async () => {
    const { client } = registry();
    const child = json(freshImage());
    await client.putManifest(repository, digestOf(child), child);
    const inner = json(index([descriptor(child, types.image)]));
    await expectRoundTrip(inner, types.index);
    await expectRoundTrip(json(index([descriptor(inner, types.index)])), types.index);
  });

  test('an index of nothing', () => expectRoundTrip(json(index([])), types.index));

  test('an OCI artifact manifest', () => {
    const manifest = { mediaType: types.artifact, artifactType: 'application/x', blobs: layers };
    return expectRoundTrip(json(manifest), types.artifact);
  });

  test('an OCI image without layers, with an artifactType and the empty config', async () => {
    const empty = await registry().client.blob(
      repository,
      '{}',
      'application/vnd.oci.empty.v1+json',
    );
    const manifest = freshImage({ config: empty, layers: [], artifactType: 'application/x' });
    await expectRoundTrip(json(manifest), types.image);
  });

  test('a Docker image and a Docker list', async () => {
    const manifest = { schemaVersion: 2, mediaType: types.dockerImage, config, layers };
    await expectRoundTrip(json(manifest), types.dockerImage);
    const list = {
      schemaVersion: 2,
      mediaType: types.dockerList,
      manifests: [{ ...descriptor(json(manifest), types.dockerImage), platform: { os: 'linux' } }],
    };
    await expectRoundTrip(json(list), types.dockerList);
  });

  test.each([
    ['the Content-Type', types.image, freshImage],
    ['its shape, for an image', 'application/octet-stream', freshImage],
    ['its shape, for an index', 'application/json', () => index([])],
  ])('a manifest without mediaType, known by %s', async (_name, contentType, make) => {
    const { mediaType, ...rest } = Object.assign({ mediaType: '' }, make());
    await expectRoundTrip(json(rest), mediaType, { contentType });
  });

  test('whitespace, order, unknown fields and text beyond ASCII', async () => {
    const text = `{
      "äöü": ["\\u00e4", 1.50, null, {"a": 1, "a": 2}],
      "layers" : [], "config":${JSON.stringify(config)},
      "mediaType": "${types.image}",   "schemaVersion":2, "mine": "${randomBytes(8).toString('hex')}"
    }\n\n`;
    await expectRoundTrip(Buffer.from(text), types.image);
  });

  test('a Content-Type with parameters, in any case', () =>
    expectRoundTrip(json(freshImage()), types.image, {
      contentType: `${types.image.toUpperCase()}; charset=utf-8`,
    }));

  test('whatever the client accepts', async () => {
    const { client } = registry();
    const manifest = json(freshImage());
    await client.putManifest(repository, 'accept', manifest);
    const headers = { Accept: types.dockerImage };
    const got = await client.send('GET', targetOf('accept'), { headers });
    expect(got.status).toBe(200);
    expect(got.body.equals(manifest)).toBe(true);
  });
});

describe('Docker schema 1', () => {
  /** An unsigned manifest as Docker formats it, three spaces deep. */
  const unsigned = () => ({
    schemaVersion: 1,
    name: repository,
    tag: randomBytes(8).toString('hex'),
    architecture: 'amd64',
    fsLayers: layers.map(({ digest }) => ({ blobSum: digest })),
    history: [{ v1Compatibility: '{"id":"a"}' }, { v1Compatibility: '{"id":"b"}' }],
  });

  /** Signs as libtrust does: the signatures stand before the end of the payload they are of. */
  function sign(payload: string): string {
    const tail = '\n}';
    const body = payload.slice(0, -tail.length);
    const base64url = (text: string) => Buffer.from(text).toString('base64url');
    const header64 = base64url(
      JSON.stringify({ formatLength: body.length, formatTail: base64url(tail), time: 'now' }),
    );
    const signature = { header: { alg: 'ES256' }, signature: 'c2ln', protected: header64 };
    return `${body},\n   "signatures": ${JSON.stringify([signature])}${tail}`;
  }

  test('unsigned: its digest is that of its bytes', () =>
    expectRoundTrip(json(unsigned()), types.schema1));

  test.each([types.schema1Signed, types.schema1])(
    'signed: served as sent, its digest is that of the payload (%s)',
    async (mediaType) => {
      const payload = JSON.stringify(unsigned(), null, 3);
      const signed = Buffer.from(sign(payload));
      expect(JSON.parse(signed.toString())).toHaveProperty('signatures');
      await expectRoundTrip(signed, mediaType, { digest: digestOf(payload) });
    },
  );

  test('signed: the digest of all its bytes is not its digest', async () => {
    const signed = Buffer.from(sign(JSON.stringify(unsigned(), null, 3)));
    const headers = { 'Content-Type': types.schema1Signed };
    const answer = await registry().client.putManifest(
      repository,
      digestOf(signed),
      signed,
      headers,
    );
    expectProblem(answer, 400, 'DIGEST_INVALID');
  });

  test('signed: pushed again with other signatures, what is stored stands', async () => {
    const { client } = registry();
    const payload = JSON.stringify(unsigned(), null, 3);
    const digest = digestOf(payload);
    const headers = { 'Content-Type': types.schema1Signed };
    const first = Buffer.from(sign(payload));
    const second = Buffer.from(sign(payload).replace('c2ln', 'b3RoZXI'));
    for (const bytes of [first, second]) {
      for (const reference of [digest, 'signed']) {
        expectCreated(await client.putManifest(repository, reference, bytes, headers), digest);
        await expectServed(reference, first, types.schema1Signed, digest);
      }
    }
  });

  test('signed: what stands outside the payload is not believed', async () => {
    const missing = digestOf('missing');
    const payload = JSON.stringify({ ...unsigned(), fsLayers: [{ blobSum: missing }] }, null, 3);
    const present = JSON.stringify([{ blobSum: layers[0].digest }]);
    const signed = sign(payload).replace(/\n\}$/, `,"fsLayers":${present}\n}`);
    expect(JSON.parse(signed)).toMatchObject({ fsLayers: [{ blobSum: layers[0].digest }] });
    const headers = { 'Content-Type': types.schema1Signed };
    const answer = await registry().client.putManifest(
      repository,
      digestOf(payload),
      Buffer.from(signed),
      headers,
    );
    const { detail } = expectProblem(answer, 404, 'MANIFEST_BLOB_UNKNOWN');
    expect(detail).toEqual([{ digest: missing }]);
  });

  test('a layer that is missing is named', async () => {
    const missing = digestOf('missing');
    const manifest = { ...unsigned(), fsLayers: [{ blobSum: missing }] };
    const headers = { 'Content-Type': types.schema1 };
    const answer = await registry().client.putManifest(repository, 'v1', json(manifest), headers);
    const { detail } = expectProblem(answer, 404, 'MANIFEST_BLOB_UNKNOWN');
    expect(detail).toEqual([{ digest: missing }]);
  });
});

describe('children', () => {
  test('every missing blob is named, each once', async () => {
    const { client } = registry();
    const missing = ['a', 'b', 'c'].map((text) => descriptor(`missing ${text}`, types.layer));
    const manifest = image({
      config: missing[0],
      layers: [layers[0], missing[1], missing[2], missing[1]],
    });
    const answer = await client.putManifest(repository, 'missing', manifest);
    const { detail } = expectProblem(answer, 404, 'MANIFEST_BLOB_UNKNOWN');
    expect(detail).toEqual(missing.map(({ digest }) => ({ digest })));
    expectProblem(await client.send('GET', targetOf('missing')), 404, 'MANIFEST_UNKNOWN');
    const byDigest = targetOf(digestOf(json(manifest)));
    expectProblem(await client.send('GET', byDigest), 404, 'MANIFEST_UNKNOWN');
  });

  test('a manifest that was refused is accepted once its blobs are there', async () => {
    const { client } = registry();
    for (const count of [1, 130]) {
      const texts = Array.from({ length: count }, (_, number) => `late ${count} ${number}`);
      const manifest = image({
        config,
        layers: texts.map((text) => descriptor(text, types.layer)),
      });
      await client.pushBlob(repository, texts[0] ?? '');
      const last = texts.at(-1) ?? '';
      await Promise.all(texts.slice(1, -1).map((text) => client.pushBlob(repository, text)));
      if (count > 1) {
        const refused = await client.putManifest(repository, 'late', manifest);
        const { detail } = expectProblem(refused, 404, 'MANIFEST_BLOB_UNKNOWN');
        expect(detail).toEqual([{ digest: digestOf(last) }]);
        const pending = await client.send('GET', targetOf(digestOf(json(manifest))));
        expectProblem(pending, 404, 'MANIFEST_UNKNOWN');
      }
      await client.pushBlob(repository, last);
      expect((await client.putManifest(repository, 'late', manifest)).status).toBe(201);
      await expectServed('late', json(manifest), types.image);
    }
  });

  test('the same layer twice, and a layer that is also the config', async () => {
    const manifest = freshImage({ layers: [layers[0], layers[0], config, layers[1], layers[0]] });
    await expectRoundTrip(json(manifest), types.image);
  });

  test('as many layers as fit one transaction, one more, and so on to 150', async () => {
    const { client } = registry();
    const texts = Array.from({ length: 150 }, (_, number) => `layer ${number}`);
    const all = await Promise.all(texts.map((text) => client.blob('manifests/many', text)));
    const mine = await client.blob('manifests/many', '{}', types.config);
    for (const count of [45, 46, 47, 48, 49, 96, 97, 127, 150]) {
      const many = all.slice(0, count);
      const manifest = json(image({ config: mine, layers: many }));
      const reference = `${digestOf(manifest)}?tag=a${count}&tag=b${count}`;
      const answer = await client.putManifest('manifests/many', reference, manifest);
      expect(answer.status, answer.body.toString()).toBe(201);
      const got = await client.send('GET', `/v2/manifests/many/manifests/b${count}`);
      expect(got.body.equals(manifest)).toBe(true);
      const last = `/v2/manifests/many/blobs/${many.at(-1)?.digest}`;
      expectProblem(await client.send('DELETE', last), 405, 'UNSUPPORTED');
    }
  });

  test('a sparse index: children that are not there are let be, with others that are', async () => {
    const { client } = registry();
    const child = json(freshImage());
    await client.putManifest(repository, digestOf(child), child);
    const absent = descriptor(json(freshImage()), types.image);
    await expectRoundTrip(json(index([absent, descriptor(child, types.image)])), types.index);
    expectProblem(await client.send('GET', targetOf(absent.digest)), 404, 'MANIFEST_UNKNOWN');
  });

  test('an index whose children are blobs, as the cache of BuildKit is', async () => {
    const { client } = registry();
    const cacheConfig = await client.blob(
      repository,
      'cache config',
      'application/vnd.buildkit.cacheconfig.v0',
    );
    const manifest = index([...layers, cacheConfig]);
    await expectRoundTrip(json(manifest), types.index);
    const refused = await client.send('DELETE', `/v2/${repository}/blobs/${cacheConfig.digest}`);
    expectProblem(refused, 405, 'UNSUPPORTED');
  });

  test.each([
    'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
    'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
  ])('a layer of type %s need not be there', async (mediaType) => {
    const foreign = { ...descriptor('elsewhere', mediaType), urls: ['https://example.com/'] };
    await expectRoundTrip(json(freshImage({ layers: [layers[0], foreign] })), types.image);
  });

  test('missing blobs are allowed where the setting says so, and nowhere else', async () => {
    const { client } = registry();
    const manifest = image({
      config: descriptor('absent config', types.config),
      layers: [descriptor('absent layer', types.layer)],
    });
    expect((await client.putManifest('sparse/app', 'latest', manifest)).status).toBe(201);
    const got = await client.send('GET', '/v2/sparse/app/manifests/latest');
    expect(got.body.equals(json(manifest))).toBe(true);
    const elsewhere = await client.putManifest('sparse', 'latest', manifest);
    expectProblem(elsewhere, 404, 'MANIFEST_BLOB_UNKNOWN');
  });

  test('a blob that comes after the manifest that names it is kept by it', async () => {
    const { client } = registry();
    const manifest = image({ config: descriptor('late config', types.config), layers: [] });
    await client.putManifest('sparse/late', 'latest', manifest);
    const digest = await client.pushBlob('sparse/late', 'late config');
    const refused = await client.send('DELETE', `/v2/sparse/late/blobs/${digest}`);
    expectProblem(refused, 405, 'UNSUPPORTED');
  });

  test('of thousands of missing blobs the first thousand are named', async () => {
    const missing = Array.from({ length: 15_000 }, (_, number) =>
      descriptor(`missing ${number}`, types.layer),
    );
    const answer = await registry().client.putManifest(
      repository,
      'wide',
      image({ layers: missing }),
    );
    const { detail } = expectProblem(answer, 404, 'MANIFEST_BLOB_UNKNOWN');
    expect(detail).toEqual(missing.slice(0, 1000).map(({ digest }) => ({ digest })));
  });

  test('an index of a thousand absent children is answered', async () => {
    const absent = Array.from({ length: 1000 }, (_, number) =>
      descriptor(`absent ${number}`, types.image),
    );
    const answer = await registry().client.putManifest(repository, 'wide', index(absent));
    expect(answer.status, answer.body.toString()).toBe(201);
  });
});

describe('sizes', () => {
  /** An image of exactly so many bytes. */
  function imageOfBytes(sizeBytes: number): Buffer {
    const without = json(freshImage({ padding: '' })).byteLength;
    return json(freshImage({ padding: 'x'.repeat(sizeBytes - without) }));
  }

  test.each([60 * 1024, 60 * 1024 + 1, 100_000, maxManifestBytes])(
    'a manifest of %i bytes is accepted',
    (sizeBytes) => {
      const bytes = imageOfBytes(sizeBytes);
      expect(bytes.byteLength).toBe(sizeBytes);
      return expectRoundTrip(bytes, types.image);
    },
  );

  test('one byte above 4 MiB is refused, with a Content-Length and chunked', async () => {
    const { client } = registry();
    const bytes = imageOfBytes(maxManifestBytes + 1);
    expectProblem(await client.putManifest(repository, 'huge', bytes), 413, 'MANIFEST_INVALID');
    const chunked = await client.send('PUT', targetOf('huge'), {
      headers: { 'Content-Type': types.image },
      body: ReadableStream.from([bytes]),
    });
    expectProblem(chunked, 413, 'MANIFEST_INVALID');
    expectProblem(await client.send('GET', targetOf('huge')), 404, 'MANIFEST_UNKNOWN');
  });
});

describe('what is refused', () => {
  test.each([
    ['nothing', ''],
    ['no JSON', 'not json'],
    ['a broken JSON', '{"schemaVersion":2'],
    ['an array', '[]'],
    ['null', 'null'],
    ['a string', '"manifest"'],
    ['bytes that are no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['layers that are no array', '{"layers":{}}'],
    ['a layer that is no object', '{"layers":[1]}'],
    ['a layer without a digest', '{"layers":[{}]}'],
    ['a layer with a malformed digest', '{"layers":[{"digest":"sha256:abc"}]}'],
    ['a layer with a negative size', `{"layers":[{"digest":"${digestOf('')}","size":-1}]}`],
    ['a layer with a size that is text', `{"layers":[{"digest":"${digestOf('')}","size":"1"}]}`],
    ['a config that is no object', '{"config":1}'],
    ['a subject without a digest', '{"layers":[],"subject":{}}'],
    ['a media type that is no text', '{"mediaType":1}'],
    ['a media type that is no manifest', '{"mediaType":"text/plain"}'],
    ['an artifactType that is no text', '{"layers":[],"artifactType":{}}'],
  ])('%s', async (_name, body) => {
    const bytes = Buffer.from(body);
    const answer = await registry().client.putManifest(repository, 'bad', bytes);
    expectProblem(answer, 400, 'MANIFEST_INVALID');
  });

  test("a Content-Type that is not the manifest's own", async () => {
    const headers = { 'Content-Type': types.index };
    const answer = await registry().client.putManifest(repository, 'bad', freshImage(), headers);
    expectProblem(answer, 400, 'MANIFEST_INVALID');
  });

  test('neither a Content-Type nor anything that says what it is', async () => {
    const headers = { 'Content-Type': 'application/json' };
    const bytes = Buffer.from('{}');
    const answer = await registry().client.putManifest(repository, 'bad', bytes, headers);
    expectProblem(answer, 400, 'MANIFEST_INVALID');
  });

  test("a digest that is not the manifest's", async () => {
    const { client } = registry();
    const digest = digestOf('another');
    const answer = await client.putManifest(repository, digest, freshImage());
    expectProblem(answer, 400, 'DIGEST_INVALID');
    expectProblem(await client.send('GET', targetOf(digest)), 404, 'MANIFEST_UNKNOWN');
  });

  test.each([
    ['sha256:abc', 'DIGEST_INVALID'],
    ['sha256:' + 'A'.repeat(64), 'DIGEST_INVALID'],
    ['md5:d41d8cd98f00b204e9800998ecf8427e', 'DIGEST_INVALID'],
    ['.hidden', 'MANIFEST_INVALID'],
    ['-dash', 'MANIFEST_INVALID'],
    ['a'.repeat(129), 'MANIFEST_INVALID'],
    ['white%20space', 'MANIFEST_INVALID'],
    ['%C3%A4', 'MANIFEST_INVALID'],
  ])('the reference %s', async (reference, code) => {
    const { client } = registry();
    expectProblem(await client.putManifest(repository, reference, freshImage()), 400, code);
    expectProblem(await client.send('GET', targetOf(reference)), 400, code);
    expectProblem(await client.send('DELETE', targetOf(reference)), 400, code);
    expect((await client.send('HEAD', targetOf(reference))).status).toBe(400);
  });

  test('the same bytes under another media type', async () => {
    const { client } = registry();
    const { mediaType: _, ...rest } = Object.assign({ mediaType: '' }, freshImage());
    expect((await client.putManifest(repository, 'twice', json(rest))).status).toBe(201);
    const headers = { 'Content-Type': types.dockerImage };
    const answer = await client.putManifest(repository, 'twice', json(rest), headers);
    expectProblem(answer, 400, 'MANIFEST_INVALID');
  });
});

describe('sha512', () => {
  test('end-7: by its digest', () => {
    const bytes = json(freshImage());
    const digest = digestOf(bytes, 'sha512');
    return registry()
      .client.putManifest(repository, digest, bytes)
      .then((answer) => expectCreated(answer, digest))
      .then(() => expectServed(digest, bytes, types.image, digest));
  });

  test('end-7: by tag with digest-algorithm, and of children of both algorithms', async () => {
    const { client } = registry();
    const bytes = randomBytes(50);
    const digest = digestOf(bytes, 'sha512');
    const upload = `/v2/${repository}/blobs/uploads/?digest=${digest}`;
    await client.send('POST', upload, { body: bytes });
    const layer = { mediaType: types.layer, digest, size: bytes.byteLength };
    const manifest = json(freshImage({ layers: [layer, layers[0]] }));
    const answer = await client.putManifest(repository, 'long?digest-algorithm=sha512', manifest);
    expectCreated(answer, digestOf(manifest, 'sha512'));
    await expectServed('long', manifest, types.image, digestOf(manifest, 'sha512'));
    const bad = await client.putManifest(repository, 'long?digest-algorithm=md5', manifest);
    expectProblem(bad, 400, 'DIGEST_INVALID');
  });
});

describe('end-7b: several tags at once', () => {
  test.each([1, 2, 20, 21, 45])('%i tags', async (count) => {
    const { client } = registry();
    const bytes = json(freshImage());
    const digest = digestOf(bytes);
    const tags = Array.from({ length: count }, (_, number) => `many${count}-${number}`);
    const query = tags.map((tag) => `tag=${tag}`).join('&');
    const answer = await client.putManifest(repository, `${digest}?${query}`, bytes);
    expectCreated(answer, digest);
    expect(header(answer, 'OCI-Tag').split(', ')).toEqual(tags);
    for (const tag of tags) {
      const head = await client.send('HEAD', targetOf(tag));
      expect(header(head, 'Docker-Content-Digest')).toBe(digest);
    }
  });

  test('a tag given twice counts once, and a malformed one refuses all', async () => {
    const { client } = registry();
    const bytes = json(freshImage());
    const answer = await client.putManifest(repository, 'x1?tag=x2&tag=x1&tag=x2', bytes);
    expect(header(answer, 'OCI-Tag')).toBe('x1, x2');
    const bad = await client.putManifest(repository, 'x3?tag=x4&tag=-', json(freshImage()));
    expectProblem(bad, 400, 'MANIFEST_INVALID');
    expectProblem(await client.send('GET', targetOf('x3')), 404, 'MANIFEST_UNKNOWN');
  });

  test('moved tags point to the new manifest and the old one keeps its digest', async () => {
    const { client } = registry();
    const [before, after] = [json(freshImage()), json(freshImage())];
    const query = `?${Array.from({ length: 30 }, (_, at) => `tag=moved-${at}`).join('&')}`;
    for (const bytes of [before, after]) {
      const digest = digestOf(bytes);
      expectCreated(await client.putManifest(repository, digest + query, bytes), digest);
    }
    await expectServed('moved-29', after, types.image);
    await expectServed(digestOf(before), before, types.image);
  });
});

describe('conditions', () => {
  const put = (tag: string, headers: Record<string, string>, manifest: object = freshImage()) =>
    registry().client.putManifest(repository, tag, manifest, headers);

  test('If-None-Match: * writes a tag that is not there, and only once', async () => {
    const manifest = freshImage();
    const digest = digestOf(json(manifest));
    expect((await put('once', { 'If-None-Match': '*' }, manifest)).status).toBe(201);
    for (const again of [manifest, freshImage()]) {
      const refused = await put('once', { 'If-None-Match': '*' }, again);
      const { detail } = expectProblem(refused, 412, 'DENIED');
      expect(detail).toEqual({ tag: 'once', digest });
    }
    await expectServed('once', json(manifest), types.image);
  });

  test('If-Match moves a tag that is as expected, and no other', async () => {
    const [first, second] = [freshImage(), freshImage()];
    const digest = digestOf(json(first));
    expectProblem(await put('moved', { 'If-Match': '*' }), 412, 'DENIED');
    expectProblem(await put('moved', { 'If-Match': `"${digest}"` }), 412, 'DENIED');
    await put('moved', {}, first);
    const answer = await put('moved', { 'If-Match': `"${digestOf('x')}", "${digest}"` }, second);
    expect(answer.status).toBe(201);
    expectProblem(await put('moved', { 'If-Match': `"${digest}"` }), 412, 'DENIED');
    await expectServed('moved', json(second), types.image);
    expect((await put('moved', { 'If-Match': '*' })).status).toBe(201);
  });

  test.each([
    { 'If-Match': 'nonsense' },
    { 'If-Match': '' },
    { 'If-None-Match': `"${digestOf('x')}"` },
    { 'If-Match': '*', 'If-None-Match': '*' },
  ])('%j cannot be kept and is refused', async (headers) => {
    expectProblem(await put('refused', headers), 400, 'UNSUPPORTED');
  });

  test('a refused condition on one of several tags leaves the others alone', async () => {
    const { client } = registry();
    await put('taken', {});
    const headers = { 'If-None-Match': '*' };
    const answer = await client.putManifest(repository, 'free?tag=taken', freshImage(), headers);
    expectProblem(answer, 412, 'DENIED');
    expectProblem(await client.send('GET', targetOf('free')), 404, 'MANIFEST_UNKNOWN');
  });

  test('of 20 writers with If-None-Match: * exactly one wins', async () => {
    const manifests = Array.from({ length: 20 }, () => freshImage());
    const answers = await Promise.all(
      manifests.map((manifest) => put('race', { 'If-None-Match': '*' }, manifest)),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(1);
    expect(statuses.filter((status) => status === 412)).toHaveLength(19);
    const winner = manifests[statuses.indexOf(201)] ?? {};
    await expectServed('race', json(winner), types.image);
  });

  test('of 20 writers with the same If-Match exactly one wins', async () => {
    const before = freshImage();
    await put('race-match', {}, before);
    const manifests = Array.from({ length: 20 }, () => freshImage());
    const headers = { 'If-Match': `"${digestOf(json(before))}"` };
    const answers = await Promise.all(
      manifests.map((manifest) => put('race-match', headers, manifest)),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(1);
    expect(statuses.filter((status) => status === 412)).toHaveLength(19);
    await expectServed('race-match', json(manifests[statuses.indexOf(201)] ?? {}), types.image);
  });

  test('20 writers without a condition all succeed, and one of them was last', async () => {
    const manifests = Array.from({ length: 20 }, () => freshImage());
    const answers = await Promise.all(manifests.map((manifest) => put('last', {}, manifest)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    const head = await registry().client.send('HEAD', targetOf('last'));
    const digests = manifests.map((manifest) => digestOf(json(manifest)));
    expect(digests).toContain(header(head, 'Docker-Content-Digest'));
  });

  test('20 pushers of the same manifest and tag all succeed', async () => {
    const manifest = freshImage();
    const answers = await Promise.all(Array.from({ length: 20 }, () => put('same', {}, manifest)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    await expectServed('same', json(manifest), types.image);
  });

  test('end-3: If-None-Match of what is there is answered 304 without a body', async () => {
    const { client } = registry();
    const manifest = freshImage();
    const digest = digestOf(json(manifest));
    await put('unchanged', {}, manifest);
    for (const reference of ['unchanged', digest]) {
      for (const tag of [`"${digest}"`, `W/"${digest}"`, `"other", "${digest}"`, '*']) {
        for (const method of ['GET', 'HEAD']) {
          const headers = { 'If-None-Match': tag };
          const answer = await client.send(method, targetOf(reference), { headers });
          expect(answer.status, `${method} ${tag}`).toBe(304);
          expect(answer.body.byteLength).toBe(0);
          expect(header(answer, 'ETag')).toBe(`"${digest}"`);
        }
      }
      const headers = { 'If-None-Match': `"${digestOf('other')}"` };
      expect((await client.send('GET', targetOf(reference), { headers })).status).toBe(200);
    }
  });
});

test('end-3: an unknown tag, digest or repository is unknown', async () => {
  const { client } = registry();
  const hex = createHash('sha256').update('unknown').digest('hex');
  for (const path of [targetOf('unknown'), targetOf(`sha256:${hex}`), '/v2/none/manifests/a']) {
    expectProblem(await client.send('GET', path), 404, 'MANIFEST_UNKNOWN');
    expect(await client.send('HEAD', path)).toMatchObject({ status: 404, body: Buffer.alloc(0) });
  }
});
