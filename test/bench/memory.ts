import { type Layer, pull, pushByPatch, randomLayer } from './layers.ts';
import { peakResidentMiB, residentMiB } from './processes.ts';
import type { Subject } from './subjects.ts';

export interface MemoryUse {
  readonly what: string;
  /** Resident size of the registry's process, Azurite apart, in MiB. */
  readonly before: number;
  readonly peak: number;
  /** How much it may add. */
  readonly aim: number;
}

/** How much resident size big transfers add to a registry that has seen a few small ones. */
export async function measureMemory(
  subject: Subject,
  { bigLayerMiB, eachOfEightMiB }: { bigLayerMiB: number; eachOfEightMiB: number },
): Promise<MemoryUse[]> {
  const repository = 'bench/memory';
  await pushByPatch(subject, repository, randomLayer(1));
  const uses: MemoryUse[] = [];
  async function measure(what: string, aim: number, task: () => Promise<unknown>): Promise<void> {
    const before = residentMiB(subject.pid);
    const peak = await peakResidentMiB(subject.pid, async () => void (await task()));
    uses.push({ what, before, peak, aim });
  }
  const big = randomLayer(bigLayerMiB);
  const size = (mebibytes: number) =>
    mebibytes % 1024 === 0 ? `${mebibytes / 1024} GiB` : `${mebibytes} MiB`;
  await measure(`push of ${size(bigLayerMiB)}`, 64, () => pushByPatch(subject, repository, big));
  await measure(`pull of ${size(bigLayerMiB)}`, 64, () => pull(subject, repository, big));
  const eight: Layer[] = Array.from({ length: 8 }, () => randomLayer(eachOfEightMiB));
  await measure(`8 pushes of ${size(eachOfEightMiB)} at once`, 8 * 64, () =>
    Promise.all(eight.map((layer) => pushByPatch(subject, repository, layer))),
  );
  return uses;
}
