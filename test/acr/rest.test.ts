import { beforeAll, describe, expect, test } from 'vitest';
import { clientWithAccess } from '../http/access-token.ts';
import {
  Client,
  digestOf,
  expectProblem,
  image,
  index,
  json,
  nextOf,
  basic,
  types,
} from '../http/client.ts';
import { registryOfFile } from '../http/registry.ts';
import {
  acrPath,
  bodyOf,
  getJson,
  type ManifestList,
  pagesOf,
  patch,
  type RepositoryJson,
  type TagJson,
  type TagList,
  unlocked,
} from './acr-client.ts';

const registry = registryOfFile();
const repository = 'acr/app';
const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const config = JSON.stringify({ architecture: 'arm64', os: 'linux', rootfs: {} });
/** Pushed in this order. */
const tags = ['b', 'a', 'c'];
const digests: string[] = [];
let indexDigest: string;

beforeAll(async () => {
  const { client } = registry();
  for (const tag of tags) {
    const manifest = image({
      config: await client.blob(repository, config, types.config),
      layers: [await client.blob(repository, `layer ${tag}`)],
    });
    expect((await client.putManifest(repository, tag, manifest)).status).toBe(201);
    digests.push(digestOf(json(manifest)));
  }
  const many = index([
    {
      mediaType: types.image,
      digest: digests[0],
      size: 400,
      platform: { architecture: 'arm64', os: 'linux' },
    },
    { mediaType: types.image, digest: digests[1], size: 400 },
  ]);
  indexDigest = digestOf(json(many));
  expect((await client.putManifest(repository, indexDigest, many)).status).toBe(201);
});

const described = () => ({
  createdTime: time,
  lastUpdateTime: time,
  changeableAttributes: unlocked,
});
const names = ({ tags: list }: TagList) => list.map(({ name }) => name);

describe('GET /acr/v1/_catalog', () => {
  test('lists repositories in pages', async () => {
    const { client } = registry();
    await client.pushImage('acr/other', 'latest');
    const pages = await pagesOf<{ repositories: string[] }>(client, '/acr/v1/_catalog?n=1');
    expect(pages.flatMap(({ repositories }) => repositories)).toEqual(['acr/app', 'acr/other']);
  });
});

describe('GET /acr/v1/{name}', () => {
  test.each([acrPath(repository), `/acr/v1/${repository}`])('%s tells of it', async (path) => {
    const { client, lighter } = registry();
    expect(await getJson<RepositoryJson>(client, path)).toEqual({
      registry: lighter.host,
      imageName: repository,
      manifestCount: 4,
      tagCount: 3,
      ...described(),
    });
  });

  test('of a repository that is not there is NAME_UNKNOWN', async () => {
    const { client } = registry();
    for (const rest of ['', '/_tags', '/_manifests']) {
      expectProblem(await client.send('GET', acrPath('acr/none', rest)), 404, 'NAME_UNKNOWN');
    }
  });

  test.each(['_deleted/acr/app', '_tags', 'acr/app/_tags/a/b', 'acr/app/_other', 'acr/app/_tags/'])(
    '/acr/v1/%s is not a route or not a name',
    async (path) => {
      const answer = await registry().client.send('GET', `/acr/v1/${path}`);
      expect([400, 404]).toContain(answer.status);
    },
  );
});

describe('GET /acr/v1/{name}/_tags', () => {
  test('tells of every tag, in the order of names', async () => {
    const { client, lighter } = registry();
    const list = await getJson<TagList>(client, acrPath(repository, '/_tags'));
    expect(list).toEqual({
      registry: lighter.host,
      imageName: repository,
      tags: [
        { name: 'a', digest: digests[1], signed: false, ...described() },
        { name: 'b', digest: digests[0], signed: false, ...described() },
        { name: 'c', digest: digests[2], signed: false, ...described() },
      ],
    });
  });

  test.each([
    ['none', ['a', 'b', 'c']],
    ['', ['a', 'b', 'c']],
    ['timeasc', ['b', 'a', 'c']],
    ['timedesc', ['c', 'a', 'b']],
  ])('orderby=%s: %j, in pages of any size', async (order, expected) => {
    for (const n of [1, 2, 3, 4]) {
      const target = acrPath(repository, `/_tags?n=${n}&orderby=${order}`);
      const pages = await pagesOf<TagList>(registry().client, target);
      expect(pages.flatMap(names)).toEqual(expected);
      expect(pages).toHaveLength(Math.ceil(3 / n));
    }
  });

  test('the Link says where to go on, every parameter with its =', async () => {
    const answer = await registry().client.send('GET', acrPath(repository, '/_tags?n=1'));
    expect(nextOf(answer)).toBe('/acr/v1/acr/app/_tags?last=a&n=1&orderby=');
  });

  test('by time goes on after a tag that was deleted meanwhile', async () => {
    const { client } = registry();
    for (const tag of ['one', 'two', 'three']) await client.pushImage('acr/moving', tag);
    const first = await client.send('GET', acrPath('acr/moving', '/_tags?n=1&orderby=timedesc'));
    expect(names(bodyOf<TagList>(first))).toEqual(['three']);
    expect((await client.send('DELETE', acrPath('acr/moving', '/_tags/three'))).status).toBe(202);
    const rest = await pagesOf<TagList>(client, nextOf(first) ?? '');
    expect(rest.flatMap(names)).toEqual(['two', 'one']);
  });

  test('by time goes on after a tag named as last', async () => {
    const { client } = registry();
    const list = await getJson<TagList>(
      client,
      acrPath(repository, '/_tags?orderby=timedesc&last=a'),
    );
    expect(names(list)).toEqual(['b']);
    const unknown = acrPath(repository, '/_tags?orderby=timedesc&last=nothing');
    expectProblem(await client.send('GET', unknown), 400, 'UNSUPPORTED');
  });

  test('digest= leaves those of one manifest', async () => {
    const target = acrPath(repository, `/_tags?digest=${digests[2] ?? ''}`);
    expect(names(await getJson<TagList>(registry().client, target))).toEqual(['c']);
  });

  test('of manifests without tags, and after the last, is null, which ends the loops of acr', async () => {
    const { client } = registry();
    const digest = await client.pushImage('acr/untagged', 'x');
    await client.send('DELETE', acrPath('acr/untagged', '/_tags/x'));
    for (const [rest, name] of [
      ['/_tags', 'tags'],
      ['/_tags?orderby=timedesc', 'tags'],
      [`/_manifests?last=${encodeURIComponent(digest)}`, 'manifests'],
    ] as const) {
      const list = await getJson<object>(client, acrPath('acr/untagged', rest));
      expect(list).toHaveProperty(name, null);
    }
  });

  test.each(['orderby=name', 'n=x', 'digest=sha256:1'])('%s is refused', async (query) => {
    const answer = await registry().client.send('GET', acrPath(repository, `/_tags?${query}`));
    expect(answer.status).toBe(400);
  });
});

describe('/acr/v1/{name}/_tags/{tag}', () => {
  test('GET tells of the tag', async () => {
    const { client, lighter } = registry();
    const answer = await getJson<object>(client, acrPath(repository, '/_tags/a'));
    expect(answer).toEqual({
      registry: lighter.host,
      imageName: repository,
      tag: { name: 'a', digest: digests[1], signed: false, ...described() },
    });
  });

  test.each(['none', '-bad'])('GET, PATCH and DELETE of %s are 404', async (tag) => {
    for (const method of ['GET', 'PATCH', 'DELETE']) {
      const path = acrPath(repository, `/_tags/${tag}`);
      const body = method === 'PATCH' ? { body: '{}' } : {};
      expectProblem(await registry().client.send(method, path, body), 404, 'MANIFEST_UNKNOWN');
    }
  });

  test('DELETE takes the tag and leaves the manifest', async () => {
    const { client } = registry();
    const digest = await client.pushImage('acr/untag', 'gone');
    expect((await client.send('DELETE', acrPath('acr/untag', '/_tags/gone'))).status).toBe(202);
    expect((await client.send('GET', `/v2/acr/untag/manifests/gone`)).status).toBe(404);
    expect((await client.send('GET', `/v2/acr/untag/manifests/${digest}`)).status).toBe(200);
  });
});

describe('/acr/v1/{name}/_manifests', () => {
  const imageJson = (at: number) => ({
    digest: digests[at],
    imageSize: config.length + 'layer a'.length,
    mediaType: types.image,
    configMediaType: types.config,
    architecture: 'arm64',
    os: 'linux',
    tags: [tags[at]],
    ...described(),
  });
  const indexJson = () => ({
    digest: indexDigest,
    imageSize: 0,
    mediaType: types.index,
    ...described(),
  });

  test('GET tells of every manifest: sizes, platforms, tags', async () => {
    const { client, lighter } = registry();
    const list = await getJson<ManifestList>(client, acrPath(repository, '/_manifests'));
    const expected = [imageJson(0), imageJson(1), imageJson(2), indexJson()];
    expect(list).toMatchObject({ registry: lighter.host, imageName: repository });
    expect(list.manifests).toHaveLength(4);
    expect(list.manifests).toEqual(expect.arrayContaining(expected));
    expect(list.manifests.map(({ digest }) => digest)).toEqual(
      [...digests, indexDigest].toSorted(),
    );
  });

  test('GET tells the same the second time, when the platform is in the row', async () => {
    const target = acrPath(repository, '/_manifests');
    const first = await getJson<ManifestList>(registry().client, target);
    expect(await getJson<ManifestList>(registry().client, target)).toEqual(first);
  });

  test.each(['none', 'timeasc', 'timedesc'])(
    'orderby=%s comes in pages of any size',
    async (by) => {
      const inTime = [...digests, indexDigest];
      const orders = { none: inTime.toSorted(), timeasc: inTime, timedesc: inTime.toReversed() };
      for (const n of [1, 3, 4]) {
        const target = acrPath(repository, `/_manifests?n=${n}&orderby=${by}`);
        const pages = await pagesOf<ManifestList>(registry().client, target);
        const manifests = pages.flatMap((page) => page.manifests);
        expect(manifests.map(({ digest }) => digest)).toEqual(Reflect.get(orders, by));
        expect(manifests.flatMap((each) => each.tags ?? []).toSorted()).toEqual(['a', 'b', 'c']);
      }
    },
  );

  test('GET of one tells the same, and what an index refers to', async () => {
    const { client, lighter } = registry();
    const one = acrPath(repository, `/_manifests/${encodeURIComponent(digests[0] ?? '')}`);
    expect(await getJson<object>(client, one)).toEqual({
      registry: lighter.host,
      imageName: repository,
      manifest: imageJson(0),
    });
    const many = acrPath(repository, `/_manifests/${indexDigest}`);
    expect(await getJson<object>(client, many)).toMatchObject({
      manifest: {
        ...indexJson(),
        references: [
          { digest: digests[0], architecture: 'arm64', os: 'linux' },
          { digest: digests[1] },
        ],
      },
    });
  });

  test('GET and PATCH of one that is not there are 404, of no digest 400', async () => {
    const { client } = registry();
    for (const method of ['GET', 'PATCH']) {
      const send = (digest: string) =>
        client.send(
          method,
          acrPath(repository, `/_manifests/${digest}`),
          method === 'PATCH' ? { body: '{}' } : {},
        );
      expectProblem(await send(digestOf('nothing')), 404, 'MANIFEST_UNKNOWN');
      expectProblem(await send('latest'), 400, 'DIGEST_INVALID');
    }
  });

  test('a config that is no JSON or no image says no platform', async () => {
    const { client } = registry();
    for (const [tag, bytes, type] of [
      ['text', 'no json', types.config],
      ['chart', config, 'application/vnd.cncf.helm.config.v1+json'],
    ] as const) {
      const manifest = image({ config: await client.blob('acr/odd', bytes, type), layers: [] });
      await client.putManifest('acr/odd', tag, manifest);
    }
    const { manifests } = await getJson<ManifestList>(client, acrPath('acr/odd', '/_manifests'));
    expect(manifests).toHaveLength(2);
    for (const each of manifests) {
      expect(each).not.toHaveProperty('architecture');
      expect(each).not.toHaveProperty('os');
    }
  });
});

describe('PATCH', () => {
  test.each(['not json', '[]', '{"writeEnabled":"no"}', '{"quarantineState":"passed"}'])(
    'with %s is refused and changes nothing',
    async (body) => {
      const { client } = registry();
      for (const rest of ['', '/_tags/a', `/_manifests/${digests[0] ?? ''}`]) {
        const answer = await client.send('PATCH', acrPath(repository, rest), { body });
        expectProblem(answer, 400, 'UNSUPPORTED');
      }
      const { tag } = await getJson<{ tag: TagJson }>(client, acrPath(repository, '/_tags/a'));
      expect(tag.changeableAttributes).toEqual(unlocked);
    },
  );

  test('changes what it names and nothing else, and answers as GET does', async () => {
    const { client } = registry();
    const digest = await client.pushImage('acr/patched', 'x');
    for (const rest of ['', '/_tags/x', `/_manifests/${digest}`]) {
      const path = acrPath('acr/patched', rest);
      const before = await getJson<object>(client, path);
      await patch(client, path, { listEnabled: false });
      await patch(client, path, { deleteEnabled: false });
      await patch(client, path, { listEnabled: true });
      const changeableAttributes = { ...unlocked, deleteEnabled: false };
      expect(await getJson<object>(client, path)).toEqual(
        rest === ''
          ? { ...before, changeableAttributes }
          : replaceAttributes(before, changeableAttributes),
      );
    }
  });

  test('of many at once loses none', async () => {
    const { client } = registry();
    const digest = await client.pushImage('acr/many', 'x');
    for (const rest of ['', '/_tags/x', `/_manifests/${digest}`]) {
      const path = acrPath('acr/many', rest);
      const changes = Object.keys(unlocked).map((name) => patch(client, path, { [name]: false }));
      await Promise.all(changes);
      const text = JSON.stringify(await getJson<object>(client, path));
      expect(text.match(/Enabled":false/g)).toHaveLength(4);
    }
  });
});

describe('access', () => {
  test('metadata_read reads, metadata_write changes, delete deletes, and no other action does', async () => {
    const { client } = registry();
    const digest = await client.pushImage('acr/access', 'x');
    const read = ['', '/_tags', '/_tags/x', '/_manifests', `/_manifests/${digest}`];
    const requests = [
      ...read.map((rest) => ['metadata_read', 'GET', rest] as const),
      ...['', '/_tags/x', `/_manifests/${digest}`].map(
        (rest) => ['metadata_write', 'PATCH', rest] as const,
      ),
      ['delete', 'DELETE', '/_tags/none'] as const,
    ];
    for (const [needed, method, rest] of requests) {
      const others = ['pull', 'push', 'delete', 'metadata_read', 'metadata_write'].filter(
        (action) => action !== needed,
      );
      const send = async (actions: readonly string[]) => {
        const caller = await clientWithAccess(registry(), { 'acr/access': actions });
        const body = method === 'PATCH' ? { body: '{}' } : {};
        return await caller.send(method, acrPath('acr/access', rest), body);
      };
      expect((await send(others)).status).toBe(401);
      expect([200, 404]).toContain((await send([needed])).status);
    }
  });

  test('a wrong password and no credential are 401, and nothing says whether it exists', async () => {
    const { lighter, anonymous } = registry();
    const wrong = new Client(lighter.url, basic('admin', 'wrong'));
    for (const caller of [wrong, anonymous]) {
      for (const path of ['/acr/v1/_catalog', acrPath(repository), acrPath('acr/none')]) {
        expectProblem(await caller.send('GET', path), 401, 'UNAUTHORIZED');
      }
    }
  });
});

describe('DELETE /acr/v1/{name}', () => {
  test('takes a repository that was emptied before out of the catalogues', async () => {
    const { client } = registry();
    const digest = await client.pushImage('acr/emptied', 'x');
    await client.send('DELETE', `/v2/acr/emptied/manifests/${digest}`);
    const answer = await client.send('DELETE', acrPath('acr/emptied'));
    expect(bodyOf(answer, 202)).toEqual({ manifestsDeleted: [], tagsDeleted: [] });
    const { repositories } = bodyOf<{ repositories: string[] }>(
      await client.send('GET', '/v2/_catalog'),
      200,
    );
    expect(repositories).not.toContain('acr/emptied');
    expect((await client.send('DELETE', acrPath('acr/emptied'))).status).toBe(404);
  });

  test('takes all manifests and tags, and the repository out of the catalogues', async () => {
    const { client } = registry();
    const one = await client.pushImage('acr/doomed', 'one');
    const two = await client.pushImage('acr/doomed', 'two');
    await client.pushImage('acr/doomed', 'moved');
    await client.pushImage('acr/doomed', 'moved');
    const answer = await client.send('DELETE', acrPath('acr/doomed'));
    const deleted = bodyOf<{ manifestsDeleted: string[]; tagsDeleted: string[] }>(answer, 202);
    expect(deleted.tagsDeleted).toEqual(['moved', 'one', 'two']);
    expect(deleted.manifestsDeleted).toHaveLength(4);
    expect(deleted.manifestsDeleted).toEqual(expect.arrayContaining([one, two]));

    for (const reference of ['one', 'two', one, two]) {
      const got = await client.send('GET', `/v2/acr/doomed/manifests/${reference}`);
      expect(got.status).toBe(404);
    }
    for (const path of ['/v2/_catalog', '/acr/v1/_catalog']) {
      const { repositories } = await getJson<{ repositories: string[] }>(client, path);
      expect(repositories).not.toContain('acr/doomed');
    }
    for (const [method, path] of [
      ['GET', acrPath('acr/doomed')],
      ['GET', acrPath('acr/doomed', '/_tags')],
      ['GET', '/v2/acr/doomed/tags/list'],
      ['DELETE', acrPath('acr/doomed')],
    ] as const) {
      expectProblem(await client.send(method, path), 404, 'NAME_UNKNOWN');
    }
  });

  test('of what was never there is NAME_UNKNOWN', async () => {
    const answer = await registry().client.send('DELETE', acrPath('acr/never'));
    expectProblem(answer, 404, 'NAME_UNKNOWN');
  });

  test('and a push after it make a repository like any other', async () => {
    const { client } = registry();
    await client.pushImage('acr/again', 'x');
    bodyOf(await client.send('DELETE', acrPath('acr/again')), 202);
    const digest = await client.pushImage('acr/again', 'x');
    const { tag } = await getJson<{ tag: TagJson }>(client, acrPath('acr/again', '/_tags/x'));
    expect(tag.digest).toBe(digest);
    const { repositories } = await getJson<{ repositories: string[] }>(client, '/v2/_catalog');
    expect(repositories).toContain('acr/again');
  });
});

function replaceAttributes(described: object, changeableAttributes: object): object {
  return Object.fromEntries(
    Object.entries(described).map(([name, value]) => [
      name,
      typeof value === 'object' ? { ...value, changeableAttributes } : value,
    ]),
  );
}
