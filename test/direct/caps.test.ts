import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { RepositoryName } from '../../shared/domain/repository-name.ts';
import { systemClock } from '../../shared/ports/clock.ts';
import { limits, seconds } from '../../shared/registry/settings.ts';
import { sweep } from '../../shared/registry/sweep/sweep.ts';
import type { DirectCaps } from '../../shared/registry/uploads/direct-places.ts';
import { writeUrlOf } from '../../shared/registry/uploads/direct-session.ts';
import { startDirectUpload } from '../../shared/registry/uploads/direct-start.ts';
import { makeImage, randomBlob } from '../faults/image.ts';
import { newInstance, repositoryNamed } from '../faults/in-process.ts';
import { interpose } from '../faults/interpose.ts';
import { proxiedTestStorage } from '../faults/test-storage.ts';
import { putBlock } from './direct-client.ts';
import { newPusher, pushManifestOf } from './in-process.ts';

const { proxied, proxy } = proxiedTestStorage();

const caps: DirectCaps = { ...limits, maxStagedBytes: 20_000, maxBlockBytes: 8000 };
/** An instance that has counted nothing yet, and does not wait to sweep. */
const freshInstance = () =>
  newInstance(proxied, systemClock, {
    ...seconds,
    uploadIdle: 1,
    stagedBytes: 1,
    unfinishedWork: 1,
  });

/** What POST decides at an instance that has counted nothing yet. */
const startsDirect = async (repository: RepositoryName, subject: string, used = caps) =>
  (await startDirectUpload(freshInstance(), repository, newPusher(subject), used)) !== undefined;

async function putBytes(repository: RepositoryName, subject: string, sizeBytes: number) {
  const registry = freshInstance();
  const pusher = newPusher(subject);
  const session = await startDirectUpload(registry, repository, pusher);
  if (session === undefined) throw new Error('not direct');
  const blob = randomBlob(sizeBytes);
  const url = await writeUrlOf(registry, session, undefined);
  expect((await putBlock(url, blob.bytes)).status).toBe(201);
  return { registry, pusher, blob, session };
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

  it('does not count what a sweep deletes meanwhile', async () => {
    const repository = repositoryNamed('caps/vanishing');
    const put = [10, 10, 10].map((size) => putBytes(repository, 'vanishing', size));
    const names = (await Promise.all(put)).map(({ session }) => session.staging);
    const swept = interpose(proxied, async ({ method }, proceed) => {
      if (method === 'inspect')
        await Promise.all(names.map((name) => proxied.staging.discard(name)));
      return await proceed();
    });
    const started = startDirectUpload(newInstance(swept), repository, newPusher('vanishing'), caps);
    expect(await started).toBeDefined();
  });

  it('is not looked at one by one when there is very much of it', async () => {
    const names = ['caps/1', 'caps/2', 'caps/3', 'caps/4'];
    await Promise.all(names.map((name) => putBytes(repositoryNamed(name), 'flood', 10)));
    const few = { ...caps, maxOpenDirectUploads: 4 };
    proxy().clear();
    expect(await startsDirect(repositoryNamed('caps/5'), 'flood', few)).toBe(false);
    expect(proxy().requests.filter(({ path }) => path.startsWith('staging/'))).toEqual([]);
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

  it('is looked at once a minute, also by requests that come at once, with one request far from the cap', async () => {
    const repository = repositoryNamed('caps/cost');
    await putBytes(repository, 'cheap', 100);
    const registry = freshInstance();
    proxy().clear();
    const start = () => startDirectUpload(registry, repository, newPusher('cheap'));
    await Promise.all([start(), start(), start()]);
    await start();
    const ofStaging = proxy().requests.filter(({ path }) => path.startsWith('staging'));
    expect(ofStaging).toHaveLength(1);
  });
});
