import type { RepositoryName } from '../../domain/repository-name.ts';
import { RegistryError } from '../../errors.ts';
import type { AttributeChange, Attributes } from '../rows/attributes.ts';
import type { Registry } from '../registry.ts';
import { changeRepositoryAttributes, readRepositoryAttributes } from './repository-attributes.ts';
import { readContent } from './repository-content.ts';
import { repositoryPartition } from '../rows/row-keys.ts';
import { time } from '../rows/row-values.ts';

/** What ACR's REST API tells of a repository. */
export interface RepositoryDescription {
  /** When the oldest of its manifests was pushed. */
  readonly createdTime: Date;
  /** When the newest manifest was pushed or a tag was last written. */
  readonly lastUpdateTime: Date;
  readonly manifestCount: number;
  readonly tagCount: number;
  readonly attributes: Attributes;
}

/**
 * Throws NAME_UNKNOWN when the repository has no manifest. One request for 1,000 manifests or tags.
 */
export async function describeRepository(
  registry: Registry,
  repository: RepositoryName,
): Promise<RepositoryDescription> {
  const [{ manifests, tags }, attributes] = await Promise.all([
    readContent(registry, repositoryPartition(repository)),
    readRepositoryAttributes(registry, repository),
  ]);
  const pushed = manifests.map((row) => time(row, 'created'));
  const written = [...pushed, ...tags.map((row) => time(row, 'updated'))];
  const createdTime = pushed.reduce(earlier, new Date(8.64e15));
  const lastUpdateTime = written.reduce(later, new Date(0));
  if (manifests.length === 0) throw nameUnknown(repository);
  return {
    createdTime,
    lastUpdateTime,
    manifestCount: manifests.length,
    tagCount: tags.length,
    attributes,
  };
}

/** Switches attributes of a repository that has a manifest. Throws NAME_UNKNOWN. */
export async function changeRepository(
  registry: Registry,
  repository: RepositoryName,
  change: AttributeChange,
): Promise<RepositoryDescription> {
  await describeRepository(registry, repository);
  await changeRepositoryAttributes(registry, repository, change);
  return await describeRepository(registry, repository);
}

export function nameUnknown(repository: RepositoryName): RegistryError {
  return new RegistryError('NAME_UNKNOWN', { detail: { name: repository } });
}

const earlier = (a: Date, b: Date) => (b < a ? b : a);
const later = (a: Date, b: Date) => (b > a ? b : a);
