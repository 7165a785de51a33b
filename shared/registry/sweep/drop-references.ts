import { type Digest, parseDigest } from '../../domain/digest.ts';
import { type Child, parseManifest } from '../../domain/manifest.ts';
import type { CommitOutcome, Operation } from '../../ports/table-store.ts';
import { storedManifest } from '../manifests/get-manifest.ts';
import type { Registry } from '../registry.ts';
import { manifestKey, parentOfKey, splitDigest, workKey } from '../rows/row-keys.ts';
import { rowPages } from '../rows/row-pages.ts';
import type { ManifestRow } from '../rows/row-types.ts';

/** Two operations a child, and one for the manifest's row: 99. */
const childrenPerTransaction = 49;
/** Of the manifest's row, once it holds no child any more. */
const childless = 'childless';

/**
 * Takes away a manifest that is being purged with its references, all in one transaction: most are
 * small enough. False, and nothing is changed, when it is not, or has bytes outside its row, or is
 * not as its row and its bytes say any more.
 */
export async function removeAtOnce(
  registry: Registry,
  partition: string,
  row: ManifestRow,
): Promise<boolean> {
  if (row.blobName !== undefined || row.properties[childless] === true) return false;
  const children = await childrenOf(registry, row);
  if (children === undefined || children.length > childrenPerTransaction) return false;
  const outcome = await registry.tables.commit('repo', partition, [
    { kind: 'delete', rowKey: manifestKey(row.digest), etag: row.etag },
    ...dropOperations(registry, row, children),
  ]);
  return outcome.ok;
}

type Held = Pick<Child, 'digest' | 'kind'>;

/**
 * Takes away the references of a manifest that is being purged to its children, each in a
 * transaction that asserts the manifest's row and asks the sweep to look at the child. Answers the
 * row's ETag, or undefined when somebody else changed it.
 */
export async function dropReferences(
  registry: Registry,
  partition: string,
  row: ManifestRow,
): Promise<string | undefined> {
  let etag: string | undefined = row.etag;
  if (row.properties[childless] === true) return etag;
  const known = await childrenOf(registry, row);
  const batches = known === undefined ? referencesOf(registry, partition, row.digest) : [known];
  for await (const children of batches) {
    for (let at = 0; at < children.length && etag !== undefined; at += childrenPerTransaction) {
      const some = children.slice(at, at + childrenPerTransaction);
      etag = await dropSome(registry, partition, row, etag, some);
    }
  }
  if (etag === undefined) return undefined;
  const outcome = await registry.tables.commit('repo', partition, [
    { kind: 'merge', rowKey: manifestKey(row.digest), etag, properties: { [childless]: true } },
  ]);
  return outcome.ok ? outcome.etags[0] : undefined;
}

/** Undefined when the manifest's bytes were not written, or can't be read any more. */
async function childrenOf(
  registry: Registry,
  row: ManifestRow,
): Promise<readonly Held[] | undefined> {
  const manifest = await storedManifest(registry, row);
  if (manifest === undefined) return undefined;
  try {
    return parseManifest(manifest.bytes, manifest.mediaType).children;
  } catch {
    return undefined;
  }
}

/**
 * What the rows themselves say the manifest refers to, page by page: as slow as the repository is
 * large, and only needed when a write broke off before the manifest's bytes were stored.
 */
async function* referencesOf(
  registry: Registry,
  partition: string,
  parent: Digest,
): AsyncGenerator<readonly Held[]> {
  for await (const rows of rowPages(registry, partition, 'p:', [])) {
    yield rows.flatMap(({ rowKey }): Held[] => {
      const [child, of] = splitDigest(rowKey.slice(2));
      return of === parent && parseDigest(child) !== undefined
        ? [{ digest: child, kind: 'blob' }]
        : [];
    });
  }
}

/**
 * Most often all of the references are there; after a purge that broke off, only some. Answers the
 * row's new ETag, or undefined when somebody else changed it.
 */
async function dropSome(
  registry: Registry,
  partition: string,
  row: ManifestRow,
  etag: string,
  children: readonly Held[],
): Promise<string | undefined> {
  const all = await commitDrops(registry, partition, row, etag, children);
  if (all.ok) return all.etags[0];
  if (all.reason !== 'missing' || all.index === 0) return undefined;
  const present = await Promise.all(
    children.map(async (child) => {
      const key = parentOfKey(child.digest, row.digest);
      return (await registry.tables.get('repo', partition, key)) === undefined ? [] : [child];
    }),
  );
  const some = await commitDrops(registry, partition, row, etag, present.flat());
  return some.ok ? some.etags[0] : undefined;
}

async function commitDrops(
  registry: Registry,
  partition: string,
  row: ManifestRow,
  etag: string,
  children: readonly Held[],
): Promise<CommitOutcome> {
  return await registry.tables.commit('repo', partition, [
    { kind: 'merge', rowKey: manifestKey(row.digest), etag, properties: {} },
    ...dropOperations(registry, row, children),
  ]);
}

function dropOperations(
  registry: Registry,
  { digest }: ManifestRow,
  children: readonly Held[],
): Operation[] {
  const now = registry.clock.now();
  return children.flatMap((child): Operation[] => [
    { kind: 'delete', rowKey: parentOfKey(child.digest, digest), etag: '*' },
    {
      kind: 'upsert',
      rowKey: workKey(now, child.kind === 'manifest' ? 'm' : 'b', child.digest),
      properties: {},
    },
  ]);
}
