import { describe, expect, it } from 'vitest';
import { deleteManifest } from '../../shared/registry/manifests/delete-manifest.ts';
import { finishUpload } from '../../shared/registry/uploads/finish-upload.ts';
import { appendToUpload } from '../../shared/registry/uploads/append-upload.ts';
import { deleteBlob } from '../../shared/registry/blobs/delete-blob.ts';
import { mountBlob } from '../../shared/registry/blobs/mount-blob.ts';
import { statBlob } from '../../shared/registry/blobs/pull-blob.ts';
import { repositoryPartition, uploadKey } from '../../shared/registry/rows/row-keys.ts';
import { cancelUpload } from '../../shared/registry/uploads/upload-session.ts';
import { expectBlob, gone } from '../faults/crash-scenario.ts';
import { makeImage, randomBlob } from '../faults/image.ts';
import {
  bodyOf,
  newInstance,
  openUpload,
  pushBlob,
  pushImage,
  pushManifest,
  repositoriesUnder,
} from '../faults/in-process.ts';
import { testStorage } from '../faults/test-storage.ts';
import { freedBytes, impatientInstance, rowsOf, sweepOnce, sweepUntilQuiet } from './sweeping.ts';

const { brokenInvariants, readStorage, stores } = testStorage();

const newRepository = repositoriesUnder('sweep');
const contentNames = async () => [...(await readStorage()).content.keys()];

describe('a blob', () => {
  it('that no manifest refers to is gone after its day, with its bytes and every row', async () => {
    const repository = newRepository();
    const registry = impatientInstance(stores);
    const before = await contentNames();
    const blob = randomBlob(70_000);
    await pushBlob(registry, repository, blob);
    expect(await contentNames()).not.toEqual(before);

    const reports = await sweepUntilQuiet(registry);
    expect(freedBytes(reports)).toBe(70_000);
    expect(await contentNames()).toEqual(before);
    const snapshot = await readStorage();
    expect(rowsOf(snapshot, repository)).toEqual([]);
    expect(snapshot.data.size).toBe(0);
    expect(snapshot.catalog.get('c')?.has(repositoryPartition(repository)) ?? false).toBe(false);
    expect(await registry.tables.list('digests', blob.digest, { from: '0', before: '~' })).toEqual(
      [],
    );
    await gone(statBlob(registry, repository, blob.digest));
  });

  it('that a manifest refers to stays, and costs no look after the first', async () => {
    const repository = newRepository();
    const registry = impatientInstance(stores);
    const image = makeImage();
    await pushImage(registry, repository, image, ['latest']);
    await sweepUntilQuiet(registry);
    await expectBlob(newInstance(stores), repository, image.config);
    expect(rowsOf(await readStorage(), repository, /^z:/)).toEqual([]);
    expect(await brokenInvariants()).toEqual([]);
  });

  it('that was promised within the day stays, and its work row waits for the end of it', async () => {
    const repository = newRepository();
    const blob = randomBlob();
    await pushBlob(impatientInstance(stores), repository, blob);
    await sweepOnce(newInstance(stores));
    await expectBlob(newInstance(stores), repository, blob);
    const [work] = rowsOf(await readStorage(), repository, /^z:/);
    expect(work).toMatch(/^z:\d{8}T\d{6}:b:/);
    const due = /^z:(\d{8})/.exec(work ?? '')?.[1] ?? '';
    expect(due > new Date().toISOString().slice(0, 10).replaceAll('-', '')).toBe(true);
    await deleteBlob(newInstance(stores), repository, blob.digest);
  });

  it('that is deleted is unreadable at once, and its bytes are gone after the sweep', async () => {
    const repository = newRepository();
    const before = await contentNames();
    const registry = impatientInstance(stores);
    const blob = randomBlob();
    await pushBlob(newInstance(stores), repository, blob);
    await deleteBlob(newInstance(stores), repository, blob.digest);
    await gone(statBlob(newInstance(stores), repository, blob.digest));
    await sweepUntilQuiet(registry);
    expect((await contentNames()).length).toBeLessThanOrEqual(before.length);
    expect(rowsOf(await readStorage(), repository, /^[nb]:/)).toEqual([]);
  });

  it('that is given up keeps its bytes for an hour: who was told where they lie still reads them', async () => {
    const repository = newRepository();
    const blob = randomBlob(70_001);
    const before = await contentNames();
    await pushBlob(newInstance(stores), repository, blob);
    await deleteBlob(newInstance(stores), repository, blob.digest);
    const report = await sweepOnce(newInstance(stores));
    expect(report.kinds.releases.done).toBeGreaterThan(0);
    expect((await contentNames()).length).toBe(before.length + 1);
    expect(freedBytes([report])).toBe(0);
    const clock = { now: () => new Date(Date.now() + 3 * 3600_000) };
    expect(freedBytes([await sweepOnce(newInstance(stores, clock))])).toBe(0);
    expect((await contentNames()).length).toBe(before.length + 1);
    const later = { ...impatientInstance(stores), clock };
    expect(freedBytes(await sweepUntilQuiet(later))).toBe(70_001);
    expect((await contentNames()).length).toBe(before.length);
  });

  it('keeps its bytes until the last of the repositories that share it gives it up', async () => {
    const [first, second, third] = [newRepository(), newRepository(), newRepository()];
    const registry = impatientInstance(stores);
    const image = makeImage({ layers: [randomBlob(90_000)] });
    const [layer] = image.layers;
    if (layer === undefined) throw new Error('no layer');
    await pushImage(registry, first, image, ['latest']);
    for (const [from, repository] of [
      [first, second],
      [second, third],
    ] as const) {
      for (const { digest } of [image.config, layer]) {
        const request = { repository, digest, from, mayPull: () => true };
        expect(await mountBlob(registry, request)).toBe(true);
      }
      await pushManifest(registry, repository, image.manifest, ['latest']);
    }
    for (const [repository, left] of [
      [first, third],
      [second, third],
    ] as const) {
      await deleteManifest(registry, repository, image.manifest.digest);
      await sweepUntilQuiet(registry);
      await expectBlob(newInstance(stores), left, layer);
      expect(await brokenInvariants()).toEqual([]);
    }
    await deleteManifest(registry, third, image.manifest.digest);
    const reports = await sweepUntilQuiet(registry);
    expect(freedBytes(reports)).toBeGreaterThanOrEqual(90_000);
    const { data } = await readStorage();
    const digests = [...data.values()].map((rows) => rows.get('l')?.['digest']);
    expect(digests).not.toContain(layer.digest);
  });
});

describe('an upload', () => {
  it.each([
    ['nothing', 0],
    ['some blocks', 3000],
  ])('that nobody went on with, with %s, is gone with what it staged', async (_, sizeBytes) => {
    const repository = newRepository();
    const registry = impatientInstance(stores);
    const before = await contentNames();
    const id = await openUpload(registry, repository);
    if (sizeBytes > 0) {
      await appendToUpload(
        registry,
        repository,
        id,
        bodyOf(randomBlob(sizeBytes).bytes),
        undefined,
      );
      expect(await contentNames()).not.toEqual(before);
    }
    expect(freedBytes(await sweepUntilQuiet(registry))).toBe(sizeBytes);
    expect(await contentNames()).toEqual(before);
    expect(rowsOf(await readStorage(), repository)).toEqual([]);
  });

  it('that goes on is left alone', async () => {
    const repository = newRepository();
    const id = await openUpload(impatientInstance(stores), repository);
    const report = await sweepOnce(newInstance(stores));
    expect(report.kinds.uploads).toMatchObject({ done: 0 });
    const blob = randomBlob();
    const patient = newInstance(stores);
    await appendToUpload(patient, repository, id, bodyOf(blob.bytes), undefined);
    await cancelUpload(patient, repository, id);
  });

  it('that was cancelled is removed an hour later', async () => {
    const repository = newRepository();
    const registry = newInstance(stores);
    const id = await openUpload(registry, repository);
    await cancelUpload(registry, repository, id);
    const late = { now: () => new Date(Date.now() + 2 * 3600_000) };
    await sweepOnce({ ...registry, clock: late });
    expect(rowsOf(await readStorage(), repository, /^u:/)).toHaveLength(1);
    await sweepUntilQuiet({ ...impatientInstance(stores), clock: late });
    expect(rowsOf(await readStorage(), repository, /^u:/)).toEqual([]);
  });

  it('that a late delivery of its POST brought back takes nothing of what it published', async () => {
    const repository = newRepository();
    const registry = impatientInstance(stores);
    const image = makeImage();
    const before = await readStorage();
    const id = await openUpload(registry, repository);
    const session = await registry.tables.get(
      'repo',
      repositoryPartition(repository),
      uploadKey(id),
    );
    const layer = image.layers[0] ?? randomBlob();
    await finishUpload(registry, repository, id, {
      digest: layer.digest,
      body: bodyOf(layer.bytes),
      range: undefined,
    });
    await pushBlob(registry, repository, image.config);
    await pushManifest(registry, repository, image.manifest, ['latest']);
    const { properties = {} } = session ?? {};
    await registry.tables.commit('repo', repositoryPartition(repository), [
      { kind: 'insert', rowKey: uploadKey(id), properties },
      { kind: 'upsert', rowKey: String(properties['workKey']), properties: {} },
    ]);
    await sweepUntilQuiet(registry);
    await expectBlob(newInstance(stores), repository, layer);
    expect(rowsOf(await readStorage(), repository, /^u:/)).toEqual([]);
    expect(await brokenInvariants()).toEqual([]);
    expect((await contentNames()).length).toBe(before.content.size + 2);
  });
});
