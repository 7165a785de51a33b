import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connectStorage } from '../../shared/adapters/storage.ts';
import { StorageUnavailable } from '../../shared/ports/table-store.ts';
import { readBackupManifest } from '../../shared/registry/backup/list-backups.ts';
import { restoreBackup } from '../../shared/registry/backup/restore.ts';
import { type BackupState, takeBackup } from '../../shared/registry/backup/take-backup.ts';
import type { Registry } from '../../shared/registry/registry.ts';
import { keySettings } from '../contract/key-settings.ts';
import { type TestAzurite, startTestAzurite } from '../harness/azurite.ts';
import { type FaultProxy, startFaultProxy } from '../harness/fault-proxy.ts';
import type { Stores } from '../faults/interpose.ts';
import { storesOf } from '../faults/test-storage.ts';
import { freshInstance, switchBackupsOn } from './backups.ts';
import { wipeTables } from './wipe-tables.ts';

const rowCount = 20_000;
const partitions = 20;
/** A part, once as rows and once as JSON, and noise. All the rows are 30 MiB as JSON, and more as rows. */
const maxGrowthMiB = 35;
let azurite: TestAzurite;
let proxy: FaultProxy;
let stores: Stores;

beforeAll(async () => {
  azurite = await startTestAzurite();
  proxy = await startFaultProxy(azurite);
  stores = await storesOf(azurite);
  await switchBackupsOn(stores);
  for (let partition = 0; partition < partitions; partition++) await fill(`large,${partition}`);
}, 120_000);
afterAll(async () => {
  await proxy.stop();
  await azurite.stop();
});

/** Reference rows, and a manifest of 4 KiB for every ten of them, that nothing looks at. */
async function fill(partition: string): Promise<void> {
  await stores.tables.commit('catalog', 'c', [
    { kind: 'insert', rowKey: partition, properties: { visible: true } },
  ]);
  const rows = Array.from({ length: rowCount / partitions }, (_, index) => {
    const digest = `sha256:${createHash('sha256').update(`${partition} ${index}`).digest('hex')}`;
    return index % 10 === 0
      ? ({
          kind: 'insert',
          rowKey: `m:${digest}`,
          properties: { state: 'purging', mediaType: '', size: 0, bytes: new Uint8Array(4096) },
        } as const)
      : ({ kind: 'insert', rowKey: `p:${digest}:${digest}`, properties: {} } as const);
  });
  for (let at = 0; at < rows.length; at += 100) {
    const outcome = await stores.tables.commit('repo', partition, rows.slice(at, at + 100));
    expect(outcome.ok).toBe(true);
  }
}

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

/** The most that is held after a collection, sampled while it works. */
async function peakMiB(work: () => Promise<unknown>): Promise<number> {
  const heldMiB = () => {
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return (heapUsed + external) / 1024 / 1024;
  };
  const before = heldMiB();
  let most = before;
  let over = false;
  const sampling = (async () => {
    for (; !over; await sleep(50)) most = Math.max(most, heldMiB());
  })();
  await work();
  over = true;
  await sampling;
  return most - before;
}

/** Slices with no time: each writes one part. */
async function inSlices(registry: () => Registry): Promise<{ id: string; slices: number }> {
  const slice = { maxMs: 0, keepDays: 14 };
  let state: BackupState | undefined;
  let slices = 0;
  for (; state?.finished !== true; slices++) {
    state = await takeBackup(registry(), slice, state?.id);
    expect(slices).toBeLessThan(100);
  }
  return { id: state.id, slices };
}

it('20,000 rows are backed up and restored in slices, by memory that does not grow with them', async () => {
  let id = '';
  const growth = await peakMiB(async () => {
    const taken = await inSlices(() => freshInstance(stores));
    ({ id } = taken);
    expect(taken.slices).toBeGreaterThan(2);
  });
  const manifest = await readBackupManifest(freshInstance(stores), id);
  expect(manifest.rows).toBe(rowCount + partitions + 1);
  await wipeTables(azurite);
  const restoreGrowth = await peakMiB(() =>
    restoreBackup(freshInstance(stores), { backup: id, existing: 'refuse', maxMs: 600_000 }),
  );
  console.log(`backup ${growth.toFixed(1)} MiB, restore ${restoreGrowth.toFixed(1)} MiB`);
  expect(growth).toBeLessThan(maxGrowthMiB);
  expect(restoreGrowth).toBeLessThan(maxGrowthMiB);
  const rows = await stores.tables.scan('repo', { after: '', upTo: '~' });
  expect(rows.length).toBe(rowCount);
}, 300_000);

it('while storage is down a backup says so, and goes on where it was when storage is back', async () => {
  const limits = { tries: 2, firstDelayMs: 1, tryTimeoutMs: 1000, deadlineMs: 2000 };
  const through = connectStorage(keySettings({ ...azurite, ...proxy }), limits);
  const instance = () => freshInstance(through);
  const first = await takeBackup(instance(), { maxMs: 0, keepDays: 14 });
  expect(first).toMatchObject({ finished: false, parts: 1 });
  proxy.inject({ on: () => true, fault: { kind: 'status', status: 503 }, times: Infinity });
  const broken = takeBackup(instance(), { maxMs: 0, keepDays: 14 });
  await expect(broken).rejects.toBeInstanceOf(StorageUnavailable);
  proxy.clear();
  const { id } = await inSlices(instance);
  expect(id).toBe(first.id);
  const manifest = await readBackupManifest(instance(), id);
  expect(manifest.rows).toBe(rowCount + partitions + 1);
}, 120_000);
