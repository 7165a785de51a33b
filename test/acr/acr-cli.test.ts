import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { testAdminPassword } from '../harness/lighter.ts';
import { digestOf, image, index, json, types } from '../http/client.ts';
import { registryOfFile } from '../http/registry.ts';
import { type AcrCli, acrLogin } from './acr-cli.ts';
import { acrPath, patch } from './acr-client.ts';

const registry = registryOfFile();
let acr: AcrCli;
let repository: string;
let count = 0;

beforeAll(async () => {
  acr = await acrLogin(registry().lighter.url, 'admin', testAdminPassword);
});
beforeEach(() => {
  repository = `purge/app-${++count}`;
});

const here = () => ({ repository: new RegExp(`^${repository}$`), tag: /^v/ });

/** One image under several tags, in one request for each twenty. */
async function tagged(tags: readonly string[]): Promise<string> {
  const { client } = registry();
  const manifest = image({ config: await client.blob(repository, repository), layers: [] });
  for (let at = 0; at < tags.length; at += 20) {
    const some = tags.slice(at, at + 20).join('&tag=');
    const digest = digestOf(json(manifest));
    const answer = await client.putManifest(repository, `${digest}?tag=${some}`, manifest);
    expect(answer.status, answer.body.toString()).toBe(201);
  }
  return digestOf(json(manifest));
}

describe('acr tag and manifest', () => {
  test('list everything, over several pages', async () => {
    const tags = Array.from({ length: 230 }, (_, at) => `t${String(at).padStart(3, '0')}`);
    const digest = await tagged(tags);
    const found = await acr.tagList(repository);
    expect(found.map(({ name }) => name)).toEqual(tags);
    const manifests = await acr.manifestList(repository);
    expect(manifests.map((each) => [each.digest, each.tags])).toEqual([[digest, tags]]);
  }, 30_000);

  test('list more than a page of manifests', async () => {
    const { client } = registry();
    const config = await client.blob(repository, '{}', types.config);
    const manifests = Array.from({ length: 105 }, (_, at) =>
      image({ config, layers: [], annotations: { at: String(at) } }),
    );
    await Promise.all(
      manifests.map((each) => client.putManifest(repository, digestOf(json(each)), each)),
    );
    const found = await acr.manifestList(repository);
    expect(found.map(({ digest }) => digest)).toEqual(
      manifests.map((each) => digestOf(json(each))).toSorted(),
    );
  }, 30_000);

  test('delete answers 202, and 404 the second time', async () => {
    const digest = await tagged(['a', 'b']);
    expect(await acr.tagDelete(repository, 'a')).toBe(202);
    expect(await acr.tagDelete(repository, 'a')).toBe(404);
    expect(await acr.manifestDelete(repository, digest)).toBe(202);
    expect(await acr.manifestDelete(repository, digest)).toBe(404);
  });
});

describe('acr purge', () => {
  test('deletes old tags that match, page after page, and leaves the others', async () => {
    const old = Array.from({ length: 250 }, (_, at) => `v${at}`);
    await tagged([...old, 'keep']);
    const purged = await acr.purge({ filter: here(), agoMs: 0 });
    expect(purged.tags.toSorted()).toEqual(old.map((tag) => `${repository}:${tag}`).toSorted());
    expect((await acr.tagList(repository)).map(({ name }) => name)).toEqual(['keep']);
  }, 60_000);

  test('--ago leaves what is younger', async () => {
    await tagged(['v1']);
    expect((await acr.purge({ filter: here(), agoMs: 60_000 })).tags).toEqual([]);
    expect(await acr.tagList(repository)).toHaveLength(1);
  });

  test('--dry-run says what it would delete, and deletes nothing', async () => {
    const digest = await tagged(['v1', 'v2']);
    const purged = await acr.purge({ filter: here(), agoMs: 0, untagged: true, dryRun: true });
    expect(purged.tags.toSorted()).toEqual([`${repository}:v1`, `${repository}:v2`]);
    expect(purged.manifests).toEqual([digest]);
    expect(await acr.tagList(repository)).toHaveLength(2);
  });

  test('--untagged deletes manifests without tags, not those an index needs', async () => {
    const { client } = registry();
    const doomed = await client.pushImage(repository, 'v1');
    const child = await client.pushImage(repository, 'v2');
    const list = index([{ mediaType: types.image, digest: child, size: 1 }]);
    await client.putManifest(repository, 'list', list);
    const purged = await acr.purge({ filter: here(), agoMs: 0, untagged: true });
    expect(purged.tags.toSorted()).toEqual([`${repository}:v1`, `${repository}:v2`]);
    expect(purged.manifests).toEqual([doomed]);
    const left = await acr.manifestList(repository);
    expect(left.map(({ digest }) => digest).toSorted()).toEqual(
      [child, digestOf(json(list))].toSorted(),
    );
  });

  test('leaves what is locked; --include-locked unlocks and deletes it', async () => {
    const { client } = registry();
    const digests: string[] = [];
    for (const tag of ['v1', 'v2', 'v3']) digests.push(await client.pushImage(repository, tag));
    await patch(client, acrPath(repository, '/_tags/v1'), { deleteEnabled: false });
    await patch(client, acrPath(repository, '/_tags/v2'), { writeEnabled: false });
    await patch(client, acrPath(repository, `/_manifests/${digests[2] ?? ''}`), {
      deleteEnabled: false,
    });
    const options = { filter: here(), agoMs: 0, untagged: true };
    expect(await acr.purge(options)).toEqual({
      tags: [`${repository}:v3`],
      manifests: [],
      skipped: [],
    });
    const purged = await acr.purge({ ...options, includeLocked: true });
    expect(purged.tags.toSorted()).toEqual([`${repository}:v1`, `${repository}:v2`]);
    expect(purged.manifests.toSorted()).toEqual(digests.toSorted());
    expect(purged.skipped).toEqual([]);
  });

  test('passes over a repository that is locked after it has looked', async () => {
    const { client } = registry();
    await client.pushImage(repository, 'v1');
    await patch(client, acrPath(repository), { writeEnabled: false });
    const purged = await acr.purge({ filter: here(), agoMs: 0 });
    expect(purged).toEqual({ tags: [], manifests: [], skipped: [`${repository}:v1`] });
  });
});
