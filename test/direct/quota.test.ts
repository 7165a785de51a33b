import { beforeAll, expect, it } from 'vitest';
import type { Registry } from '../../shared/registry/registry.ts';
import { PolicyStore } from '../../shared/policy/policy-store.ts';
import { parsePolicy } from '../../shared/policy/policy-document.ts';
import { systemClock } from '../../shared/ports/clock.ts';
import { makeImage, randomBlob } from '../faults/image.ts';
import { newInstance, repositoryNamed } from '../faults/in-process.ts';
import { proxiedTestStorage } from '../faults/test-storage.ts';
import { newPusher, pushManifestOf, putDirect } from './in-process.ts';

const { proxied, proxy } = proxiedTestStorage();
let registry: Registry;
const repository = repositoryNamed('quota/direct');

beforeAll(async () => {
  const parsed = parsePolicy({ quotas: [{ repositories: ['quota/*'], maxBytes: 10_000 }] });
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
  await new PolicyStore(proxied.tables, systemClock).overwrite(parsed.policy);
  registry = newInstance(proxied);
});

it('layers that clients put into storage are refused at their manifest, before any is published', async () => {
  const pusher = newPusher();
  const [config, layer] = [randomBlob(6000), randomBlob(5000)];
  for (const blob of [config, layer]) await putDirect(registry, repository, pusher, blob);
  const { manifest } = makeImage({ config, layers: [layer] });
  await expect(
    pushManifestOf(registry, repository, pusher, manifest, 'latest'),
  ).rejects.toMatchObject({
    status: 403,
    code: 'DENIED',
    detail: { quota: 'maxBytes', limit: 10_000, used: 0, wanted: 11_000 },
  });
  const written = () => proxy().requests.filter(({ path }) => path.startsWith('content/')).length;
  expect(written()).toBe(0);

  const small = makeImage({ config, layers: [config] });
  await pushManifestOf(registry, repository, pusher, small.manifest, 'latest');
  expect(written()).toBeGreaterThan(0);
});
