import type { Digest } from '../../domain/digest.ts';
import type { Row } from '../../ports/table-store.ts';
import { readManifestRow } from '../manifests/manifest-row.ts';
import { inTurns } from '../sweep/in-turns.ts';
import {
  manifestKey,
  parseWorkKey,
  splitDigest,
  type WorkKind,
  workKey,
} from '../rows/row-keys.ts';
import { optionalText } from '../rows/row-values.ts';
import { limits } from '../settings.ts';
import { type Audit, isJudged, settle } from './audit-work.ts';

const atOnce = 4;

/** The keys of one repository, which are held in memory while it is looked at. */
interface RepositoryKeys {
  readonly rows: Map<string, Row[]>;
  readonly live: Set<string>;
  readonly tags: Map<string, string>;
  readonly referred: Set<string>;
  /** Work rows, whole and as `<kind>:<key>`. */
  readonly work: Set<string>;
}

/**
 * Compares the rows of a repository with one another (docs/storage.md, "Audit", iii). One request
 * for 1,000 rows, and a few for each finding: each is read once more before it counts.
 */
export async function auditRepository(audit: Audit, partition: string): Promise<void> {
  const keys = await readKeys(audit, partition);
  const each = (kind: string, look: (row: Row) => Promise<void>) =>
    inTurns(keys.rows.get(kind) ?? [], atOnce, look);
  const parents = new Set<string>();
  await each('p', async ({ rowKey }) => {
    const [, parent] = splitDigest(rowKey.slice(2));
    if (keys.live.has(parent) || parents.has(parent)) return;
    parents.add(parent);
    await auditParent(audit, partition, parent as Digest);
  });
  await each('r', async (row) => {
    const [, digest] = splitDigest(row.rowKey.slice(2));
    if (!keys.live.has(digest)) await auditReferrer(audit, partition, row, digest as Digest);
  });
  await each('t', async (row) => {
    const digest = optionalText(row, 'digest') ?? '';
    if (keys.live.has(digest) || (await isLive(audit, partition, digest as Digest))) return;
    await settle(audit, 'danglingTags', `${partition} ${row.rowKey}`);
  });
  await each('g', async (row) => {
    const [digest, tag] = splitDigest(row.rowKey.slice(2));
    if (keys.tags.get(tag) !== digest) await auditTagReverse(audit, partition, row, digest, tag);
  });
  await each('b', async ({ rowKey }) => {
    const digest = rowKey.slice(2);
    if (keys.referred.has(digest) || keys.work.has(rowKey)) return;
    await settle(audit, 'unwatchedLinks', `${partition} ${rowKey}`, () =>
      askToLook(audit, partition, workKey(audit.registry.clock.now(), 'b', digest)),
    );
  });
  await auditWork(audit, partition, keys, each);
}

async function auditWork(
  audit: Audit,
  partition: string,
  keys: RepositoryKeys,
  each: (kind: string, look: (row: Row) => Promise<void>) => Promise<void>,
): Promise<void> {
  const look = async (row: Row) => {
    const kind: WorkKind = row.rowKey.startsWith('n')
      ? 'n'
      : row.rowKey.startsWith('u')
        ? 'u'
        : 'm';
    if (kind === 'm' && row.properties['state'] === 'live') return;
    const own = optionalText(row, 'workKey');
    if (keys.work.has(own ?? row.rowKey)) return;
    const rowKey = own ?? workKey(audit.registry.clock.now(), kind, row.rowKey.slice(2));
    await settle(audit, 'unwatchedWork', `${partition} ${row.rowKey}`, () =>
      askToLook(audit, partition, rowKey),
    );
  };
  for (const kind of ['m', 'n', 'u']) await each(kind, look);
}

async function readKeys(audit: Audit, partition: string): Promise<RepositoryKeys> {
  const keys: RepositoryKeys = {
    rows: new Map(),
    live: new Set(),
    tags: new Map(),
    referred: new Set(),
    work: new Set(),
  };
  for (let from = ''; ;) {
    const rows = await audit.registry.tables.list('repo', partition, {
      from,
      before: '~',
      limit: limits.maxListPage,
      select: ['state', 'workKey', 'digest'],
    });
    for (const row of rows) take(audit, keys, row);
    const last = rows.at(-1);
    if (rows.length < limits.maxListPage || last === undefined) return keys;
    from = `${last.rowKey}!`;
  }
}

/** What is young is not judged, and yet it counts for what is old. */
function take(audit: Audit, keys: RepositoryKeys, row: Row): void {
  const [kind = ''] = row.rowKey;
  const key = row.rowKey.slice(2);
  if (kind === 'm' && row.properties['state'] === 'live') keys.live.add(key);
  if (kind === 't') keys.tags.set(key, optionalText(row, 'digest') ?? '');
  if (kind === 'p') keys.referred.add(splitDigest(key)[0]);
  if (kind === 'z') {
    const work = parseWorkKey(row.rowKey);
    keys.work.add(row.rowKey).add(`${work?.kind}:${work?.key}`);
  }
  if (kind === 'z' || !isJudged(audit, row)) return;
  const ofKind = keys.rows.get(kind);
  if (ofKind === undefined) keys.rows.set(kind, [row]);
  else ofKind.push(row);
}

/**
 * References of a manifest that is not there: it gets a row that says it is being purged, so that
 * they go as those of any other, and not under the hands of who pushes it.
 */
async function auditParent(audit: Audit, partition: string, digest: Digest): Promise<void> {
  const { registry } = audit;
  if ((await readManifestRow(registry, partition, digest)) !== undefined) return;
  await settle(audit, 'danglingReferences', `${partition} ${digest}`, async () => {
    const properties = { state: 'purging', mediaType: '', size: 0 };
    const outcome = await registry.tables.commit('repo', partition, [
      { kind: 'insert', rowKey: manifestKey(digest), properties },
      { kind: 'upsert', rowKey: workKey(registry.clock.now(), 'm', digest), properties: {} },
    ]);
    return outcome.ok;
  });
}

/** Whoever makes the manifest live writes the row again, and so changes its ETag. */
async function auditReferrer(
  audit: Audit,
  partition: string,
  { rowKey, etag }: Row,
  digest: Digest,
): Promise<void> {
  if (await isLive(audit, partition, digest)) return;
  await settle(audit, 'staleReferrers', `${partition} ${rowKey}`, async () => {
    const { tables } = audit.registry;
    return (await tables.commit('repo', partition, [{ kind: 'delete', rowKey, etag }])).ok;
  });
}

/** Whoever moves the tag there writes the row again. Its ETag was read before the tag is. */
async function auditTagReverse(
  audit: Audit,
  partition: string,
  { rowKey, etag }: Row,
  digest: string,
  tag: string,
): Promise<void> {
  const { tables } = audit.registry;
  const row = await tables.get('repo', partition, `t:${tag}`);
  if (row !== undefined && optionalText(row, 'digest') === digest) return;
  await settle(
    audit,
    'staleTagReverses',
    `${partition} ${rowKey}`,
    async () => (await tables.commit('repo', partition, [{ kind: 'delete', rowKey, etag }])).ok,
  );
}

async function isLive({ registry }: Audit, partition: string, digest: Digest): Promise<boolean> {
  return (await readManifestRow(registry, partition, digest))?.state === 'live';
}

async function askToLook({ registry }: Audit, partition: string, rowKey: string) {
  const outcome = await registry.tables.commit('repo', partition, [
    { kind: 'upsert', rowKey, properties: {} },
  ]);
  return outcome.ok;
}
