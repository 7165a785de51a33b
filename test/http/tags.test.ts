import { beforeAll, describe, expect, test } from 'vitest';
import { type Answer, digestOf, expectProblem, header, image, json, nextOf } from './client.ts';
import { registryOfFile } from './registry.ts';

const registry = registryOfFile();
const repository = 'tags/app';
/** In the order of ASCII. */
const sorted = [
  '0',
  '1.0',
  '1.0-rc',
  '10',
  'A',
  'B',
  'Z',
  '_x',
  'a',
  'a-b',
  'a.b',
  'a0',
  'a_b',
  'aa',
  'latest',
];

beforeAll(async () => {
  const { client } = registry();
  const config = await client.blob(repository, '{}');
  const manifest = image({ config, layers: [] });
  const shuffled = [...sorted].reverse();
  const query = shuffled.map((tag) => `tag=${tag}`).join('&');
  await client.putManifest(repository, `${digestOf(json(manifest))}?${query}`, manifest);
});

const list = (query = '') => registry().client.send('GET', `/v2/${repository}/tags/list${query}`);

function tagsOf(answer: Answer): readonly string[] {
  expect(answer.status).toBe(200);
  expect(header(answer, 'Content-Type')).toBe('application/json');
  const body: { name: string; tags: string[] } = JSON.parse(answer.body.toString());
  expect(body.name).toBe(repository);
  return body.tags;
}

describe('end-8a: the list of tags', () => {
  test('is whole and in the order of ASCII', async () => {
    const answer = await list();
    expect(tagsOf(answer)).toEqual(sorted);
    expect(nextOf(answer)).toBeUndefined();
  });

  test('of a repository nobody ever pushed to is unknown', async () => {
    const answer = await registry().client.send('GET', '/v2/tags/none/tags/list');
    expectProblem(answer, 404, 'NAME_UNKNOWN');
  });

  test('of a repository with manifests but no tags is empty', async () => {
    const { client } = registry();
    const manifest = image({ config: await client.blob('tags/untagged', '{}'), layers: [] });
    await client.putManifest('tags/untagged', digestOf(json(manifest)), manifest);
    const answer = await client.send('GET', '/v2/tags/untagged/tags/list');
    expect(JSON.parse(answer.body.toString())).toEqual({ name: 'tags/untagged', tags: [] });
  });
});

describe('end-8b: pages of tags', () => {
  test.each([1, 2, 3, 7, 14, 15, 16])('of n=%i add up to all', async (n) => {
    const seen: string[] = [];
    let target: string | undefined = `/v2/${repository}/tags/list?n=${n}`;
    while (target !== undefined) {
      const answer = await registry().client.send('GET', target);
      const tags = tagsOf(answer);
      expect(tags.length).toBeLessThanOrEqual(n);
      seen.push(...tags);
      target = nextOf(answer);
      if (target !== undefined) {
        expect(tags).toHaveLength(n);
        const next = new URL(target, 'http://registry');
        expect(next.pathname).toBe(`/v2/${repository}/tags/list`);
        expect(Object.fromEntries(next.searchParams)).toEqual({ n: String(n), last: tags.at(-1) });
      }
    }
    expect(seen).toEqual(sorted);
  });

  test('begin after last, which need not exist', async () => {
    expect(tagsOf(await list('?last=a0'))).toEqual(['a_b', 'aa', 'latest']);
    expect(tagsOf(await list('?last=a-a&n=2'))).toEqual(['a-b', 'a.b']);
    expect(tagsOf(await list('?last=latest'))).toEqual([]);
    expect(tagsOf(await list('?last=zzz'))).toEqual([]);
    expect(tagsOf(await list('?last='))).toEqual(sorted);
  });

  test('of n=0 are empty', async () => {
    const answer = await list('?n=0');
    expect(tagsOf(answer)).toEqual([]);
    expect(nextOf(answer)).toBeUndefined();
  });

  test.each(['', '?n=999999999'])('are never longer than 1,000 (%s)', async (query) => {
    const { client } = registry();
    const many = Array.from({ length: 1001 }, (_, at) => `t${String(at).padStart(4, '0')}`);
    const manifest = image({ config: await client.blob('tags/many', '{}'), layers: [] });
    for (let at = 0; at < many.length; at += 200) {
      const tags = many.slice(at, at + 200).map((tag) => `tag=${tag}`);
      const reference = `${digestOf(json(manifest))}?${tags.join('&')}`;
      expect((await client.putManifest('tags/many', reference, manifest)).status).toBe(201);
    }
    const first = await client.send('GET', `/v2/tags/many/tags/list${query}`);
    const second = await client.send('GET', nextOf(first) ?? '');
    expect(nextOf(second)).toBeUndefined();
    const pages = [first, second].map(({ body }) => JSON.parse(body.toString()).tags);
    expect(pages).toEqual([many.slice(0, 1000), many.slice(1000)]);
  });

  test.each(['-1', 'x', '1.5', '', '1e3', '99999999999999999999'])('n=%s is refused', async (n) => {
    expectProblem(await list(`?n=${n}`), 400, 'UNSUPPORTED');
  });

  test.each([
    "'",
    "a'b",
    "' or 1 eq 1",
    '%00',
    '%01',
    '%7f',
    '%0d%0a',
    '%C3%A4',
    '%F0%9F%90%B3',
    '%',
    '%ff',
    '/',
    '%5C',
    '%23',
    '%3F',
    '%26',
    '~',
    'x'.repeat(2000),
  ])('last=%s does no harm', async (last) => {
    const answer = await list(`?last=${last}`);
    for (const tag of tagsOf(answer)) expect(sorted).toContain(tag);
  });
});

test('end-8: a deleted tag is gone from the list, the others stay', async () => {
  const { client } = registry();
  await client.pushImage('tags/deleted', 'one');
  await client.pushImage('tags/deleted', 'two');
  expect((await client.send('DELETE', '/v2/tags/deleted/manifests/one')).status).toBe(202);
  const answer = await client.send('GET', '/v2/tags/deleted/tags/list');
  expect(JSON.parse(answer.body.toString())).toEqual({ name: 'tags/deleted', tags: ['two'] });
});
