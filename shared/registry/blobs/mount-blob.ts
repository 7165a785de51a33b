import type { Digest } from '../../domain/digest.ts';
import type { PhysicalName } from '../../domain/physical-name.ts';
import type { RepositoryName } from '../../domain/repository-name.ts';
import { linkOperations, readBlobLink, touchBlobLink } from './blob-link.ts';
import { ensureCatalogued } from '../repositories/catalog.ts';
import { refuseBeyondQuota } from '../quotas/quota.ts';
import { inSeconds, type Registry } from '../registry.ts';
import {
  holderKey,
  intentKey,
  keysUnder,
  liveKey,
  repositoryOfPartition,
  repositoryPartition,
  workKey,
} from '../rows/row-keys.ts';
import type { BlobLink } from '../rows/row-types.ts';
import { optionalText } from '../rows/row-values.ts';

export interface MountRequest {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  /** The repository to mount from; without it, any that the caller may pull. */
  readonly from: RepositoryName | undefined;
  readonly mayPull: (repository: RepositoryName) => boolean;
}

/**
 * How many names of a digest, and holders of a name, are asked before a mount without `from` gives
 * up.
 */
const maxNames = 8;
const maxHolders = 32;
const maxAttempts = 3;

/**
 * Gives the repository a blob that a repository the caller may pull already has (OCI
 * distribution-spec v1.1, end-11). False when there is none, or when it is being given up: then the
 * client uploads. The right is proven by the live link of the source, never by a holder row
 * (docs/storage.md, "Mount"). Throws DENIED when the repository's quota is spent.
 */
export async function mountBlob(registry: Registry, request: MountRequest): Promise<boolean> {
  const { repository, digest } = request;
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    if (await touchBlobLink(registry, repository, digest)) return true;
    const source = await findSource(registry, request);
    if (source === undefined) return false;
    await refuseBeyondQuota(registry, repository, { bytes: source.sizeBytes });
    await ensureCatalogued(registry, repository);
    const acquired = await acquire(registry, repository, digest, source);
    if (acquired !== 'retry') return acquired === 'acquired';
  }
  return false;
}

async function findSource(
  registry: Registry,
  { digest, from, mayPull }: MountRequest,
): Promise<BlobLink | undefined> {
  if (from !== undefined) {
    return mayPull(from) ? await readBlobLink(registry, from, digest) : undefined;
  }
  const names = await registry.tables.list('digests', digest, {
    from: '0',
    before: '~',
    limit: maxNames,
    select: [],
  });
  for (const { rowKey: name } of names) {
    const holders = await registry.tables.list('data', name, {
      ...keysUnder('h:'),
      limit: maxHolders,
      select: [],
    });
    const repositories = holders.map(({ rowKey }) => repositoryOfPartition(rowKey.slice(2)));
    for (const holder of repositories.filter(mayPull)) {
      const link = await readBlobLink(registry, holder, digest);
      if (link !== undefined) return link;
    }
  }
  return undefined;
}

async function acquire(
  registry: Registry,
  repository: RepositoryName,
  digest: Digest,
  source: BlobLink,
): Promise<'acquired' | 'gone' | 'retry'> {
  const partition = repositoryPartition(repository);
  const intent = await ensureIntent(registry, partition, digest, source.name);
  if (intent === undefined) return 'retry';

  const held = await registry.tables.commit('data', source.name, [
    { kind: 'merge', rowKey: liveKey, etag: '*', properties: {} },
    { kind: 'upsert', rowKey: holderKey(partition), properties: {} },
  ]);
  if (!held.ok) {
    await registry.tables.commit('repo', partition, consumeIntent(intent));
    return 'gone';
  }
  const linked = await registry.tables.commit('repo', partition, [
    ...consumeIntent(intent),
    ...linkOperations(registry, digest, { name: source.name, sizeBytes: source.sizeBytes }),
  ]);
  return linked.ok ? 'acquired' : 'retry';
}

interface Intent {
  readonly rowKey: string;
  readonly etag: string;
  readonly workKey: string;
}

/** Makes the intent row, or adopts the one another mount or a broken-off one left. */
async function ensureIntent(
  registry: Registry,
  partition: string,
  digest: Digest,
  name: PhysicalName,
): Promise<Intent | undefined> {
  const rowKey = intentKey(digest, name);
  const due = workKey(
    inSeconds(registry, registry.seconds.unfinishedWork),
    'n',
    `${digest}:${name}`,
  );
  const inserted = await registry.tables.commit('repo', partition, [
    { kind: 'insert', rowKey, properties: { workKey: due } },
    { kind: 'upsert', rowKey: due, properties: {} },
  ]);
  if (inserted.ok) return { rowKey, etag: inserted.etags[0] ?? '', workKey: due };

  const row = await registry.tables.get('repo', partition, rowKey);
  const adopted = row === undefined ? undefined : optionalText(row, 'workKey');
  return row === undefined || adopted === undefined
    ? undefined
    : { rowKey, etag: row.etag, workKey: adopted };
}

function consumeIntent(intent: Intent) {
  return [
    { kind: 'delete', rowKey: intent.rowKey, etag: intent.etag },
    { kind: 'delete', rowKey: intent.workKey, etag: '*' },
  ] as const;
}
