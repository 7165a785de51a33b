import { describe, expect, it } from 'vitest';
import type { RepositoryName } from '../../shared/domain/repository-name.ts';
import { audit } from '../../shared/registry/audit/audit.ts';
import { deleteBlob } from '../../shared/registry/blobs/delete-blob.ts';
import { deleteManifest } from '../../shared/registry/manifests/delete-manifest.ts';
import { listReferrers } from '../../shared/registry/manifests/list-referrers.ts';
import { readManifestRow } from '../../shared/registry/manifests/manifest-row.ts';
import { changeManifest } from '../../shared/registry/manifests/quarantine-manifest.ts';
import { restoreManifest } from '../../shared/registry/manifests/restore-manifest.ts';
import type { Registry } from '../../shared/registry/registry.ts';
import { repositoryPartition } from '../../shared/registry/rows/row-keys.ts';
import { sweep } from '../../shared/registry/sweep/sweep.ts';
import { impatient } from '../sweep/sweeping.ts';
import { expectBlob, expectTag, gone, unless404 } from './crash-scenario.ts';
import { blobsOf, makeImage, type TestImage } from './image.ts';
import { newInstance, pullTag, pushImage, pushManifest, repositoryNamed } from './in-process.ts';
import type { Stores } from './interpose.ts';
import { commits, pauseAt } from './pause.ts';
import { withPolicy } from './with-policy.ts';
import { testStorage } from './test-storage.ts';

/*
 * Two instances: one stalls before it writes, the other does all it wants meanwhile. A day of
 * retention is over at once for the impatient sweep.
 */

const { brokenInvariants, stores } = testStorage();
let count = 0;

const policy = { softDelete: [{ repositories: ['*'], retainDays: 1 }] };
const instance = (used: Stores = stores): Registry =>
  withPolicy(newInstance(used, undefined, { ...impatient, retainedDay: 0 }), policy);
const patient = (): Registry => withPolicy(newInstance(stores), policy);

async function sweepIt(repository: RepositoryName, used: Stores = stores): Promise<void> {
  for (let round = 0; round < 4; round++) {
    const options = { dryRun: false, maxMs: 60_000, repository };
    expect((await sweep(instance(used), options)).failures).toEqual([]);
  }
}

/** Two days later, when a day of retention is over by every clock. */
async function sweepLater(repository: RepositoryName): Promise<void> {
  const clock = { now: () => new Date(Date.now() + 48 * 3600_000) };
  const options = { dryRun: false, maxMs: 60_000, repository };
  expect((await sweep({ ...instance(), clock }, options)).failures).toEqual([]);
}

async function given(): Promise<{ repository: RepositoryName; image: TestImage }> {
  const repository = repositoryNamed(`race/r${count++}`);
  const image = makeImage();
  await pushImage(instance(), repository, image, ['one']);
  return { repository, image };
}

async function givenDeleted() {
  const there = await given();
  await deleteManifest(instance(), there.repository, there.image.manifest.digest);
  return there;
}

async function expectWhole(repository: RepositoryName, image: TestImage, tag = 'one') {
  await sweepIt(repository);
  await expectTag(newInstance(stores), repository, tag, image.manifest);
  for (const blob of blobsOf(image)) await expectBlob(newInstance(stores), repository, blob);
}

describe('A17 a restore', () => {
  it('that stalls while the sweep ends the manifest is refused: it is too late', async () => {
    const { repository, image } = await givenDeleted();
    const pause = pauseAt(stores, commits('insert', 't:'));
    const restored = restoreManifest(instance(pause.stores), repository, image.manifest.digest);
    await pause.reached;
    await sweepIt(repository);
    pause.resume();
    await expect(restored).rejects.toMatchObject({ code: 'MANIFEST_UNKNOWN' });
    await gone(pullTag(newInstance(stores), repository, 'one'));
  });

  it('that is done while the sweep stalls before it ends the manifest stands', async () => {
    const { repository, image } = await givenDeleted();
    const pause = pauseAt(stores, commits('replace', 'm:'));
    const swept = sweepIt(repository, pause.stores);
    await pause.reached;
    await restoreManifest(instance(), repository, image.manifest.digest);
    pause.resume();
    await swept;
    await expectWhole(repository, image);
  });

  it('after the sweep has ended the manifest, and before its layers went, is refused', async () => {
    const { repository, image } = await givenDeleted();
    const pause = pauseAt(stores, commits('delete', 'p:'));
    const swept = sweepIt(repository, pause.stores);
    await pause.reached;
    const restored = restoreManifest(instance(), repository, image.manifest.digest);
    await expect(restored).rejects.toMatchObject({ code: 'MANIFEST_UNKNOWN' });
    await pushManifest(instance(), repository, image.manifest, ['two']);
    pause.resume();
    await swept;
    await expectWhole(repository, image, 'two');
  });

  it('that stalls while the same manifest is pushed leaves what was pushed', async () => {
    const { repository, image } = await givenDeleted();
    const pause = pauseAt(stores, commits('insert', 't:one'));
    const restored = restoreManifest(instance(pause.stores), repository, image.manifest.digest);
    await pause.reached;
    await pushManifest(instance(), repository, image.manifest, ['two']);
    pause.resume();
    // The push revived it, and what is live has nothing to restore.
    expect(await restored).toMatchObject({ restored: [] });
    await expectWhole(repository, image, 'two');
  });

  it('twice at once brings it back once, with its tag', async () => {
    const { repository, image } = await givenDeleted();
    const { digest } = image.manifest;
    const outcomes = await Promise.all(
      [instance(), instance(), instance()].map((each) => restoreManifest(each, repository, digest)),
    );
    expect(outcomes.flatMap(({ restored }) => restored)).toEqual([{ digest, tags: ['one'] }]);
    await expectWhole(repository, image);
  });

  it('beside a deletion of the same manifest leaves it whole or restorable', async () => {
    const { repository, image } = await givenDeleted();
    const { digest } = image.manifest;
    const pause = pauseAt(stores, commits('insert', 't:'));
    const restored = restoreManifest(instance(pause.stores), repository, digest);
    await pause.reached;
    await restoreManifest(instance(), repository, digest);
    await deleteManifest(instance(), repository, digest);
    pause.resume();
    await restored;
    await expectWhole(repository, image);
  });

  it('does not take a tag that was pushed while it stalled', async () => {
    const { repository, image } = await givenDeleted();
    const other = makeImage();
    const pause = pauseAt(stores, commits('insert', 't:'));
    const restored = restoreManifest(instance(pause.stores), repository, image.manifest.digest);
    await pause.reached;
    await pushImage(instance(), repository, other, ['one']);
    pause.resume();
    expect((await restored).takenTags).toEqual([{ tag: 'one', digest: other.manifest.digest }]);
    await expectWhole(repository, other);
  });
});

it('A17 a deleted manifest stays, with its layers, until its time is over, whatever is swept', async () => {
  const { repository, image } = await given();
  await deleteManifest(patient(), repository, image.manifest.digest);
  await sweepIt(repository);
  await sweepIt(repository);
  const row = await readManifestRow(
    newInstance(stores),
    repositoryPartition(repository),
    image.manifest.digest,
  );
  expect(row?.state).toBe('deleted');
  await restoreManifest(patient(), repository, image.manifest.digest);
  await expectWhole(repository, image);
});

it('A17 a manifest that was deleted, restored and deleted again is kept for the second deletion’s time', async () => {
  const { repository, image } = await given();
  const { digest } = image.manifest;
  await deleteManifest(instance(), repository, digest);
  await restoreManifest(instance(), repository, digest);
  await deleteManifest(patient(), repository, digest);
  await sweepIt(repository);
  await restoreManifest(instance(), repository, digest);
  await expectWhole(repository, image);
});

it('A18 a referrer of a deleted subject stays, and is listed', async () => {
  const { repository, image } = await given();
  const { config, layers, manifest: subject } = image;
  const referrer = makeImage({ config, layers, subject });
  await pushManifest(instance(), repository, referrer.manifest, ['signature']);
  await deleteManifest(instance(), repository, subject.digest);
  await sweepIt(repository);
  await expectWhole(repository, referrer, 'signature');
  const page = { last: '', limit: 10, artifactType: undefined };
  const { descriptors } = await listReferrers(instance(), repository, subject.digest, page);
  expect(descriptors.map(({ digest }) => digest)).toEqual([referrer.manifest.digest]);
});

it('A21 a deletion of many tags that breaks off, and is repeated, forgets none of them', async () => {
  const repository = repositoryNamed(`race/r${count++}`);
  const image = makeImage();
  const tags = Array.from({ length: 60 }, (_, index) => `tag-${index}`);
  await pushImage(instance(), repository, image, tags);
  const pause = pauseAt(stores, commits('replace', 'm:'));
  const stalled = deleteManifest(instance(pause.stores), repository, image.manifest.digest);
  await pause.reached;
  await deleteManifest(instance(), repository, image.manifest.digest);
  pause.resume();
  await expect(stalled).rejects.toMatchObject({ code: 'MANIFEST_UNKNOWN' });
  const { restored } = await restoreManifest(instance(), repository, image.manifest.digest);
  expect(restored.flatMap((each) => each.tags).toSorted()).toEqual(tags.toSorted());
});

it('A22 a tag pushed while its manifest is softly deleted revives it or is refused', async () => {
  const { repository, image } = await given();
  const pause = pauseAt(stores, commits('insert', 't:two'));
  const tagged = pushManifest(instance(pause.stores), repository, image.manifest, ['two']);
  await pause.reached;
  await deleteManifest(instance(), repository, image.manifest.digest);
  pause.resume();
  await tagged;
  await expectWhole(repository, image, 'two');
  await gone(pullTag(newInstance(stores), repository, 'one'));
});

it('A23 a layer of a deleted manifest cannot be deleted before the restore is out of reach', async () => {
  const { repository, image } = await givenDeleted();
  const [layer] = image.layers;
  if (layer === undefined) throw new Error('an image without layers');
  await expect(deleteBlob(instance(), repository, layer.digest)).rejects.toMatchObject({
    status: 405,
  });
  await sweepIt(repository);
  await deleteBlob(instance(), repository, layer.digest).catch(unless404);
  const restored = restoreManifest(instance(), repository, image.manifest.digest);
  await expect(restored).rejects.toMatchObject({ code: 'MANIFEST_UNKNOWN' });
});

it('A14 a push that stalls does not lift a quarantine that was acknowledged meanwhile', async () => {
  const { repository, image } = await given();
  const pause = pauseAt(stores, commits('insert', 't:two'));
  const tagged = pushManifest(instance(pause.stores), repository, image.manifest, ['two']);
  await pause.reached;
  const { digest } = image.manifest;
  await changeManifest(instance(), repository, digest, { quarantineState: 'Quarantined' });
  pause.resume();
  await tagged;
  for (const tag of ['one', 'two']) await gone(pullTag(newInstance(stores), repository, tag));
  await changeManifest(instance(), repository, digest, { quarantineState: 'Passed' });
  for (const tag of ['one', 'two']) {
    await expectTag(newInstance(stores), repository, tag, image.manifest);
  }
});

it('a deleted manifest whose work row was lost is found by the audit, and ends in its time', async () => {
  const { repository, image } = await givenDeleted();
  const partition = repositoryPartition(repository);
  const row = await readManifestRow(instance(), partition, image.manifest.digest);
  const rowKey = String(row?.properties['workKey']);
  await stores.tables.commit('repo', partition, [{ kind: 'delete', rowKey, etag: '*' }]);
  const auditor = newInstance(stores, undefined, { ...impatient, auditedAge: 0 });
  await audit(auditor, { repair: true, maxMs: 60_000 });
  expect(await stores.tables.get('repo', partition, rowKey)).toBeDefined();
  await sweepLater(repository);
  const restored = restoreManifest(instance(), repository, image.manifest.digest);
  await expect(restored).rejects.toMatchObject({ code: 'MANIFEST_UNKNOWN' });
});

it('after all these races every invariant holds', async () => {
  expect(await brokenInvariants()).toEqual([]);
});
