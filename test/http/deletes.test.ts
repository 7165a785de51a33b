import { describe, expect, test } from 'vitest';
import {
  digestOf,
  expectProblem,
  header,
  image,
  index,
  json,
  nextOf,
  descriptor,
  types,
} from './client.ts';
import { registryOfFile } from './registry.ts';

const registry = registryOfFile();
const repository = 'deletes/app';
const targetOf = (reference: string) => `/v2/${repository}/manifests/${reference}`;

const remove = (reference: string) => registry().client.send('DELETE', targetOf(reference));
const get = (reference: string) => registry().client.send('GET', targetOf(reference));

async function tagsLeft(prefix: string): Promise<readonly string[]> {
  const answer = await registry().client.send('GET', `/v2/${repository}/tags/list`);
  const { tags }: { tags: string[] } = JSON.parse(answer.body.toString());
  expect(nextOf(answer)).toBeUndefined();
  return tags.filter((tag) => tag.startsWith(prefix));
}

describe('end-9: DELETE of a tag', () => {
  test('takes the tag and leaves the manifest and its other tags', async () => {
    const digest = await registry().client.pushImage(repository, 'tag1?tag=tag2');
    expect((await remove('tag1')).status).toBe(202);
    expectProblem(await get('tag1'), 404, 'MANIFEST_UNKNOWN');
    expect((await get('tag2')).status).toBe(200);
    expect((await get(digest)).status).toBe(200);
    expect(await tagsLeft('tag')).toEqual(['tag2']);
    expectProblem(await remove('tag1'), 404, 'MANIFEST_UNKNOWN');
  });

  test('a tag that moved on is deleted from where it is', async () => {
    const { client } = registry();
    const first = await client.pushImage(repository, 'moving');
    const second = await client.pushImage(repository, 'moving');
    expect((await remove('moving')).status).toBe(202);
    for (const digest of [first, second]) expect((await get(digest)).status).toBe(200);
    for (const digest of [first, second]) expect((await remove(digest)).status).toBe(202);
  });
});

describe('end-9: DELETE of a manifest', () => {
  test.each([0, 1, 30, 31, 40, 100])('takes all its %i tags along', async (count) => {
    const { client } = registry();
    const tags = Array.from({ length: count }, (_, at) => `many${count}-${at}`);
    const manifest = image({ config: await client.blob(repository, '{}'), layers: [], count });
    const digest = digestOf(json(manifest));
    const query = tags.map((tag) => `tag=${tag}`).join('&');
    await client.putManifest(repository, `${digest}?${query}`, manifest);
    expect(await tagsLeft(`many${count}-`)).toHaveLength(count);

    expect((await remove(digest)).status).toBe(202);
    expectProblem(await get(digest), 404, 'MANIFEST_UNKNOWN');
    expect((await client.send('HEAD', targetOf(digest))).status).toBe(404);
    for (const tag of tags) expectProblem(await get(tag), 404, 'MANIFEST_UNKNOWN');
    expect(await tagsLeft(`many${count}-`)).toEqual([]);
    expectProblem(await remove(digest), 404, 'MANIFEST_UNKNOWN');
  });

  test('spares the tags that moved to another manifest', async () => {
    const { client } = registry();
    const first = await client.pushImage(repository, 'kept?tag=lost');
    const second = await client.pushImage(repository, 'kept');
    expect((await remove(first)).status).toBe(202);
    expect(header(await get('kept'), 'Docker-Content-Digest')).toBe(second);
    expectProblem(await get('lost'), 404, 'MANIFEST_UNKNOWN');
  });

  test.each([100, 100_000])(
    'of %i bytes can be followed by another push, time and again',
    async (padding) => {
      const { client } = registry();
      const config = await client.blob(repository, '{}');
      const manifest = image({ config, layers: [], padding: 'x'.repeat(padding) });
      const digest = digestOf(json(manifest));
      for (let round = 0; round < 3; round++) {
        const put = await client.putManifest(repository, `again${padding}`, manifest);
        expect(put.status).toBe(201);
        expect((await get(`again${padding}`)).body.equals(json(manifest))).toBe(true);
        expect((await get(digest)).status).toBe(200);
        expect((await remove(digest)).status).toBe(202);
        expectProblem(await get(`again${padding}`), 404, 'MANIFEST_UNKNOWN');
      }
    },
  );

  test('after which another push brings no deleted tag back', async () => {
    const { client } = registry();
    const manifest = image({ config: await client.blob(repository, '{}'), layers: [], back: 1 });
    const digest = digestOf(json(manifest));
    await client.putManifest(repository, 'back1?tag=back2', manifest);
    await remove(digest);
    await client.putManifest(repository, 'back3', manifest);
    expect(await tagsLeft('back')).toEqual(['back3']);
  });

  test('leaves an index that lists it, and the index says so', async () => {
    const { client } = registry();
    const child = image({ config: await client.blob(repository, '{}'), layers: [], child: 1 });
    const digest = digestOf(json(child));
    await client.putManifest(repository, digest, child);
    const parent = index([descriptor(json(child), types.image)]);
    await client.putManifest(repository, 'parent', parent);
    expect((await remove(digest)).status).toBe(202);
    expect((await get('parent')).body.equals(json(parent))).toBe(true);
    expectProblem(await get(digest), 404, 'MANIFEST_UNKNOWN');
  });

  test('while others push, tag and delete it never leaves a tag that points to nothing', async () => {
    const { client } = registry();
    const manifest = image({ config: await client.blob(repository, '{}'), layers: [], race: 1 });
    const digest = digestOf(json(manifest));
    await client.putManifest(repository, digest, manifest);
    await Promise.all(
      Array.from({ length: 30 }, async (_, at) => {
        const answer =
          at % 3 === 0
            ? await remove(digest)
            : await client.putManifest(repository, `race-${at}`, manifest);
        expect([201, 202, 404], answer.body.toString()).toContain(answer.status);
      }),
    );
    const left = await tagsLeft('race-');
    const answers = await Promise.all(left.map(get));
    expect(answers.map(({ status }) => status)).toEqual(left.map(() => 200));
    if (left.length > 0) expect((await get(digest)).status).toBe(200);
  });
});
