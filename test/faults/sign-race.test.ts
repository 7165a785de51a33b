import { expect, test } from 'vitest';
import { deleteManifest } from '../../shared/registry/manifests/delete-manifest.ts';
import { readManifestRow } from '../../shared/registry/manifests/manifest-row.ts';
import { manifestKey, repositoryPartition } from '../../shared/registry/rows/row-keys.ts';
import { makeImage } from './image.ts';
import { newInstance, pushBlob, pushImage, pushManifest, repositoryNamed } from './in-process.ts';
import { pauseAt } from './pause.ts';
import { testStorage } from './test-storage.ts';

const { stores } = testStorage();

test.each([
  ['small', 0, undefined],
  ['so large that it is written in steps', 100_000, 'pending'],
])('a signature, %s, misses a subject deleted just before it is written', async (...given) => {
  const [, paddingBytes, leftBehind] = given;
  const repository = repositoryNamed(`sign/race${paddingBytes}`);
  const registry = newInstance(stores);
  const { manifest: subject, ...blobs } = makeImage();
  await pushImage(registry, repository, { manifest: subject, ...blobs }, ['x']);
  const artifactType = 'application/vnd.cncf.notary.signature';
  const signature = makeImage({ artifactType, subject, paddingBytes });
  for (const blob of [signature.config, ...signature.layers]) {
    await pushBlob(registry, repository, blob);
  }

  const pause = pauseAt(stores, ({ operations }) =>
    operations.some(({ rowKey }) => rowKey === manifestKey(subject.digest)),
  );
  const signer = newInstance(pause.stores);
  const put = pushManifest(signer, repository, signature.manifest, [], { kind: 'none' }, 'sign');
  const refused = expect(put).rejects.toMatchObject({ code: 'DENIED', status: 403 });
  await pause.reached;
  await deleteManifest(registry, repository, subject.digest);
  pause.resume();
  await refused;
  const partition = repositoryPartition(repository);
  const left = await readManifestRow(registry, partition, signature.manifest.digest);
  expect(left?.state).toBe(leftBehind);
});
