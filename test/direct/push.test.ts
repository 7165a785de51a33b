import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { digestOf, expectProblem, header, image, descriptor, types } from '../http/client.ts';
import { registryOfFile } from '../http/registry.ts';
import { clientOf, DirectClient, imageOf, putBlock } from './direct-client.ts';

const registry = registryOfFile();
let repositories = 0;

/** A push under a token of its own, into a repository of its own unless given one. */
async function pusher(
  repository = `direct/r${repositories++}`,
  subject = 'pusher',
): Promise<DirectClient> {
  return new DirectClient(await clientOf(registry(), subject, repository), repository);
}

describe('a push straight to storage', () => {
  it('is published by its manifest, and pulls back byte for byte', async () => {
    const push = await pusher();
    const [config, layer] = [randomBytes(300), randomBytes(3_000_000)];
    await push.put(config);
    await push.put(layer);
    const answer = await push.putManifest('v1', imageOf(config, [layer]));
    expect(answer.status, answer.body.toString()).toBe(201);
    expect((await push.get(digestOf(layer))).equals(layer)).toBe(true);
    expect((await push.get(digestOf(config))).equals(config)).toBe(true);
  });

  it('sends nobody to storage who would not find back, nor who may not push', async () => {
    const push = await pusher();
    for (const userAgent of ['containerd/1.6.20~ds1', 'skopeo/1.9.3', 'crane/v0.22.1']) {
      const answer = await push.post({ 'User-Agent': userAgent });
      expect(header(answer, 'Location')).toMatch(/^\/v2\/direct\//);
    }
    const reader = await clientOf(registry(), 'reader', push.repository, ['pull']);
    const refused = await new DirectClient(reader, push.repository).post();
    expect(refused.status).toBe(401);
  });

  it('lets the hash decide among layers of one size, whatever the order', async () => {
    const push = await pusher();
    const layers = Array.from({ length: 6 }, () => randomBytes(2000));
    const config = randomBytes(2000);
    for (const bytes of [...layers.toReversed(), config]) await push.put(bytes);
    const answer = await push.putManifest('v1', imageOf(config, layers));
    expect(answer.status, answer.body.toString()).toBe(201);
    for (const layer of layers) expect((await push.get(digestOf(layer))).equals(layer)).toBe(true);
  });

  it('leaves an upload that fits nothing for the manifest it is of', async () => {
    const push = await pusher();
    const [config, first, second] = [randomBytes(100), randomBytes(900), randomBytes(900)];
    for (const bytes of [config, first, second]) await push.put(bytes);
    expect((await push.putManifest('one', imageOf(config, [first]))).status).toBe(201);
    expect((await push.putManifest('two', imageOf(config, [second]))).status).toBe(201);
    expect((await push.get(digestOf(second))).equals(second)).toBe(true);
  });

  it('is found by its pusher before the manifest, by HEAD and by GET', async () => {
    const push = await pusher();
    const [first, second] = [randomBytes(100_000), randomBytes(500)];
    await push.put(first);
    await push.put(second);
    const head = await push.head(digestOf(first));
    expect([head.status, header(head, 'Content-Length')]).toEqual([200, '100000']);
    expect((await push.get(digestOf(second))).equals(second)).toBe(true);
    expect((await push.head(digestOf(randomBytes(9)))).status).toBe(404);
  });

  it('survives a token that is renewed midway', async () => {
    const push = await pusher();
    const [config, layer] = [randomBytes(100), randomBytes(1000)];
    await push.put(layer);
    const renewed = await pusher(push.repository);
    await renewed.put(config);
    expect((await renewed.putManifest('v1', imageOf(config, [layer]))).status).toBe(201);
  });

  it('names an index’s blobs, as BuildKit’s cache does, by publishing them', async () => {
    const push = await pusher();
    const layer = randomBytes(1500);
    await push.put(layer);
    const index = {
      schemaVersion: 2,
      mediaType: types.index,
      manifests: [descriptor(layer, types.layer)],
    };
    expect((await push.putManifest('cache', index)).status).toBe(201);
    const other = await pusher(push.repository, 'somebody-else');
    expect((await other.head(digestOf(layer))).status).toBe(200);
  });

  it('succeeds for twenty that push layers of one size into one repository at once', async () => {
    const repository = `direct/r${repositories++}`;
    const images = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const push = await pusher(repository);
        const [config, layer] = [randomBytes(1024), randomBytes(1024)];
        await Promise.all([push.put(config), push.put(layer)]);
        return { push, config, layer };
      }),
    );
    const statuses = await Promise.all(
      images.map(async ({ push, config, layer }, index) => {
        const answer = await push.putManifest(`t${index}`, imageOf(config, [layer]));
        return answer.status === 201 ? 201 : answer.body.toString();
      }),
    );
    expect(statuses).toEqual(Array.from({ length: 20 }, () => 201));
  }, 60_000);

  it('succeeds for twenty at once that have no token, but a user name and password', async () => {
    const repository = `direct/r${repositories++}`;
    const statuses = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const push = new DirectClient(registry().client, repository);
        const [config, layer] = [randomBytes(1024), randomBytes(1024)];
        await Promise.all([push.put(config), push.put(layer)]);
        const answer = await push.putManifest(`t${index}`, imageOf(config, [layer]));
        return answer.status === 201 ? 201 : answer.body.toString();
      }),
    );
    expect(statuses).toEqual(Array.from({ length: 20 }, () => 201));
  }, 60_000);

  it('shares a layer that two pushes bring at once', async () => {
    const repository = `direct/r${repositories++}`;
    const [config, layer] = [randomBytes(100), randomBytes(200_000)];
    const statuses = await Promise.all(
      ['a', 'b', 'c', 'd'].map(async (tag) => {
        const push = await pusher(repository);
        await Promise.all([push.put(config), push.put(layer)]);
        return (await push.putManifest(tag, imageOf(config, [layer]))).status;
      }),
    );
    expect(statuses).toEqual([201, 201, 201, 201]);
    expect((await (await pusher(repository)).get(digestOf(layer))).equals(layer)).toBe(true);
  });

  it('takes the same manifest twice at once, of one push (A37)', async () => {
    const push = await pusher();
    const [config, layer] = [randomBytes(100), randomBytes(5_000_000)];
    await Promise.all([push.put(config), push.put(layer)]);
    const manifest = imageOf(config, [layer]);
    const answers = await Promise.all([1, 2, 3].map(() => push.putManifest('v1', manifest)));
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
  });
});

describe('the empty blob, which storage takes no block of,', () => {
  const empty = digestOf('');

  it('is there for who may push and needs not be sent, and comes with the manifest', async () => {
    const push = await pusher();
    const config = randomBytes(100);
    await push.put(config);
    const head = await push.head(empty);
    expect([head.status, header(head, 'Content-Length')]).toEqual([200, '0']);
    const manifest = imageOf(config, [Buffer.alloc(0), Buffer.alloc(0)]);
    expect((await push.putManifest('v1', manifest)).status).toBe(201);
    expect((await push.get(empty)).length).toBe(0);
  });

  it('is a blob like others for who may not', async () => {
    const repository = `direct/r${repositories++}`;
    const reader = await clientOf(registry(), 'reader', repository, ['pull']);
    expect((await new DirectClient(reader, repository).head(empty)).status).toBe(404);
  });
});

describe('nothing is published, and the error names the layer, of bytes that', () => {
  const config = randomBytes(100);

  async function refusedAfter(put: (push: DirectClient, layer: Buffer) => Promise<unknown>) {
    const push = await pusher();
    const layer = randomBytes(3000);
    await push.put(config);
    await put(push, layer);
    const answer = await push.putManifest('v1', imageOf(config, [layer]));
    const { detail } = expectProblem(answer, 404, 'MANIFEST_BLOB_UNKNOWN');
    expect(detail).toEqual([{ digest: digestOf(layer) }]);
    expect((await push.head(digestOf(layer))).status).toBe(404);
    expect((await push.client.send('GET', `/v2/${push.repository}/manifests/v1`)).status).toBe(404);
  }

  it('have another digest', () => refusedAfter((push) => push.put(randomBytes(3000))));
  it('were never sent', () => refusedAfter((push) => push.start()));
  it('are too short', () => refusedAfter((push, layer) => push.put(layer.subarray(1))));
  it('are too long', () =>
    refusedAfter((push, layer) => push.put(Buffer.concat([layer, Buffer.from('x')]))));
  it('were sent twice, other ones the second time', () =>
    refusedAfter(async (push, layer) => putBlock(await push.put(layer), randomBytes(3000))));
  it('are somebody else’s', () =>
    refusedAfter(async (push, layer) => {
      await (await pusher(push.repository, 'somebody-else')).put(layer);
    }));
  it('were put into another repository', () =>
    refusedAfter(async (_, layer) => (await pusher()).put(layer)));

  it('and the same bytes sent twice are published', async () => {
    const push = await pusher();
    const layer = randomBytes(3000);
    await putBlock(await push.put(layer), layer);
    await push.put(config);
    expect((await push.putManifest('v1', imageOf(config, [layer]))).status).toBe(201);
  });

  it('and a manifest is accepted once its layer was sent again', async () => {
    const push = await pusher();
    const layer = randomBytes(3000);
    await push.put(config);
    await push.put(randomBytes(3000));
    const manifest = imageOf(config, [layer]);
    expect((await push.putManifest('v1', manifest)).status).toBe(404);
    await push.put(layer);
    expect((await push.putManifest('v1', manifest)).status).toBe(201);
  });
});

it('a layer named by sha512 is found by that digest', async () => {
  const push = await pusher();
  const [config, layer] = [randomBytes(100), randomBytes(3000)];
  await push.put(config);
  await push.put(layer);
  const digest = `sha512:${createHash('sha512').update(layer).digest('hex')}`;
  const layers = [{ mediaType: types.layer, digest, size: layer.length }];
  const manifest = image({ config: descriptor(config, types.config), layers });
  expect((await push.putManifest('v1', manifest)).status).toBe(201);
  expect((await push.get(digest)).equals(layer)).toBe(true);
});

it('the URL that writes is in no log line, and the session in no header but Location', async () => {
  const push = await pusher();
  const url = new URL(await push.start());
  await putBlock(url.href, randomBytes(10));
  await push.putManifest('v1', imageOf(randomBytes(10), [randomBytes(10)]));
  const signature = url.searchParams.get('sig') ?? '';
  expect(signature.length).toBeGreaterThan(20);
  const output = registry().lighter.output();
  expect(output).toContain('blobs/uploads');
  expect(output).not.toContain(signature);
  expect(output).not.toContain(encodeURIComponent(signature));
  expect(output).not.toContain('sig=');
  const answer = await push.post();
  const others = [...answer.headers].filter(([name]) => name !== 'location');
  expect(JSON.stringify(others)).not.toContain('sig');
  expect(header(answer, 'Cache-Control')).toBe('no-store');
});
