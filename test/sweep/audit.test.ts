import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { newPhysicalName } from '../../shared/domain/physical-name.ts';
import { systemClock } from '../../shared/ports/clock.ts';
import type { Operation, TableName } from '../../shared/ports/table-store.ts';
import { audit, type AuditReport, auditWhenDue } from '../../shared/registry/audit/audit.ts';
import type { FindingKind } from '../../shared/registry/audit/audit-findings.ts';
import { readBlobLink } from '../../shared/registry/blobs/blob-link.ts';
import type { Registry } from '../../shared/registry/registry.ts';
import { repositoryPartition } from '../../shared/registry/rows/row-keys.ts';
import { seconds } from '../../shared/registry/settings.ts';
import { appendToUpload } from '../../shared/registry/uploads/append-upload.ts';
import { lastReport } from '../../shared/registry/sweep/sweep-report.ts';
import { blobsOf, makeImage, randomBlob } from '../faults/image.ts';
import { expectBlob, expectTag } from '../faults/crash-scenario.ts';
import {
  bodyOf,
  newInstance,
  openUpload,
  pushBlob,
  pushImage,
  repositoryNamed,
} from '../faults/in-process.ts';
import type { Stores } from '../faults/interpose.ts';
import { invariantChecker } from '../faults/invariants.ts';
import { leftovers } from '../faults/leftovers.ts';
import { readStorage } from '../faults/storage-snapshot.ts';
import { storesOf } from '../faults/test-storage.ts';
import { startTestAzurite, type TestAzurite } from '../harness/azurite.ts';
import { impatientInstance, sweepUntilQuiet } from './sweeping.ts';

let azurite: TestAzurite | undefined;
let stores: Stores;
/** Each test damages a storage of its own. */
beforeEach(async () => {
  await azurite?.stop();
  azurite = await startTestAzurite();
  stores = await storesOf(azurite);
});
afterAll(() => azurite?.stop());

const repository = repositoryNamed('audited');
const partition = repositoryPartition(repository);
const image = makeImage({ subject: makeImage().manifest });
const layer = image.layers[0] ?? randomBlob();
const { digest } = image.manifest;

/** Judges what is a moment old. */
const auditor = (): Registry => newInstance(stores, systemClock, { ...seconds, auditedAge: 0 });
/** Finds all work due, two days later. */
const sweeper = (): Registry => ({
  ...impatientInstance(stores),
  clock: { now: () => new Date(Date.now() + 48 * 3600_000) },
});
const auditIt = (repair: boolean) => audit(auditor(), { repair, maxMs: 60_000 });

const found = ({ findings }: AuditReport) =>
  Object.entries(findings)
    .filter(([, finding]) => finding.found > 0)
    .map(([kind]) => kind);

async function write(table: TableName, key: string, operation: Operation): Promise<void> {
  expect(await stores.tables.commit(table, key, [operation])).toMatchObject({ ok: true });
}
const insert = (rowKey: string, properties = {}): Operation => ({
  kind: 'insert',
  rowKey,
  properties,
});
const remove = (rowKey: string): Operation => ({ kind: 'delete', rowKey, etag: '*' });
const nameOf = async () =>
  (await readBlobLink(newInstance(stores), repository, layer.digest))?.name ?? '';
const snapshot = async () => await readStorage(azurite ?? (await startTestAzurite()));

async function pushHealthy(): Promise<void> {
  await pushImage(newInstance(stores), repository, image, ['latest']);
  const registry = newInstance(stores);
  const id = await openUpload(registry, repository);
  await appendToUpload(registry, repository, id, bodyOf(randomBlob().bytes), undefined);
}

async function removeRows(prefix: string): Promise<void> {
  const { repo } = await snapshot();
  for (const rowKey of repo.get(partition)?.keys() ?? []) {
    if (rowKey.startsWith(prefix)) await write('repo', partition, remove(rowKey));
  }
}

async function removeWork(kind: string): Promise<void> {
  const { repo } = await snapshot();
  for (const rowKey of repo.get(partition)?.keys() ?? []) {
    if (rowKey.startsWith('z:') && rowKey.includes(`:${kind}:`))
      await write('repo', partition, remove(rowKey));
  }
}

const nobody = randomBlob().digest;
const damages: [FindingKind, () => Promise<void>][] = [
  ['danglingReferences', () => write('repo', partition, insert(`p:${layer.digest}:${nobody}`))],
  ['staleReferrers', () => write('repo', partition, insert(`r:${digest}:${nobody}`))],
  ['staleTagReverses', () => write('repo', partition, insert(`g:${digest}:gone`))],
  ['staleTagOrders', () => write('repo', partition, insert('o:8204447000000:gone'))],
  ['missingTagOrders', () => removeRows('a:')],
  [
    'unwatchedLinks',
    async () => {
      await pushBlob(newInstance(stores), repository, randomBlob());
      await removeWork('b');
    },
  ],
  ['unwatchedWork', () => removeWork('u')],
  [
    'orphanBytes',
    async () => {
      await stores.blobs.putBlob('content', newPhysicalName(new Date()), layer.bytes, {});
    },
  ],
  [
    'unheldBytes',
    async () => {
      const name = newPhysicalName(new Date());
      await stores.blobs.putBlob('content', name, layer.bytes, {});
      await write('data', name, insert('l', { digest: nobody, size: 500 }));
    },
  ],
  [
    'undeletedBytes',
    async () => {
      const name = newPhysicalName(new Date());
      await stores.blobs.putBlob('content', name, layer.bytes, {});
      await write('data', name, insert('x', { digest: nobody, size: 500 }));
    },
  ],
  ['strayHolders', async () => write('data', await nameOf(), insert('h:another,repository'))],
  ['staleDigests', () => write('digests', layer.digest, insert(newPhysicalName(new Date())))],
];

describe('the audit', () => {
  it('finds nothing wrong with what is whole, and keeps its report', async () => {
    await pushHealthy();
    const report = await auditIt(true);
    expect(report.complete).toBe(true);
    expect(found(report)).toEqual([]);
    expect(JSON.parse((await lastReport(auditor(), 'audit')) ?? '')).toEqual(report);
  });

  it.each(damages)('finds %s, and only tells without leave to repair', async (kind, damage) => {
    await pushHealthy();
    await damage();
    const before = await snapshot();
    const told = await auditIt(false);
    expect(found(told)).toEqual([kind]);
    expect(told.findings[kind]).toMatchObject({ found: 1, repaired: 0 });
    const { repo, data, content } = await snapshot();
    expect({ repo, data, content }).toEqual({
      repo: before.repo,
      data: before.data,
      content: before.content,
    });
  });

  it.each(damages)('repairs %s, with the sweep, and hurts nothing', async (kind, damage) => {
    await pushHealthy();
    await damage();
    expect((await auditIt(true)).findings[kind].repaired).toBe(1);
    await sweepUntilQuiet(sweeper());
    await auditIt(true);
    await sweepUntilQuiet(sweeper());
    expect(found(await auditIt(false))).toEqual([]);
    expect(leftovers(await snapshot())).toEqual([]);
    if (azurite !== undefined) expect(await invariantChecker(azurite)()).toEqual([]);
    await expectTag(newInstance(stores), repository, 'latest', image.manifest);
    for (const blob of blobsOf(image)) await expectBlob(newInstance(stores), repository, blob);
  });

  it.each([
    ['danglingTags', () => write('repo', partition, insert('t:lost', { digest: nobody }))],
    ['missingBytes', async () => (await snapshot()).deleteBlob('content', await nameOf())],
  ] as const)('tells of %s, which nobody can repair', async (kind, damage) => {
    await pushHealthy();
    await damage();
    const report = await auditIt(true);
    expect(found(report)).toEqual([kind]);
    expect(report.findings[kind].repaired).toBe(0);
  });

  it('tells links that nothing refers to from those around them that something does', async () => {
    await pushHealthy();
    const lonely = Array.from({ length: 4 }, () => randomBlob());
    for (const blob of lonely) await pushBlob(newInstance(stores), repository, blob);
    await write('repo', partition, insert(`p:${randomBlob().digest}:${digest}`));
    await removeWork('b');
    const { unwatchedLinks, ...others } = (await auditIt(false)).findings;
    const expected = lonely.map((blob) => `${partition} b:${blob.digest}`);
    expect(unwatchedLinks.examples.toSorted()).toEqual(expected.toSorted());
    expect(Object.values(others).every((finding) => finding.found === 0)).toBe(true);
  });

  it('judges nothing of the last two days', async () => {
    await pushHealthy();
    for (const [, damage] of damages) await damage();
    expect(found(await audit(newInstance(stores), { repair: true, maxMs: 60_000 }))).toEqual([]);
  });

  it('goes on where its time was over, and is due again after a week', async () => {
    await pushHealthy();
    for (const name of ['b', 'c', 'd']) {
      const other = repositoryNamed(name);
      await pushImage(newInstance(stores), other, makeImage(), ['latest']);
      await write('repo', repositoryPartition(other), insert(`g:${digest}:gone`));
    }
    const options = { repair: false, maxMs: 0 };
    let report = await auditWhenDue(auditor(), options);
    let calls = 1;
    for (; report?.complete === false && calls < 20; calls++) {
      report = await auditWhenDue(auditor(), options);
    }
    expect(calls).toBeGreaterThan(4);
    expect(report?.findings.staleTagReverses.found).toBe(3);
    expect(await auditWhenDue(auditor(), options)).toBeUndefined();
    const later = { ...auditor(), seconds: { ...seconds, auditPause: 0 } };
    expect(await auditWhenDue(later, options)).toMatchObject({ complete: false });
  });
});
