/**
 * Prints how long a sweep of many deleted manifests takes and how much memory it needs: by hand,
 * `npm exec -- node --expose-gc test/bench/sweep-memory.ts 100000`. The rows are copies of what the
 * push of one image and its deletion leave, written straight into Azurite.
 */
import { createHash } from 'node:crypto';
import { connectStorage } from '../../shared/adapters/storage.ts';
import type { Digest } from '../../shared/domain/digest.ts';
import type { Operation } from '../../shared/ports/table-store.ts';
import {
  manifestKey,
  parentOfKey,
  repositoryPartition,
  workKey,
} from '../../shared/registry/rows/row-keys.ts';
import { sweep } from '../../shared/registry/sweep/sweep.ts';
import { keySettings } from '../contract/key-settings.ts';
import { makeImage } from '../faults/image.ts';
import { newInstance, pushImage, repositoryNamed } from '../faults/in-process.ts';
import { startTestAzurite } from '../harness/azurite.ts';

const count = Number(process.argv[2] ?? 1000);
const rowsPerManifest = 4;
const manifestsPerTransaction = Math.floor(100 / rowsPerManifest);
const transactionsAtOnce = 8;

const azurite = await startTestAzurite();
const storage = connectStorage(keySettings(azurite));
await storage.prepare();
const registry = newInstance(storage);
const repository = repositoryNamed('bench/sweep');
const partition = repositoryPartition(repository);

const image = makeImage();
await pushImage(registry, repository, image, ['latest']);
const row = await storage.tables.get('repo', partition, manifestKey(image.manifest.digest));
if (row === undefined) throw new Error('the image was not pushed');
const children = [image.config, ...image.layers].map(({ digest }) => digest).slice(0, 2);
const due = new Date(Date.now() - 3_600_000);

function deleted(at: number): Operation[] {
  const digest = `sha256:${createHash('sha256').update(String(at)).digest('hex')}` as Digest;
  const properties = { ...row?.properties, state: 'purging' };
  return [
    { kind: 'insert', rowKey: manifestKey(digest), properties },
    { kind: 'insert', rowKey: workKey(due, 'm', digest), properties: {} },
    ...children.map((child): Operation => {
      return { kind: 'insert', rowKey: parentOfKey(child, digest), properties: {} };
    }),
  ];
}

let next = 0;
async function write(): Promise<void> {
  while (next < count) {
    const from = next;
    next += manifestsPerTransaction;
    const numbers = Array.from(
      { length: Math.min(manifestsPerTransaction, count - from) },
      (_, index) => from + index,
    );
    const outcome = await storage.tables.commit('repo', partition, numbers.flatMap(deleted));
    if (!outcome.ok) throw new Error(`not written: ${outcome.reason}`);
  }
}
const writingSince = performance.now();
await Promise.all(Array.from({ length: transactionsAtOnce }, write));
process.stdout.write(
  `${count} deleted manifests, written in ${seconds(performance.now() - writingSince)} s\n`,
);

let peakHeap = 0;
let peakResident = 0;
globalThis.gc?.();
const before = process.memoryUsage();
const watch = setInterval(() => {
  globalThis.gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  peakHeap = Math.max(peakHeap, heapUsed);
  peakResident = Math.max(peakResident, rss);
}, 1000);
const sweepingSince = performance.now();
const report = await sweep(registry, { dryRun: false, maxMs: 3 * 3_600_000 });
const elapsedMs = performance.now() - sweepingSince;
clearInterval(watch);
const { seen, done, failed } = report.kinds.manifests;
process.stdout.write(
  `swept ${done} of ${seen}, ${failed} failed, in ${seconds(elapsedMs)} s: ${Math.round((done * 1000) / elapsedMs)}/s\n` +
    `heap ${mebibytes(before.heapUsed)} MiB before, ${mebibytes(peakHeap)} at most; ` +
    `resident ${mebibytes(before.rss)} before, ${mebibytes(peakResident)} at most\n`,
);
for (const failure of report.failures) process.stdout.write(`${failure}\n`);
process.exitCode = done === count && report.failures.length === 0 ? 0 : 1;
await azurite.stop();

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(1);
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}
