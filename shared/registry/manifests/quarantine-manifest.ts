import type { Digest } from '../../domain/digest.ts';
import type { RepositoryName } from '../../domain/repository-name.ts';
import { RegistryError } from '../../errors.ts';
import type { Registry } from '../registry.ts';
import { isWithheld } from '../rows/quarantine.ts';
import { repositoryPartition } from '../rows/row-keys.ts';
import { changeManifestAttributes, type ManifestChange } from './change-manifest.ts';
import { namedManifests } from './named-manifests.ts';
import { readManifestRow } from './manifest-row.ts';

const maxReleased = 1000;

/**
 * Changes a manifest as asked; to release an index releases the manifests it names, before it, for
 * nobody could pull it otherwise. Each is a transaction of its own; what is released already is
 * left alone, so that a request that broke off can be repeated. Throws MANIFEST_UNKNOWN;
 * UNSUPPORTED 409 when an index and what it names are more than 1,000.
 */
export async function changeManifest(
  registry: Registry,
  repository: RepositoryName,
  digest: Digest,
  change: ManifestChange,
): Promise<void> {
  if (change.quarantineState === 'Passed') {
    const partition = repositoryPartition(repository);
    for (const child of (await withheldUnder(registry, partition, digest)).toReversed()) {
      await releaseUnlessGone(registry, repository, child);
    }
  }
  await changeManifestAttributes(registry, repository, digest, change);
}

/** What an index names that is in quarantine, each after what names it. */
async function withheldUnder(
  registry: Registry,
  partition: string,
  root: Digest,
): Promise<readonly Digest[]> {
  const seen = new Set<Digest>([root]);
  const found: Digest[] = [];
  for (const digest of seen) {
    const row = await readManifestRow(registry, partition, digest);
    if (row?.state !== 'live') continue;
    if (digest !== root && isWithheld(row.properties)) found.push(digest);
    for (const child of await namedManifests(registry, row)) seen.add(child);
    if (seen.size > maxReleased) throw tooMany(root);
  }
  return found;
}

async function releaseUnlessGone(
  registry: Registry,
  repository: RepositoryName,
  digest: Digest,
): Promise<void> {
  try {
    await changeManifestAttributes(registry, repository, digest, { quarantineState: 'Passed' });
  } catch (error) {
    if (!(error instanceof RegistryError && error.code === 'MANIFEST_UNKNOWN')) throw error;
  }
}

function tooMany(digest: Digest): RegistryError {
  return new RegistryError('UNSUPPORTED', {
    status: 409,
    message: `the index names more than ${maxReleased} manifests: release some of them first`,
    detail: { digest },
  });
}
