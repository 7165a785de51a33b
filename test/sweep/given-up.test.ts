import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { newPhysicalName } from '../../shared/domain/physical-name.ts';
import { blobOf } from '../faults/image.ts';
import { pushBlob, repositoryNamed } from '../faults/in-process.ts';
import { testStorage } from '../faults/test-storage.ts';
import { impatientInstance, sweepUntilQuiet } from './sweeping.ts';

const { readStorage, stores } = testStorage();

/*
 * test/models found it: of two sweeps that end one release, one drops the holder and dies, after the
 * other saw it and before it could give the bytes up; the work row of the bytes is all that is left.
 */
it('K4 bytes that are live and held by nobody are given up by the work row that looks at them', async () => {
  const registry = impatientInstance(stores);
  const repository = repositoryNamed('sweep/unheld');
  await pushBlob(registry, repository, blobOf(randomBytes(100)));
  const orphan = blobOf(randomBytes(100));
  const orphanName = newPhysicalName(new Date());
  await registry.blobs.putBlob('content', orphanName, orphan.bytes, {});
  await registry.tables.commit('data', orphanName, [
    { kind: 'insert', rowKey: 'l', properties: { digest: orphan.digest, size: 100 } },
  ]);
  await registry.tables.commit('repo', 'sweep.unheld', [
    { kind: 'insert', rowKey: `z:20260101T000000:x:${orphanName}`, properties: {} },
  ]);
  await sweepUntilQuiet(registry);

  const after = await readStorage();
  expect([...after.data.keys()]).toEqual([]);
  expect([...after.content.keys()]).toEqual([]);
});
