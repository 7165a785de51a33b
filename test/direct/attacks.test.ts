import { randomBytes } from 'node:crypto';
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob';
import { beforeAll, describe, expect, it } from 'vitest';
import { blobPathOf } from '../../shared/domain/physical-name.ts';
import { type StagingName, stagingPathOf } from '../../shared/domain/staging-name.ts';
import { systemClock } from '../../shared/ports/clock.ts';
import { readBlobLink } from '../../shared/registry/blobs/blob-link.ts';
import type { Registry } from '../../shared/registry/registry.ts';
import { limits, seconds } from '../../shared/registry/settings.ts';
import { sweepDirectSession } from '../../shared/registry/uploads/direct-sweep.ts';
import { startDirectUpload } from '../../shared/registry/uploads/direct-start.ts';
import { makeImage, randomBlob, type TestBlob, type TestImage } from '../faults/image.ts';
import { newInstance, pullBlob, pushBlob, repositoryNamed } from '../faults/in-process.ts';
import { testStorage } from '../faults/test-storage.ts';
import type { PortCall, Stores } from '../faults/interpose.ts';
import { commits, pauseAt } from '../faults/pause.ts';
import { putBlock } from './direct-client.ts';
import { newPusher, pushManifestOf, putDirect } from './in-process.ts';

const { stores, azurite, brokenInvariants } = testStorage();
let service: BlobServiceClient;

beforeAll(() => {
  const { blobUrl, accountName, accountKey } = azurite();
  service = new BlobServiceClient(blobUrl, new StorageSharedKeyCredential(accountName, accountKey));
});

/** With claims that are soon over. */
const instance = (used: Stores = stores): Registry =>
  newInstance(used, systemClock, { ...seconds, directClaim: 0.3 });

let repositories = 0;
const newRepository = () => repositoryNamed(`direct-attack/r${repositories++}`);
const stagedBlob = (name: StagingName) =>
  service.getContainerClient('staging').getBlockBlobClient(stagingPathOf(name));
const call = (method: PortCall['method']) => (each: PortCall) => each.method === method;

/** An image whose config is there and whose layer was put into storage. */
async function givenLayer() {
  const repository = newRepository();
  const pusher = newPusher();
  const [config, layer] = [randomBlob(), randomBlob(3000)];
  await pushBlob(instance(), repository, config);
  const put = await putDirect(instance(), repository, pusher, layer);
  const image: TestImage = makeImage({ config, layers: [layer] });
  const push = (used: Stores = stores) =>
    pushManifestOf(instance(used), repository, pusher, image.manifest, 'latest');
  return { repository, pusher, layer, image, push, ...put };
}

async function expectLayer(repository: ReturnType<typeof newRepository>, layer: TestBlob) {
  const pulled = await pullBlob(newInstance(stores), repository, layer);
  expect(layer.bytes.equals(pulled)).toBe(true);
  expect(await brokenInvariants()).toEqual([]);
}

const unknownBlob = { code: 'MANIFEST_BLOB_UNKNOWN' };

it('A7 a late block of a stalled twin, after the commit, changes nothing', async () => {
  const { repository, layer, url, push } = await givenLayer();
  const pause = pauseAt(stores, call('describe'));
  const pushed = push(pause.stores);
  await pause.reached;
  expect((await putBlock(url, randomBytes(3000))).status).toBe(201);
  pause.resume();
  await pushed;
  await expectLayer(repository, layer);
});

describe('what is done to the staged blob between its commit and its copy', () => {
  const changes: Readonly<
    Record<string, (name: StagingName, victim: TestBlob) => Promise<unknown>>
  > = {
    'A25 metadata with a victim’s digest': (name, { digest }) =>
      stagedBlob(name).setMetadata({ digest }),
    'A26 headers that a client would decode or render': (name) =>
      stagedBlob(name).setHTTPHeaders({
        blobContentEncoding: 'gzip',
        blobContentType: 'text/html',
      }),
    'A30 other bytes, of a write that began long before': (name) =>
      stagedBlob(name).upload('mine', 4),
  };
  const moments = ['describe', 'stream', 'publish'] as const;

  for (const [attack, change] of Object.entries(changes)) {
    it.each(moments)(`${attack}, before %s: nothing of it is published`, async (moment) => {
      const { repository, layer, session, push } = await givenLayer();
      const victim = randomBlob();
      const pause = pauseAt(stores, call(moment));
      const pushed = push(pause.stores);
      await pause.reached;
      await change(session.staging, victim);
      pause.resume();
      await expect(pushed).rejects.toMatchObject(unknownBlob);
      expect(await readBlobLink(instance(), repository, layer.digest)).toBeUndefined();
      expect(await readBlobLink(instance(), repository, victim.digest)).toBeUndefined();
      expect(await brokenInvariants()).toEqual([]);
    });
  }

  it('A33 the Archive tier: the upload fails closed', async () => {
    const { session, push } = await givenLayer();
    const pause = pauseAt(stores, call('describe'));
    const pushed = push(pause.stores);
    await pause.reached;
    await stagedBlob(session.staging).setAccessTier('Archive');
    pause.resume();
    await expect(pushed).rejects.toMatchObject(unknownBlob);
  });
});

describe('after publication', () => {
  it('A29 an infinite lease does not keep the staged bytes from the sweep', async () => {
    const { repository, layer, session, push } = await givenLayer();
    await push();
    const blob = stagedBlob(session.staging);
    await blob.getBlobLeaseClient().acquireLease(-1);
    await blob.createSnapshot();
    await sweepDirectSession(instance(), session.id);
    expect(await blob.exists()).toBe(false);
    await expectLayer(repository, layer);
  });

  it('A29 nor one on blocks that were never committed', async () => {
    const { session, push } = await givenLayer();
    const blob = stagedBlob(session.staging);
    await blob.getBlobLeaseClient().acquireLease(-1);
    await expect(push()).rejects.toMatchObject(unknownBlob);
    await sweepDirectSession(instance(), session.id);
    expect(await blob.exists()).toBe(false);
    const { uncommittedBlocks = [] } = await blob
      .getBlockList('all')
      .catch(() => ({ uncommittedBlocks: [] }));
    expect(uncommittedBlocks).toEqual([]);
  });

  it('A30, A32 what is written after the sweep is nobody’s: no row leads to it', async () => {
    const { repository, layer, session, url, push } = await givenLayer();
    await push();
    await sweepDirectSession(instance(), session.id);
    expect((await putBlock(url, randomBytes(3000))).status).toBe(201);
    await stagedBlob(session.staging).upload('mine', 4);
    await expectLayer(repository, layer);
    await push();
    await expectLayer(repository, layer);
    await sweepDirectSession(instance(), session.id);
    expect(await stagedBlob(session.staging).exists()).toBe(false);
  });

  it('A27 the bytes that are served have a name that was never in a URL that writes', async () => {
    const { repository, layer, session, url, push } = await givenLayer();
    await push();
    const link = await readBlobLink(instance(), repository, layer.digest);
    expect(link?.name).toBe(session.name);
    expect(session.name).not.toBe(session.staging);
    expect(url).not.toContain(blobPathOf(session.name));
    await sweepDirectSession(instance(), session.id);
    await expectLayer(repository, layer);
  });
});

it('A31 a principal has so many uploads open in a repository and no more', async () => {
  const repository = newRepository();
  const registry = instance();
  const start = (subject: string, used = registry) =>
    startDirectUpload(used, repository, newPusher(subject));
  for (let open = 0; open < limits.maxOpenDirectUploads; open += 20) {
    const started = await Promise.all(Array.from({ length: 20 }, () => start('greedy')));
    expect(started).not.toContain(undefined);
  }
  expect(await start('greedy')).toBeUndefined();
  expect(await start('greedy', instance())).toBeUndefined();
  expect(await start('modest', instance())).toBeDefined();
}, 60_000);

describe('A36 of many uploads of one size', () => {
  it('those that fit nothing stay open for the manifests they are of', async () => {
    const repository = newRepository();
    const pusher = newPusher();
    const layers = Array.from({ length: 8 }, () => randomBlob(3000));
    for (const layer of layers) await putDirect(instance(), repository, pusher, layer);
    const config = randomBlob();
    await pushBlob(instance(), repository, config);
    for (const layer of layers.toReversed()) {
      const { manifest } = makeImage({ config, layers: [layer] });
      await pushManifestOf(instance(), repository, pusher, manifest, 'latest');
    }
    for (const layer of layers) await expectLayer(repository, layer);
  });
});

describe('A37 two manifests that finish one upload', () => {
  it.each(['commit', 'stream', 'publish', 'setMetadata'] as const)(
    'one of which stalls at %s until the other took over',
    async (moment) => {
      const { repository, layer, push } = await givenLayer();
      const pause = pauseAt(
        stores,
        (each) => each.method === moment && /^(staging|content)\//.test(each.place),
      );
      const stalled = push(pause.stores);
      await pause.reached;
      await push();
      await expectLayer(repository, layer);
      pause.resume();
      await stalled;
      await expectLayer(repository, layer);
    },
  );

  it('one of which stalls before its last transaction', async () => {
    const { repository, layer, push } = await givenLayer();
    const pause = pauseAt(stores, commits('insert', 'b:'));
    const stalled = push(pause.stores);
    await pause.reached;
    await push();
    pause.resume();
    await stalled;
    await expectLayer(repository, layer);
  });

  it('one of which missed the layer, and then the upload, which the other has used', async () => {
    const { repository, layer, push } = await givenLayer();
    const pause = pauseAt(stores, call('list'));
    const stalled = push(pause.stores);
    await pause.reached;
    await push();
    pause.resume();
    await stalled;
    await expectLayer(repository, layer);
  });

  it('or two uploads of one layer, at once', async () => {
    const { repository, pusher, layer, push } = await givenLayer();
    await putDirect(instance(), repository, pusher, layer);
    await Promise.all([push(), push(), push()]);
    await expectLayer(repository, layer);
  });
});

it('a principal cannot publish another’s upload, whose token or name it does not have', async () => {
  const { repository, image, layer, push } = await givenLayer();
  const thief = newPusher('thief');
  const stolen = pushManifestOf(instance(), repository, thief, image.manifest, 'stolen');
  await expect(stolen).rejects.toMatchObject(unknownBlob);
  const { tokenId } = newPusher();
  const samePrincipal = { subject: 'pusher', tokenId };
  await pushManifestOf(instance(), repository, samePrincipal, image.manifest, 'latest');
  await push();
  await expectLayer(repository, layer);
});
