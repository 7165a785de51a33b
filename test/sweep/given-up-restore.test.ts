import { expect, it } from 'vitest';
import { newPhysicalName } from '../../shared/domain/physical-name.ts';
import { sweep } from '../../shared/registry/sweep/sweep.ts';
import { beginRestore } from '../faults/begin-restore.ts';
import { randomBlob } from '../faults/image.ts';
import { pushBlob, repositoryNamed } from '../faults/in-process.ts';
import { pauseAt } from '../faults/pause.ts';
import { testStorage } from '../faults/test-storage.ts';
import { impatientInstance } from './sweeping.ts';

const { stores } = testStorage();

it('a restore that begins while the sweep runs finds the bytes that were given up', async () => {
  await pushBlob(impatientInstance(stores), repositoryNamed('restored'), randomBlob());
  const name = newPhysicalName(new Date());
  const { bytes, digest } = randomBlob();
  await stores.blobs.putBlob('content', name, bytes, {});
  await stores.tables.commit('data', name, [
    { kind: 'insert', rowKey: 'x', properties: { digest, size: bytes.length } },
  ]);
  await stores.tables.commit('repo', 'restored', [
    { kind: 'insert', rowKey: `z:20260101T000000:x:${name}`, properties: {} },
  ]);

  const pause = pauseAt(stores, ({ method, place }) => method === 'get' && place.includes(name));
  const sweeper = impatientInstance(pause.stores);
  const swept = sweep(sweeper, { dryRun: false, maxMs: 60_000 });
  await pause.reached;
  await beginRestore(impatientInstance(stores));
  pause.resume();

  const { kinds } = await swept;
  expect(kinds.givenUpBytes).toMatchObject({ seen: 1, waiting: 1 });
  expect(await stores.blobs.properties('content', name)).toBeDefined();
});
