import { beforeAll, expect, it } from 'vitest';
import type { Registry } from '../../shared/registry/registry.ts';
import { makeImage, randomBlob } from '../faults/image.ts';
import { newInstance, repositoryNamed } from '../faults/in-process.ts';
import { proxiedTestStorage } from '../faults/test-storage.ts';
import { putBlock } from './direct-client.ts';
import { newPusher, pushManifestOf, putDirect, startDirect } from './in-process.ts';

const { proxied, proxy } = proxiedTestStorage();
let registry: Registry;

beforeAll(async () => {
  registry = newInstance(proxied);
  // What is asked of storage once by an instance, and once by each repository.
  await putDirect(registry, repository, newPusher(), randomBlob());
});

const repository = repositoryNamed('cost/direct');

async function requestsOf(work: () => Promise<unknown>): Promise<number> {
  proxy().clear();
  await work();
  return proxy().requests.length;
}

/** Of an image of so many layers, all of them put into storage; the config is one of them. */
async function costOf(layerCount: number): Promise<number> {
  const pusher = newPusher();
  const layers = Array.from({ length: layerCount }, (_, index) => randomBlob(1000 + index));
  const [config = randomBlob()] = layers;
  for (const layer of layers) await putDirect(registry, repository, pusher, layer);
  const { manifest } = makeImage({ config, layers });
  return await requestsOf(() => pushManifestOf(registry, repository, pusher, manifest, 'latest'));
}

it('to start a direct upload costs 1 request, and the client’s PUT is storage’s', async () => {
  const pusher = newPusher();
  expect(await requestsOf(() => startDirect(registry, repository, pusher))).toBe(1);
  const { url } = await startDirect(registry, repository, pusher);
  expect(await requestsOf(() => putBlock(url, randomBlob().bytes))).toBe(1);
});

it('a direct layer costs its manifest 11 requests and two reads, and all of them a list', async () => {
  await costOf(1); // The first manifest shows the repository.
  const [one, three] = [await costOf(1), await costOf(3)];
  expect((three - one) / 2).toBe(11 + 2);
  // The manifest itself is 3, and is tried once more.
  expect(one).toBe(3 + 1 + 1 + (11 + 2));
});
