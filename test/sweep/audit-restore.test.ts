import { expect, it } from 'vitest';
import { newPhysicalName } from '../../shared/domain/physical-name.ts';
import { systemClock } from '../../shared/ports/clock.ts';
import { audit } from '../../shared/registry/audit/audit.ts';
import { seconds } from '../../shared/registry/settings.ts';
import { beginRestore } from '../faults/begin-restore.ts';
import { makeImage, randomBlob } from '../faults/image.ts';
import { newInstance, pushImage, repositoryNamed } from '../faults/in-process.ts';
import { pauseAt } from '../faults/pause.ts';
import { testStorage } from '../faults/test-storage.ts';

const { stores } = testStorage();

it('a restore that begins while the audit runs finds the bytes whose rows it brings back', async () => {
  await pushImage(newInstance(stores), repositoryNamed('restored'), makeImage(), ['latest']);
  const lost = newPhysicalName(new Date());
  await stores.blobs.putBlob('content', lost, randomBlob().bytes, {});

  const pause = pauseAt(stores, ({ method }) => method === 'scan');
  const auditor = newInstance(pause.stores, systemClock, { ...seconds, auditedAge: 0 });
  const audited = audit(auditor, { repair: true, maxMs: 60_000 });
  await pause.reached;
  await beginRestore(newInstance(stores));
  pause.resume();

  const { findings } = await audited;
  expect(findings.orphanBytes).toMatchObject({ found: 1, repaired: 0 });
  expect(await stores.blobs.properties('content', lost)).toBeDefined();
});
