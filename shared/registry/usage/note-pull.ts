import type { Digest } from '../../domain/digest.ts';
import type { RepositoryName } from '../../domain/repository-name.ts';
import type { Registry } from '../registry.ts';
import { repositoryPartition } from '../rows/row-keys.ts';

/**
 * Remembers that somebody looked at or pulled a manifest, by whatever name. Asks storage nothing:
 * what is remembered is written later, in batches.
 */
export function notePull(registry: Registry, repository: RepositoryName, digest: Digest): void {
  registry.caches.pulls.note(registry, repositoryPartition(repository), digest);
}
