import type { Row } from '../../ports/table-store.ts';
import type { Registry } from '../registry.ts';
import { keysUnder } from '../rows/row-keys.ts';
import { attributeNames } from '../rows/attributes.ts';
import { immutable } from '../tags/immutability.ts';

/** The live manifests and the tags of a repository. */
export interface RepositoryContent {
  readonly manifests: readonly Row[];
  readonly tags: readonly Row[];
}

/** Reads what a repository holds, without what its manifests say. One request for 1,000 rows. */
export async function readContent(
  registry: Registry,
  partition: string,
): Promise<RepositoryContent> {
  const [manifests, tags] = await Promise.all([
    registry.tables.list('repo', partition, {
      ...keysUnder('m:'),
      select: ['state', 'created', ...attributeNames],
    }),
    registry.tables.list('repo', partition, {
      ...keysUnder('t:'),
      select: ['created', 'updated', immutable, ...attributeNames],
    }),
  ]);
  return { manifests: manifests.filter(({ properties }) => properties['state'] === 'live'), tags };
}
