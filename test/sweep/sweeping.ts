import { expect } from 'vitest';
import type { RepositoryName } from '../../shared/domain/repository-name.ts';
import type { Registry } from '../../shared/registry/registry.ts';
import { repositoryPartition } from '../../shared/registry/rows/row-keys.ts';
import { seconds, type Seconds } from '../../shared/registry/settings.ts';
import { sweep } from '../../shared/registry/sweep/sweep.ts';
import type { SweepReport } from '../../shared/registry/sweep/sweep-report.ts';
import { newInstance } from '../faults/in-process.ts';
import type { Stores } from '../faults/interpose.ts';
import type { StorageSnapshot } from '../faults/storage-snapshot.ts';

/**
 * Nothing is promised and nothing waited for: whatever a sweep may take at all, it takes at once.
 */
export const impatient: Seconds = {
  ...seconds,
  uploadIdle: 0,
  unreferencedBlob: 0,
  unfinishedWork: 0,
  emptyRepository: 0,
};

export function impatientInstance(stores: Stores): Registry {
  return newInstance(stores, undefined, impatient);
}

const options = { dryRun: false, maxMs: 60_000 };

/** One sweep, in which nothing may fail. */
export async function sweepOnce(registry: Registry): Promise<SweepReport> {
  const report = await sweep(registry, options);
  expect(report.failures).toEqual([]);
  return report;
}

/** Sweeps until nothing is left to do; what one sweep does may be work for the next. */
export async function sweepUntilQuiet(registry: Registry): Promise<SweepReport[]> {
  const reports: SweepReport[] = [];
  for (let round = 0; round < 12; round++) {
    const report = await sweepOnce(registry);
    reports.push(report);
    const isQuiet = Object.values(report.kinds).every((kind) => kind.done === 0);
    if (isQuiet && report.repositoriesRemoved === 0) return reports;
  }
  throw new Error('there is no end to what a sweep finds to do');
}

export const freedBytes = (reports: readonly SweepReport[]) =>
  reports
    .flatMap(({ kinds }) => Object.values(kinds))
    .reduce((sum, kind) => sum + kind.freedBytes, 0);

/** The keys of a repository's rows, of the kinds asked for. */
export function rowsOf(
  { repo }: StorageSnapshot,
  repository: RepositoryName,
  kinds = /./,
): string[] {
  return [...(repo.get(repositoryPartition(repository))?.keys() ?? [])].filter((key) =>
    kinds.test(key),
  );
}

/** All that is stored but the report of the last sweep, to be compared. */
export function everythingIn(stored: StorageSnapshot): object {
  const { repo, data, catalog, content, manifests } = stored;
  return { repo, data, catalog, content, manifests };
}
