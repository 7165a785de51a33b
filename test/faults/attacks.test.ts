import { describe, expect, it } from 'vitest';
import type { Digest } from '../../shared/domain/digest.ts';
import type { RepositoryName } from '../../shared/domain/repository-name.ts';
import { StorageUnavailable } from '../../shared/ports/table-store.ts';
import { appendToUpload } from '../../shared/registry/uploads/append-upload.ts';
import { readBlobLink } from '../../shared/registry/blobs/blob-link.ts';
import { deleteBlob } from '../../shared/registry/blobs/delete-blob.ts';
import { deleteManifest, deleteTag } from '../../shared/registry/manifests/delete-manifest.ts';
import { finishUpload } from '../../shared/registry/uploads/finish-upload.ts';
import { listTags } from '../../shared/registry/tags/list-tags.ts';
import { mountBlob } from '../../shared/registry/blobs/mount-blob.ts';
import { readManifestRow } from '../../shared/registry/manifests/manifest-row.ts';
import { locateBlob } from '../../shared/registry/blobs/pull-blob.ts';
import type { Registry } from '../../shared/registry/registry.ts';
import {
  holderKey,
  keysUnder,
  manifestKey,
  repositoryPartition,
  tagKey,
} from '../../shared/registry/rows/row-keys.ts';
import { cancelUpload } from '../../shared/registry/uploads/upload-session.ts';
import { blobOf, makeImage, makeIndex, randomBlob, type TestBlob } from './image.ts';
import {
  bodyOf,
  newInstance,
  openUpload,
  pullBlob,
  pullTag,
  pushBlob,
  pushImage,
  pushManifest,
  repositoriesUnder,
  tagNamed,
} from './in-process.ts';
import { interpose } from './interpose.ts';
import { commits, pauseAt } from './pause.ts';
import { proxiedTestStorage } from './test-storage.ts';

const { brokenInvariants, proxied, proxy, readStorage, stores } = proxiedTestStorage();

const newRepository = repositoriesUnder('attack');
const here = (registry: Registry, repository: ReturnType<typeof newRepository>) => ({
  partition: repositoryPartition(repository),
  hasBytes: async (blob: TestBlob) => blob.bytes.equals(await pullBlob(registry, repository, blob)),
});
const sizes = { small: 500, blocks: 9 * 1024 * 1024 };

describe('A3 a final PUT that is overtaken by the end of its upload', () => {
  it('publishes nothing', async () => {
    const repository = newRepository();
    const { bytes, digest } = randomBlob();
    const id = await openUpload(newInstance(stores), repository);
    const pause = pauseAt(stores, commits('insert', 'b:'));
    const put = { digest, body: bodyOf(bytes), range: undefined };
    const finished = finishUpload(newInstance(pause.stores), repository, id, put);
    await pause.reached;
    await cancelUpload(newInstance(stores), repository, id);
    pause.resume();
    await expect(finished).rejects.toMatchObject({ code: 'BLOB_UPLOAD_UNKNOWN' });
    expect(await readBlobLink(newInstance(stores), repository, digest)).toBeUndefined();
  });
});

it.each([
  ['A5', 'several transactions', 60, 0],
  ['A6', 'one transaction', 1, 0],
  ['A6', 'a blob beside its row', 1, 70_000],
])(
  '%s a manifest in %s that is purged while it is written holds its children all the same',
  async (_, __, count, paddingBytes) => {
    const repository = newRepository();
    const registry = newInstance(stores);
    const config = randomBlob();
    await pushBlob(registry, repository, config);
    const layers = Array.from({ length: count }, () => randomBlob(20));
    for (const layer of layers) await pushBlob(registry, repository, layer);
    const { manifest } = makeImage({ config, layers, paddingBytes });
    if (count === 1) {
      // What is being purged already is pushed again.
      await pushManifest(registry, repository, manifest, ['old']);
      await deleteManifest(registry, repository, manifest.digest);
    }
    const pause = pauseAt(stores, commits('insert', 't:'));
    const pushed = pushManifest(newInstance(pause.stores), repository, manifest, ['latest']);
    await pause.reached;
    if (count > 1) {
      await pushManifest(registry, repository, manifest);
      await deleteManifest(registry, repository, manifest.digest);
    }
    await purge(repository, manifest.digest);
    pause.resume();
    await pushed;
    expect((await pullTag(newInstance(stores), repository, 'latest')).digest).toBe(manifest.digest);
  },
);

it('A5 two who write one manifest of many children, with a purge between, both hold all of them', async () => {
  const repository = newRepository();
  const registry = newInstance(stores);
  const layers = Array.from({ length: 105 }, () => randomBlob(20));
  await Promise.all(layers.map((layer) => pushBlob(registry, repository, layer)));
  const { manifest } = makeImage({ layers, config: layers[0] ?? randomBlob() });
  const beforeLast = pauseAt(stores, commits('insert', 't:'));
  const first = pushManifest(newInstance(beforeLast.stores), repository, manifest, ['first']);
  await beforeLast.reached;
  await purge(repository, manifest.digest);
  const beforeSecond = pauseAt(stores, commits('merge', 'm:'));
  const second = pushManifest(newInstance(beforeSecond.stores), repository, manifest, ['second']);
  await beforeSecond.reached;

  beforeLast.resume();
  await first;
  expect(await brokenInvariants()).toEqual([]);
  beforeSecond.resume();
  await second;
  for (const tag of ['first', 'second']) {
    expect((await pullTag(newInstance(stores), repository, tag)).digest).toBe(manifest.digest);
  }
});

/**
 * As the sweep will: the references in transactions that assert the manifest is going, then its
 * row.
 */
async function purge(repository: RepositoryName, digest: Digest): Promise<void> {
  const partition = repositoryPartition(repository);
  const rowKey = manifestKey(digest);
  const references = await stores.tables.list('repo', partition, keysUnder('p:'));
  const own = references.filter((row) => row.rowKey.endsWith(`:${digest}`));
  const row = await stores.tables.get('repo', partition, rowKey);
  if (row?.properties['state'] !== 'purging' && row?.properties['state'] !== 'pending') {
    throw new Error('only what is going is purged');
  }
  let { etag } = row;
  for (let at = 0; at < own.length; at += 90) {
    const outcome = await stores.tables.commit('repo', partition, [
      { kind: 'merge', rowKey, etag, properties: {} },
      ...own
        .slice(at, at + 90)
        .map((reference) => ({ kind: 'delete', rowKey: reference.rowKey, etag: '*' }) as const),
    ]);
    if (!outcome.ok) throw new Error('the purge lost its race');
    etag = outcome.etags[0] ?? '';
  }
  const { blob } = row.properties;
  if (typeof blob === 'string') {
    const storage = await readStorage();
    if (storage.manifests.has(blob)) await storage.deleteBlob('manifests', blob);
  }
  await stores.tables.commit('repo', partition, [{ kind: 'delete', rowKey, etag }]);
}

it("A7 a stalled attempt's block replaces nothing of the attempt that took over", async () => {
  const repository = newRepository();
  const blob = randomBlob();
  const id = await openUpload(newInstance(stores), repository);
  const pause = pauseAt(stores, ({ method }) => method === 'stageBlock');
  const [slow, quick] = [newInstance(pause.stores), newInstance(stores)];
  const cut = blob.bytes.subarray(0, 100);
  const stalled = appendToUpload(slow, repository, id, bodyOf(cut), undefined);
  await pause.reached;

  await appendToUpload(quick, repository, id, bodyOf(blob.bytes), undefined);
  pause.resume();
  await expect(stalled).rejects.toMatchObject({ status: 416 });
  const put = { digest: blob.digest, body: undefined, range: undefined };
  await finishUpload(quick, repository, id, put);
  expect(await here(newInstance(stores), repository).hasBytes(blob)).toBe(true);
});

it.each(['small', 'blocks'] as const)(
  'A8 a late commit of an older list does not replace what is published (%s)',
  async (size) => {
    const repository = newRepository();
    const blob = randomBlob(sizes[size]);
    const prefix = blobOf(blob.bytes.subarray(0, 200));
    const id = await openUpload(newInstance(stores), repository);
    await appendToUpload(newInstance(stores), repository, id, bodyOf(prefix.bytes), undefined);

    const pause = pauseAt(stores, ({ method }) => method === 'commitBlocks');
    const put = { body: undefined, range: undefined };
    const early = { ...put, digest: prefix.digest };
    const late = finishUpload(newInstance(pause.stores), repository, id, early);
    await pause.reached;
    const rest = bodyOf(blob.bytes.subarray(200));
    await appendToUpload(newInstance(stores), repository, id, rest, undefined);
    await finishUpload(newInstance(stores), repository, id, { ...put, digest: blob.digest });
    pause.resume();
    await expect(late).rejects.toMatchObject({ name: 'RegistryError' });
    const fresh = newInstance(stores);
    expect(await here(fresh, repository).hasBytes(blob)).toBe(true);
    expect(await readBlobLink(fresh, repository, prefix.digest)).toBeUndefined();
  },
);

it('A9 a transaction whose delete has a stale ETag does nothing', async () => {
  const { tables } = stores;
  const insert = { kind: 'insert', rowKey: 'row', properties: {} } as const;
  const touch = { kind: 'merge', rowKey: 'row', etag: '*', properties: {} } as const;
  const inserted = await tables.commit('keys', 'attack', [insert]);
  await tables.commit('keys', 'attack', [touch]);
  const stale = inserted.ok ? (inserted.etags[0] ?? '') : '';
  const outcome = await tables.commit('keys', 'attack', [
    { kind: 'upsert', rowKey: 'other', properties: {} },
    { kind: 'delete', rowKey: 'row', etag: stale },
  ]);
  expect(outcome).toEqual({ ok: false, index: 1, reason: 'changed' });
  expect(await tables.get('keys', 'attack', 'row')).toBeDefined();
  expect(await tables.get('keys', 'attack', 'other')).toBeUndefined();
});

describe('A10 an empty page with a continuation token is not the end', () => {
  const injectPages = () => {
    proxy().inject({ on: 'list', fault: { kind: 'emptyPage' }, times: 2 });
    proxy().inject({ on: 'list', fault: { kind: 'shortPage', rows: 1 }, times: Infinity });
  };

  it('of what refers to a blob that shall be deleted', async () => {
    const repository = newRepository();
    const image = makeImage();
    await pushImage(newInstance(stores), repository, image, ['one']);
    injectPages();
    const deleted = deleteBlob(newInstance(proxied), repository, image.config.digest);
    await expect(deleted).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  });

  it('of the tags of a manifest that is deleted, nor of a list of tags', async () => {
    const repository = newRepository();
    const image = makeImage();
    const tags = ['a', 'b', 'c', 'd', 'e'];
    await pushImage(newInstance(stores), repository, image, tags);
    injectPages();
    const page = { last: '', limit: 100 };
    expect((await listTags(newInstance(proxied), repository, page)).tags).toEqual(tags);
    proxy().clear();
    injectPages();
    await deleteManifest(newInstance(proxied), repository, image.manifest.digest);
    expect((await listTags(newInstance(stores), repository, page)).tags).toEqual([]);
  });

  it('of the holders of a blob that is mounted without from', async () => {
    const [from, to] = [newRepository(), newRepository()];
    const blob = randomBlob();
    await pushBlob(newInstance(stores), from, blob);
    injectPages();
    const { digest } = blob;
    const request = { repository: to, digest, from: undefined, mayPull: () => true };
    expect(await mountBlob(newInstance(proxied), request)).toBe(true);
  });
});

it('A11 a layer that a manifest names twice, and one that is its config too, count once', async () => {
  const repository = newRepository();
  const [config, layer] = [randomBlob(), randomBlob()];
  const image = makeImage({ config, layers: [layer, config, layer, layer] });
  await pushImage(newInstance(stores), repository, image, ['latest']);
  expect((await pullTag(newInstance(stores), repository, 'latest')).digest).toBe(
    image.manifest.digest,
  );
});

describe('A12 what is on its way in or out is not there', () => {
  it('a blob that is being released is no right to it, and no child', async () => {
    const repository = newRepository();
    const image = makeImage();
    const registry = newInstance(stores);
    for (const blob of [image.config, ...image.layers]) await pushBlob(registry, repository, blob);
    await deleteBlob(registry, repository, image.config.digest);
    const pushed = pushManifest(registry, repository, image.manifest, ['latest']);
    await expect(pushed).rejects.toMatchObject({ code: 'MANIFEST_BLOB_UNKNOWN' });
    await expect(locateBlob(registry, repository, image.config.digest)).rejects.toMatchObject({
      code: 'BLOB_UNKNOWN',
    });
  });

  it('a manifest that is half written is not served, by tag or by digest', async () => {
    const repository = newRepository();
    const image = makeImage({ paddingBytes: 70_000 });
    const registry = newInstance(stores);
    for (const blob of [image.config, ...image.layers]) await pushBlob(registry, repository, blob);
    const broken = interpose(stores, async ({ method }, proceed) => {
      if (method === 'putBlob') throw new StorageUnavailable('no answer');
      return await proceed();
    });
    const half = pushManifest(newInstance(broken), repository, image.manifest, ['latest']);
    await expect(half).rejects.toThrow(StorageUnavailable);
    const { partition } = here(registry, repository);
    const row = await readManifestRow(registry, partition, image.manifest.digest);
    expect(row?.state).toBe('pending');
    for (const tag of ['latest']) {
      await expect(pullTag(registry, repository, tag)).rejects.toMatchObject({ status: 404 });
    }
    const asked = deleteManifest(registry, repository, image.manifest.digest);
    await expect(asked).rejects.toMatchObject({ code: 'MANIFEST_UNKNOWN' });
  });
});

it('A13 an index with many absent children, and blobs among the present, costs few transactions', async () => {
  const repository = newRepository();
  const registry = newInstance(stores);
  const present = makeImage();
  await pushImage(registry, repository, present);
  const layer = present.layers[0] ?? present.config;
  const absent = Array.from({ length: 30 }, () => makeImage());
  const cache = { ...layer, mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip' };
  const index = makeIndex([present.manifest, cache, ...absent.map(({ manifest }) => manifest)]);
  let transactions = 0;
  const counting = interpose(stores, async ({ method }, proceed) => {
    if (method === 'commit') transactions += 1;
    return await proceed();
  });
  await pushManifest(newInstance(counting), repository, index, ['multi']);
  expect(transactions).toBeLessThanOrEqual(3);

  const deleted = deleteBlob(registry, repository, layer.digest);
  await expect(deleted).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  const late = absent[0] ?? present;
  await pushImage(registry, repository, late);
});

describe('A14 a write keeps what it does not know', () => {
  it.each(['before', 'while'] as const)('on a tag that gets it %s it is moved', async (when) => {
    const repository = newRepository();
    const image = makeImage();
    await pushImage(newInstance(stores), repository, image, ['latest']);
    const next = makeImage({ config: image.config, layers: image.layers });
    const { partition } = here(newInstance(stores), repository);
    const rowKey = tagKey(tagNamed('latest'));
    const note = () =>
      stores.tables.commit('repo', partition, [
        { kind: 'merge', rowKey, etag: '*', properties: { fromTheFuture: 'kept' } },
      ]);
    if (when === 'before') await note();
    const pause = pauseAt(stores, commits('replace', 't:'));
    const moved = pushManifest(newInstance(pause.stores), repository, next.manifest, ['latest']);
    await pause.reached;
    if (when === 'while') await note();
    pause.resume();
    await moved;
    const row = await stores.tables.get('repo', partition, rowKey);
    expect(row?.properties).toMatchObject({ fromTheFuture: 'kept', digest: next.manifest.digest });
  });

  it('on a manifest that is pushed again', async () => {
    const repository = newRepository();
    const image = makeImage();
    await pushImage(newInstance(stores), repository, image, ['latest']);
    const { partition } = here(newInstance(stores), repository);
    const rowKey = manifestKey(image.manifest.digest);
    const properties = { fromTheFuture: 'kept' };
    await stores.tables.commit('repo', partition, [
      { kind: 'merge', rowKey, etag: '*', properties },
    ]);
    await pushManifest(newInstance(stores), repository, image.manifest, ['other']);
    const row = await stores.tables.get('repo', partition, rowKey);
    expect(row?.properties).toMatchObject(properties);
  });
});

it('A21 a manifest with a hundred tags goes with all of them, and none comes back with it', async () => {
  const repository = newRepository();
  const image = makeImage();
  const tags = Array.from({ length: 100 }, (_, index) => `tag-${index}`);
  await pushImage(newInstance(stores), repository, image, tags);
  // It breaks off after the first transaction, and the manifest is pushed again: what went stays
  // gone.
  const pause = pauseAt(stores, commits('replace', 'm:'));
  const broken = deleteManifest(newInstance(pause.stores), repository, image.manifest.digest);
  await pause.reached;
  const page = { last: '', limit: 1000 };
  const left = (await listTags(newInstance(stores), repository, page)).tags;
  expect(left.length).toBeLessThan(100);
  await pushManifest(newInstance(stores), repository, image.manifest);
  expect((await listTags(newInstance(stores), repository, page)).tags).toEqual(left);

  pause.resume();
  await broken;
  await pushManifest(newInstance(stores), repository, image.manifest);
  expect((await listTags(newInstance(stores), repository, page)).tags).toEqual([]);
});

describe('A22 a tag never points to a deleted manifest', () => {
  it('when it is written after the deletion has listed the tags', async () => {
    const repository = newRepository();
    const image = makeImage();
    await pushImage(newInstance(stores), repository, image, ['one']);
    const pause = pauseAt(stores, commits('replace', 'm:'));
    const deleted = deleteManifest(newInstance(pause.stores), repository, image.manifest.digest);
    await pause.reached;
    await pushManifest(newInstance(stores), repository, image.manifest, ['two']);
    pause.resume();
    await deleted;
    for (const tag of ['one', 'two']) {
      const pulled = pullTag(newInstance(stores), repository, tag);
      await expect(pulled).rejects.toMatchObject({ code: 'MANIFEST_UNKNOWN' });
    }
  });

  it('when its manifest is deleted while it is written: the manifest lives again', async () => {
    const repository = newRepository();
    const image = makeImage();
    await pushImage(newInstance(stores), repository, image, ['one']);
    const pause = pauseAt(stores, commits('insert', 't:'));
    const { manifest } = image;
    const tagged = pushManifest(newInstance(pause.stores), repository, manifest, ['two']);
    await pause.reached;
    await deleteManifest(newInstance(stores), repository, manifest.digest);
    pause.resume();
    await tagged;
    expect((await pullTag(newInstance(stores), repository, 'two')).digest).toBe(manifest.digest);
    const old = pullTag(newInstance(stores), repository, 'one');
    await expect(old).rejects.toMatchObject({ code: 'MANIFEST_UNKNOWN' });
  });
});

describe('A23 a manifest and the deletion of its layer', () => {
  it('the manifest comes after the look for references: the layer stays', async () => {
    const repository = newRepository();
    const image = makeImage();
    const registry = newInstance(stores);
    for (const blob of [image.config, ...image.layers]) await pushBlob(registry, repository, blob);
    const pause = pauseAt(stores, commits('delete', 'b:'));
    const deleted = deleteBlob(newInstance(pause.stores), repository, image.config.digest);
    await pause.reached;
    await pushManifest(registry, repository, image.manifest, ['latest']);
    pause.resume();
    await expect(deleted).rejects.toMatchObject({ name: 'RegistryError' });
    expect(await here(newInstance(stores), repository).hasBytes(image.config)).toBe(true);
  });

  it('the layer goes before the manifest is written: the manifest is refused', async () => {
    const repository = newRepository();
    const image = makeImage();
    const registry = newInstance(stores);
    for (const blob of [image.config, ...image.layers]) await pushBlob(registry, repository, blob);
    const pause = pauseAt(stores, commits('insert', 'm:'));
    const pushed = pushManifest(newInstance(pause.stores), repository, image.manifest, ['latest']);
    await pause.reached;
    await deleteBlob(registry, repository, image.config.digest);
    pause.resume();
    await expect(pushed).rejects.toMatchObject({ code: 'MANIFEST_BLOB_UNKNOWN' });
  });
});

it('A24 a holder row without a link is no right to the blob', async () => {
  const [owner, stale, mine] = [newRepository(), newRepository(), newRepository()];
  const blob = randomBlob();
  const registry = newInstance(stores);
  await pushBlob(registry, owner, blob);
  // A mount that stopped before its last transaction leaves such a row, with its intent.
  const pause = pauseAt(stores, commits('insert', 'b:'));
  const { digest } = blob;
  const everything = () => true;
  void mountBlob(newInstance(pause.stores), {
    repository: stale,
    digest,
    from: owner,
    mayPull: everything,
  });
  await pause.reached;
  const { name } = await locateBlob(registry, owner, digest);
  const holder = holderKey(repositoryPartition(stale));
  expect(await stores.tables.get('data', name, holder)).toBeDefined();
  for (const from of [undefined, stale]) {
    const mayPull = (repository: string) => repository === stale || repository === mine;
    expect(await mountBlob(registry, { repository: mine, digest, from, mayPull })).toBe(false);
  }
});

it('A27 a right that an instance remembers leads to the same bytes as ever, or to none', async () => {
  const repository = newRepository();
  const blob = randomBlob();
  const [deleting, remembering] = [newInstance(stores), newInstance(stores)];
  await pushBlob(deleting, repository, blob);
  const before = await locateBlob(remembering, repository, blob.digest);
  await deleteBlob(deleting, repository, blob.digest);
  expect(await here(remembering, repository).hasBytes(blob)).toBe(true);
  const asked = locateBlob(deleting, repository, blob.digest);
  await expect(asked).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });

  await pushBlob(deleting, repository, blob);
  const after = await locateBlob(newInstance(stores), repository, blob.digest);
  expect(after.name).not.toBe(before.name);
});

it('a pull by tag succeeds while the tag moves and what it pointed to is deleted', async () => {
  const repository = newRepository();
  const old = makeImage();
  await pushImage(newInstance(stores), repository, old, ['latest']);
  const next = makeImage({ config: old.config, layers: old.layers });
  const pause = pauseAt(
    stores,
    ({ method, rowKey }) => method === 'get' && rowKey === manifestKey(old.manifest.digest),
  );
  const pulled = pullTag(newInstance(pause.stores), repository, 'latest');
  await pause.reached;
  await pushManifest(newInstance(stores), repository, next.manifest, ['latest']);
  await deleteManifest(newInstance(stores), repository, old.manifest.digest);
  pause.resume();
  expect((await pulled).digest).toBe(next.manifest.digest);
});

it.each(['moved', 'deleted', 'deleted the manifest of'] as const)(
  'an instance that %s a tag never serves the old one, not even while storage is away',
  async (change) => {
    const repository = newRepository();
    const image = makeImage();
    let away = false;
    const fickle = interpose(stores, async (_, proceed) => {
      if (away) throw new StorageUnavailable('away');
      return await proceed();
    });
    const registry = newInstance(fickle);
    await pushImage(registry, repository, image, ['latest']);
    await pullTag(registry, repository, 'latest');
    if (change === 'deleted') await deleteTag(registry, repository, tagNamed('latest'));
    else if (change === 'deleted the manifest of') {
      await deleteManifest(registry, repository, image.manifest.digest);
    } else {
      const next = makeImage({ config: image.config, layers: image.layers });
      await pushManifest(registry, repository, next.manifest, ['latest']);
    }
    away = true;
    await expect(pullTag(registry, repository, 'latest')).rejects.toThrow(StorageUnavailable);
  },
);

it('after all these attacks every invariant holds', async () => {
  expect(await brokenInvariants()).toEqual([]);
});
