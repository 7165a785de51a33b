import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectStorage } from '../../shared/adapters/storage.ts';
import type { RepositoryName } from '../../shared/domain/repository-name.ts';
import { systemClock } from '../../shared/ports/clock.ts';
import { limits, seconds } from '../../shared/registry/settings.ts';
import { sweep } from '../../shared/registry/sweep/sweep.ts';
import type { DirectCaps } from '../../shared/registry/uploads/direct-places.ts';
import { writeUrlOf } from '../../shared/registry/uploads/direct-session.ts';
import { startDirectUpload } from '../../shared/registry/uploads/direct-start.ts';
import { keySettings } from '../contract/key-settings.ts';
import { makeImage, randomBlob } from '../faults/image.ts';
import { newInstance, repositoryNamed } from '../faults/in-process.ts';
import { startTestAzurite, type TestAzurite } from '../harness/azurite.ts';
import { type FaultProxy, startFaultProxy } from '../harness/fault-proxy.ts';
import { putBlock } from './direct-client.ts';
import { newPusher, pushManifestOf } from './in-process.ts';

let azurite: TestAzurite;
let proxy: FaultProxy;
let stores: ReturnType<typeof connectStorage>;

beforeAll(async () => {
  azurite = await startTestAzurite();
  proxy = await startFaultProxy(azurite);
  stores = connectStorage(keySettings({ ...azurite, ...proxy }));
  await stores.prepare();
});
afterAll(async () => {
  await proxy.stop();
  await azurite.stop();
});

const caps: DirectCaps = { ...limits, maxStagedBytes: 20_000, maxBlockBytes: 8000 };
/** An instance that has counted nothing yet, and does not wait to sweep. */
const freshInstance = () =>
  newInstance(stores, systemClock, {
    ...seconds,
    uploadIdle: 1,
    stagedBytes: 1,
    unfinishedWork: 1,
  });
const pusherOf = (subject: string) => newPusher(subject);

/** What POST decides at an instance that has counted nothing yet. */
const startsDirect = async (repository: RepositoryName, subject: string, used = caps) =>
  (await startDirectUpload(freshInstance(), repository, pusherOf(subject), used)) !== undefined;

async function putBytes(repository: RepositoryName, subject: string, sizeBytes: number) {
  const registry = freshInstance();
  const pusher = pusherOf(subject);
  const session = await startDirectUpload(registry, repository, pusher);
  if (session === undefined) throw new Error('not direct');
  const blob = randomBlob(sizeBytes);
  const url = await writeUrlOf(registry, session, undefined);
  expect((await putBlock(url, blob.bytes)).status).toBe(201);
  return { registry, pusher, blob };
}

describe('A31 what a principal may have in staging', () => {
  it('is counted over all repositories, and of each principal by itself', async () => {
    const [here, there] = [repositoryNamed('caps/here'), repositoryNamed('caps/there')];
    await putBytes(here, 'many', 7000);
    await putBytes(there, 'many', 7000);
    expect(await startsDirect(here, 'many')).toBe(true);
    await putBytes(there, 'many', 7000);
    expect(await startsDirect(here, 'many')).toBe(false);
    expect(await startsDirect(repositoryNamed('caps/new'), 'many')).toBe(false);
    expect(await startsDirect(here, 'other')).toBe(true);
  });

  it('is what storage holds, not what the uploads could have brought', async () => {
    const repository = repositoryNamed('caps/small');
    for (let put = 0; put < 5; put++) await putBytes(repository, 'small', 10);
    expect(await startsDirect(repository, 'small')).toBe(true);
  });

  it('has what was published in it until the sweep has deleted it', async () => {
    const repository = repositoryNamed('caps/published');
    const { registry, pusher, blob } = await putBytes(repository, 'publisher', 21_000);
    const { manifest } = makeImage({ config: blob, layers: [blob] });
    await pushManifestOf(registry, repository, pusher, manifest, 'latest');
    expect(await startsDirect(repository, 'publisher')).toBe(false);
    await expect
      .poll(
        async () => {
          await sleep(500);
          await sweep(registry, { dryRun: false, maxMs: 60_000 });
          return await startsDirect(repository, 'publisher');
        },
        { timeout: 20_000 },
      )
      .toBe(true);
  });

  it('is looked at once a minute, with one request where it is far from the cap', async () => {
    const repository = repositoryNamed('caps/cost');
    await putBytes(repository, 'cheap', 100);
    const registry = freshInstance();
    proxy.clear();
    for (let start = 0; start < 3; start++) {
      await startDirectUpload(registry, repository, pusherOf('cheap'));
    }
    const ofStaging = proxy.requests.filter(({ path }) => path.startsWith('staging'));
    expect(ofStaging).toHaveLength(1);
  });
});
