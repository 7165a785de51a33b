import { describe, expect, test } from 'vitest';
import { deleteManifest, deleteTag } from '../../shared/registry/manifests/delete-manifest.ts';
import { keysUnder, repositoryPartition } from '../../shared/registry/rows/row-keys.ts';
import { bringInOrder, isInOrder } from '../../shared/registry/tags/bring-in-order.ts';
import {
  changeTagAttributes,
  listTagDescriptions,
} from '../../shared/registry/tags/describe-tag.ts';
import { orderedAt } from '../../shared/registry/tags/tag-order.ts';
import { makeImage, type TestImage } from '../faults/image.ts';
import {
  newInstance,
  pushImage,
  pushManifest,
  repositoryNamed,
  tagNamed,
} from '../faults/in-process.ts';
import { interpose } from '../faults/interpose.ts';
import { testStorage } from '../faults/test-storage.ts';
import { sweepOnce } from '../sweep/sweeping.ts';
import { listed } from './listed.ts';

const { brokenInvariants, stores } = testStorage();

const never = () => false;

/** A repository with two images, of which the second has most of the tags. */
async function given(name: string, tags: readonly string[]) {
  const repository = repositoryNamed(name);
  const registry = newInstance(stores);
  const old = makeImage();
  const image = makeImage({ config: old.config, layers: old.layers });
  await pushImage(registry, repository, old, ['kept', 'moved']);
  for (const tag of tags) await pushManifest(registry, repository, image.manifest, [tag]);
  await pushManifest(registry, repository, image.manifest, ['moved']);
  return { repository, registry, old, image, partition: repositoryPartition(repository) };
}

/** Makes of the repository what a release that did not know the order of time left. */
async function forgetOrder(partition: string): Promise<void> {
  for (const kind of ['t', 'g'] as const) {
    const rows = await stores.tables.list('repo', partition, keysUnder(`${kind}:`));
    for (const { rowKey, etag, properties } of rows) {
      const { [orderedAt]: _, ...kept } = properties;
      const replaced = { kind: 'replace', rowKey, etag, properties: kept } as const;
      expect((await stores.tables.commit('repo', partition, [replaced])).ok).toBe(true);
    }
  }
  for (const kind of ['o', 'a'] as const) {
    for (const { rowKey, etag } of await rowsOfKind(partition, kind)) {
      await stores.tables.commit('repo', partition, [{ kind: 'delete', rowKey, etag }]);
    }
  }
}

const rowsOfKind = (partition: string, kind: 'o' | 'a') =>
  stores.tables.list('repo', partition, keysUnder(`${kind}:`));

async function expectWhole(): Promise<void> {
  expect(await brokenInvariants()).toEqual([]);
}

describe('the order of time', () => {
  test('is that of the last write, whichever way tags are written, locked and deleted', async () => {
    const { repository, registry, old, image, partition } = await given('order/writes', [
      'a',
      'b',
      'c',
    ]);
    await bringInOrder(registry, partition, never);
    await pushManifest(registry, repository, old.manifest, ['b']);
    await pushManifest(registry, repository, image.manifest, ['a']);
    await deleteTag(registry, repository, tagNamed('c'));
    await changeTagAttributes(registry, repository, tagNamed('moved'), { listEnabled: false });
    await changeTagAttributes(registry, repository, tagNamed('kept'), { deleteEnabled: false });
    expect((await listed(registry, repository, 'timedesc', 2)).names).toEqual(['a', 'b', 'kept']);
    expect((await listed(registry, repository, 'timeasc', 2)).names).toEqual(['kept', 'b', 'a']);
    const { items } = await listTagDescriptions(registry, repository, {
      order: 'timeasc',
      last: '',
      limit: 1,
      digest: undefined,
    });
    expect(items).toMatchObject([
      { key: 'kept', digest: old.manifest.digest, attributes: { deleteEnabled: false } },
    ]);
    await deleteManifest(registry, repository, image.manifest.digest);
    expect((await listed(registry, repository, 'timedesc', 9)).names).toEqual(['b', 'kept']);
    await expectWhole();
  });

  test('lists tags of one digest alone, and goes on after a tag named as last', async () => {
    const { repository, registry, old, partition } = await given('order/digest', ['a', 'b']);
    await bringInOrder(registry, partition, never);
    const page = { order: 'timedesc', last: '', limit: 5, digest: old.manifest.digest } as const;
    const ofOld = await listTagDescriptions(registry, repository, page);
    expect(ofOld.items.map(({ key }) => key)).toEqual(['kept']);
    const after = { ...page, last: 'b', digest: undefined };
    const rest = await listTagDescriptions(registry, repository, after);
    expect(rest.items.map(({ key }) => key)).toEqual(['a', 'kept']);
    await expect(
      listTagDescriptions(registry, repository, { ...after, last: 'nothing' }),
    ).rejects.toMatchObject({ code: 'UNSUPPORTED', status: 400 });
  });
});

describe('a repository of an earlier release', () => {
  test('is sorted until a sweep has brought its tags along, then read in order', async () => {
    const { repository, registry, partition } = await given('order/old', ['a', 'b', 'c']);
    await forgetOrder(partition);
    await expectWhole();
    const expected = ['moved', 'c', 'b', 'a', 'kept'];
    expect(await isInOrder(registry, repository)).toBe(false);
    expect((await listed(registry, repository, 'timedesc', 2)).names).toEqual(expected);
    await sweepOnce(registry);
    expect(await isInOrder(registry, repository)).toBe(true);
    expect(await rowsOfKind(partition, 'o')).toHaveLength(expected.length);
    expect((await listed(registry, repository, 'timedesc', 2)).names).toEqual(expected);
    await expectWhole();
  });

  test('goes on with the page that was sorted when it is brought along meanwhile', async () => {
    const { repository, registry, partition } = await given('order/between', ['a', 'b', 'c']);
    await forgetOrder(partition);
    const page = { order: 'timedesc', last: '', limit: 2, digest: undefined } as const;
    const { next } = await listTagDescriptions(registry, repository, page);
    await bringInOrder(registry, partition, never);
    const rest = await listTagDescriptions(registry, repository, { ...page, last: next ?? '' });
    expect(rest.items.map(({ key }) => key)).toEqual(['b', 'a']);
  });

  test('is brought along by one that follows a job that died, wherever it died', async () => {
    const tags = Array.from({ length: 60 }, (_, at) => `tag-${at}`);
    const { repository, registry, image, partition } = await given('order/died', ['first']);
    for (let at = 0; at < tags.length; at += 10) {
      await pushManifest(registry, repository, image.manifest, tags.slice(at, at + 10));
    }
    await forgetOrder(partition);
    for (let k = 0; ; k++) {
      let calls = 0;
      const dying = interpose(stores, (_, proceed) => {
        if (calls++ === k) throw new Error('died');
        return proceed();
      });
      const ended = await bringInOrder(newInstance(dying), partition, never).catch(() => false);
      await expectWhole();
      if (ended) break;
      expect(await isInOrder(newInstance(stores), repository)).toBe(false);
    }
    expect(await rowsOfKind(partition, 'a')).toHaveLength(tags.length + 3);
  });

  test('keeps every tag in order that others write while it is brought along', async () => {
    const tags = Array.from({ length: 40 }, (_, at) => `tag-${at}`);
    const { repository, registry, old, image, partition } = await given('order/busy', tags);
    await forgetOrder(partition);
    const other = newInstance(stores);
    const write = async (image_: TestImage, some: readonly string[]) => {
      for (const tag of some) await pushManifest(other, repository, image_.manifest, [tag]);
    };
    await Promise.all([
      bringInOrder(registry, partition, never),
      bringInOrder(other, partition, never),
      write(old, tags.slice(0, 12)),
      write(image, tags.slice(8, 20)),
      ...tags.slice(20, 26).map((tag) => deleteTag(registry, repository, tagNamed(tag))),
    ]);
    await expectWhole();
    await deleteManifest(registry, repository, image.manifest.digest);
    await expectWhole();
    expect(await isInOrder(newInstance(stores), repository)).toBe(true);
  });
});
