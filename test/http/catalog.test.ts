import { beforeAll, describe, expect, test } from 'vitest';
import { clientWithAccess } from './access-token.ts';
import { type Answer, type Client, expectProblem, header, nextOf } from './client.ts';
import { registryOfFile } from './registry.ts';

const registry = registryOfFile({ LIGHTER_ANONYMOUS_PULL: 'public/*' });
/** In the order of ASCII, in which `-`, `.` and `/` come before letters. */
const sorted = ['a', 'a-b', 'a.b', 'a/b', 'a/b/c', 'a0', 'a_b', 'ab', 'public/tool', 'z/9'];

beforeAll(async () => {
  const { client } = registry();
  for (const repository of [...sorted].reverse()) await client.pushImage(repository, 'latest');
  await client.pushBlob('no/manifest', 'a blob alone');
});

const list = (query = '', client: Client = registry().client) =>
  client.send('GET', `/v2/_catalog${query}`);

function repositoriesIn(answer: Answer): readonly string[] {
  expect(answer.status).toBe(200);
  const body: { repositories: string[] } = JSON.parse(answer.body.toString());
  return body.repositories;
}

describe('the catalogue', () => {
  test('lists what holds a manifest, in order', async () => {
    const answer = await list();
    expect(repositoriesIn(answer)).toEqual(sorted);
    expect(nextOf(answer)).toBeUndefined();
  });

  test.each([1, 3, 9, 10, 11])('in pages of n=%i that add up', async (n) => {
    const seen: string[] = [];
    let target: string | undefined = `/v2/_catalog?n=${n}`;
    while (target !== undefined) {
      const answer = await registry().client.send('GET', target);
      const page = repositoriesIn(answer);
      expect(page.length).toBeLessThanOrEqual(n);
      seen.push(...page);
      target = nextOf(answer);
    }
    expect(seen).toEqual(sorted);
  });

  test('begins after last, which need not exist', async () => {
    expect(repositoriesIn(await list('?last=a/b/c'))).toEqual(sorted.slice(5));
    expect(repositoriesIn(await list('?last=b'))).toEqual(['public/tool', 'z/9']);
    expect(repositoriesIn(await list('?last=zz'))).toEqual([]);
    expect(repositoriesIn(await list('?n=0'))).toEqual([]);
  });

  test.each(["'", "' or 1 eq 1", '%00', '%C3%A4', '~', '%23', 'x'.repeat(2000), '!', 'A'])(
    'last=%s does no harm',
    async (last) => {
      for (const name of repositoriesIn(await list(`?last=${last}`)))
        expect(sorted).toContain(name);
    },
  );

  test('n=x is refused', async () => expectProblem(await list('?n=x'), 400, 'UNSUPPORTED'));

  test('is for who may list it', async () => {
    const anonymous = await list('', registry().anonymous);
    expectProblem(anonymous, 401, 'UNAUTHORIZED');
    expect(header(anonymous, 'WWW-Authenticate')).toContain('scope="registry:catalog:*"');
    const puller = await clientWithAccess(registry(), { '*': ['pull', 'push'] });
    expectProblem(await list('', puller), 401, 'UNAUTHORIZED');
  });
});

describe('docker search', () => {
  const search = async (term: string, client: Client = registry().client) => {
    const answer = await client.send('GET', `/v1/search?q=${term}&n=25`);
    expect(answer.status).toBe(200);
    const body: { num_results: number; results: { name: string }[] } = JSON.parse(
      answer.body.toString(),
    );
    expect(body.num_results).toBe(body.results.length);
    return body.results.map(({ name }) => name);
  };

  test('finds its ping and says it stands alone', async () => {
    const answer = await registry().client.send('GET', '/v1/_ping');
    expect(answer.status).toBe(200);
    expect(header(answer, 'X-Docker-Registry-Standalone')).toBe('true');
  });

  test('finds a term anywhere in a name, in any case', async () => {
    expect(await search('TOOL')).toEqual(['public/tool']);
    expect(await search('b/c')).toEqual(['a/b/c']);
    expect(await search('nothing')).toEqual([]);
    expect(await search('')).toEqual(sorted);
  });

  test('tells what the caller may pull and nothing else', async () => {
    expect(await search('', registry().anonymous)).toEqual(['public/tool']);
    const puller = await clientWithAccess(registry(), { 'a/b': ['pull'], 'z/*': ['pull'] });
    expect(await search('', puller)).toEqual(['a/b', 'z/9']);
  });

  test('gives as many as asked, in the shape docker reads', async () => {
    const answer = await registry().client.send('GET', '/v1/search?q=a&n=1');
    expect(JSON.parse(answer.body.toString())).toEqual({
      query: 'a',
      num_results: 1,
      results: [
        { name: 'a', description: '', star_count: 0, is_official: false, is_automated: false },
      ],
    });
  });
});
