import { expect, it } from 'vitest';
import { systemClock } from '../../shared/ports/clock.ts';
import { seconds } from '../../shared/registry/settings.ts';
import { finishDirectUpload } from '../../shared/registry/uploads/direct-finish.ts';
import { readBlobLink } from '../../shared/registry/blobs/blob-link.ts';
import { makeImage, randomBlob } from '../faults/image.ts';
import { newInstance, pullTag, pushBlob, repositoryNamed } from '../faults/in-process.ts';
import { testStorage } from '../faults/test-storage.ts';
import { interpose } from '../faults/interpose.ts';
import { newPusher, pushManifestOf, putDirect } from './in-process.ts';

const { stores } = testStorage();

/** A request may take 0.3 s, and storage takes 0.25 s to begin to send what is hashed. */
function slowInstance() {
  let streams = 0;
  const slow = interpose(stores, async ({ method }, proceed) => {
    if (method === 'stream') {
      streams += 1;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    return await proceed();
  });
  const registry = newInstance(slow, systemClock, { ...seconds, directWork: 0.3, directLook: 0.1 });
  return { registry, streams: () => streams };
}

it('more to check than one request has time for: 429, and the manifest that comes again goes on', async () => {
  const repository = repositoryNamed('direct/long');
  const pusher = newPusher();
  const [config, ...layers] = Array.from({ length: 13 }, () => randomBlob(2000));
  const { manifest } = makeImage({ ...(config && { config }), layers });
  if (config !== undefined) await pushBlob(newInstance(stores), repository, config);
  for (const layer of layers) await putDirect(newInstance(stores), repository, pusher, layer);

  const { registry, streams } = slowInstance();
  let refusals = 0;
  for (;;) {
    const refused = await pushManifestOf(registry, repository, pusher, manifest, 'latest').then(
      () => undefined,
      (error: unknown) => error,
    );
    if (refused === undefined) break;
    expect(refused).toMatchObject({
      code: 'TOOMANYREQUESTS',
      status: 429,
      headers: { 'Retry-After': '1' },
    });
    refusals += 1;
    expect(refusals).toBeLessThan(20);
  }
  expect(refusals).toBeGreaterThan(0);
  expect(streams()).toBe(layers.length);
  const { digest } = await pullTag(newInstance(stores), repository, 'latest');
  expect(digest).toBe(manifest.digest);
});

it('a HEAD waits for a little of it, and is answered as if there were nothing', async () => {
  const repository = repositoryNamed('direct/look');
  const pusher = newPusher();
  const layer = randomBlob(2000);
  await putDirect(newInstance(stores), repository, pusher, layer);
  const { registry } = slowInstance();
  await finishDirectUpload(registry, repository, pusher, layer.digest);
  expect(await readBlobLink(registry, repository, layer.digest)).toBeUndefined();
  await expect
    .poll(() => readBlobLink(registry, repository, layer.digest), { timeout: 5000 })
    .toBeDefined();
});
