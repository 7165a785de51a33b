import { setTimeout as sleep } from 'node:timers/promises';
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob';
import { beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../shared/ports/clock.ts';
import type { Registry } from '../../shared/registry/registry.ts';
import { seconds } from '../../shared/registry/settings.ts';
import { sweep } from '../../shared/registry/sweep/sweep.ts';
import { type DirectSession, writeUrlOf } from '../../shared/registry/uploads/direct-session.ts';
import { makeImage, randomBlob } from '../faults/image.ts';
import { newInstance, pullBlob, pushBlob, repositoryNamed } from '../faults/in-process.ts';
import { testStorage } from '../faults/test-storage.ts';
import { newPusher, pushManifestOf, putDirect, startDirect } from './in-process.ts';

const { stores, azurite, brokenInvariants, readStorage } = testStorage();
let registry: Registry;

beforeAll(() => {
  registry = newInstance(stores, systemClock, {
    ...seconds,
    uploadIdle: 1,
    stagedBytes: 1,
    unfinishedWork: 1,
    directClaim: 0.3,
  });
});

/** What lies in `staging`, blocks that were never committed included. */
async function staged(): Promise<string[]> {
  const { blobUrl, accountName, accountKey } = azurite();
  const credential = new StorageSharedKeyCredential(accountName, accountKey);
  const container = new BlobServiceClient(blobUrl, credential).getContainerClient('staging');
  const names: string[] = [];
  for await (const { name } of container.listBlobsFlat({ includeUncommitedBlobs: true })) {
    names.push(name);
  }
  return names;
}

/** Sweeps until nothing more is due, for what is due one after the other. */
async function sweepAll(): Promise<void> {
  for (let run = 0; run < 5; run++) {
    await sleep(1200);
    await sweep(registry, { dryRun: false, maxMs: 60_000 });
  }
}

describe('the sweep', () => {
  it('deletes what was written to staging, and nothing that is served', async () => {
    const repository = repositoryNamed('swept/published');
    const pusher = newPusher();
    const [config, layer] = [randomBlob(), randomBlob(3000)];
    await putDirect(registry, repository, pusher, config);
    const { session } = await putDirect(registry, repository, pusher, layer);
    const { manifest } = makeImage({ config, layers: [layer] });
    await pushManifestOf(registry, repository, pusher, manifest, 'latest');
    expect((await staged()).length).toBe(2);

    await sweepAll();
    expect(await staged()).toEqual([]);
    expect(layer.bytes.equals(await pullBlob(registry, repository, layer))).toBe(true);
    expect(await brokenInvariants()).toEqual([]);
    const rows = [...((await readStorage()).repo.get('swept.published')?.keys() ?? [])];
    expect(rows.filter((key) => key.includes(session.id))).toEqual([]);
  }, 30_000);

  it('ends abandoned uploads: never sent, sent, hashed and not wanted, and of other bytes', async () => {
    const repository = repositoryNamed('swept/abandoned');
    const pusher = newPusher();
    const config = randomBlob();
    await pushBlob(registry, repository, config);
    await startDirect(registry, repository, pusher);
    await putDirect(registry, repository, pusher, randomBlob(10));
    await putDirect(registry, repository, pusher, randomBlob(3000));
    const { manifest } = makeImage({ config, layers: [randomBlob(3000)] });
    const push = pushManifestOf(registry, repository, pusher, manifest, 'latest');
    await expect(push).rejects.toMatchObject({ code: 'MANIFEST_BLOB_UNKNOWN' });
    const before = await readStorage();

    await sweepAll();
    expect(await staged()).toEqual([]);
    const after = await readStorage();
    const uploads = [...(after.repo.get('swept.abandoned')?.keys() ?? [])].filter((key) =>
      key.startsWith('u:'),
    );
    expect(uploads).toEqual([]);
    expect(after.content.size).toBe(before.content.size - 1);
    expect(await brokenInvariants()).toEqual([]);
  }, 30_000);

  it('deletes what a client made of its staging blob: of another type, under a lease for ever', async () => {
    const repository = repositoryNamed('swept/disguised');
    for (const type of ['PageBlob', 'AppendBlob']) {
      const { session } = await startDirect(registry, repository, newPusher());
      const put = { 'x-ms-blob-type': type, 'x-ms-blob-content-length': '512' };
      expect(await asHolder(session, undefined, put)).toBe(201);
      const lease = { 'x-ms-lease-action': 'acquire', 'x-ms-lease-duration': '-1' };
      expect(await asHolder(session, 'lease', lease)).toBe(201);
    }
    expect((await staged()).length).toBe(2);

    await sweepAll();
    expect(await staged()).toEqual([]);
    const rows = [...((await readStorage()).repo.get('swept.disguised')?.keys() ?? [])];
    expect(rows).toEqual([]);
  }, 30_000);
});

/** What the holder of the URL does with it instead of the one write that it is for. */
async function asHolder(
  session: DirectSession,
  comp: string | undefined,
  headers: Readonly<Record<string, string>>,
): Promise<number> {
  const url = new URL(await writeUrlOf(registry, session, undefined));
  url.searchParams.delete('blockid');
  url.searchParams.delete('comp');
  if (comp !== undefined) url.searchParams.set('comp', comp);
  const version = { 'x-ms-version': '2023-11-03' };
  const response = await fetch(url, { method: 'PUT', headers: { ...version, ...headers } });
  await response.arrayBuffer();
  return response.status;
}
