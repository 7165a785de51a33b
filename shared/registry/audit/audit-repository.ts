import type { Digest } from '../../domain/digest.ts';
import type { Row } from '../../ports/table-store.ts';
import { readManifestRow } from '../manifests/manifest-row.ts';
import { inTurns } from '../sweep/in-turns.ts';
import { manifestKey, parseWorkKey, splitDigest, workKey, workKinds } from '../rows/row-keys.ts';
import { optionalText } from '../rows/row-values.ts';
import { orderTime } from '../tags/tag-order.ts';
import type { FindingKind } from './audit-findings.ts';
import { auditTagOrder } from './audit-tag-order.ts';
import { type Audit, isJudged, rowsOf, settle } from './audit-work.ts';

const atOnce = 4;

/**
 * Compares the rows of a repository with one another (docs/storage.md, "Audit", iii). One request
 * for 1,000 rows, and a few for each finding: each is read once more before it counts. Of all that
 * there is, the digests of manifests, the tags and the work rows are held in memory, the rest page
 * by page.
 */
export async function auditRepository(audit: Audit, partition: string): Promise<void> {
  const live = new Set<string>();
  const watched: Row[] = [];
  for await (const row of rowsOf(audit, partition, 'm')) {
    if (row.properties['state'] === 'live') live.add(row.rowKey.slice(2));
    else if (isJudged(audit, row)) watched.push(row);
  }
  for (const kind of ['n', 'u'] as const) {
    for await (const row of rowsOf(audit, partition, kind)) {
      if (isJudged(audit, row)) watched.push(row);
    }
  }
  const unreferenced = await auditReferences(audit, partition, live);
  await auditReferrers(audit, partition, live);
  await auditTags(audit, partition, live);
  // Read last: who takes away what made it needless writes a work row with it.
  await auditWork(audit, partition, watched, unreferenced);
}

/**
 * What the parents of blobs and manifests are. Answers the links that no manifest refers to: rows
 * of both kinds come in the order of digests.
 */
async function auditReferences(
  audit: Audit,
  partition: string,
  live: ReadonlySet<string>,
): Promise<readonly Row[]> {
  const unreferenced: Row[] = [];
  const missing = new Set<string>();
  const links = rowsOf(audit, partition, 'b');
  let link = await links.next();
  const passLinksBefore = async (child: string | undefined) => {
    for (; link.done !== true; link = await links.next()) {
      const digest = link.value.rowKey.slice(2);
      if (child !== undefined && digest >= child) return;
      if (isJudged(audit, link.value)) unreferenced.push(link.value);
    }
  };
  for await (const row of rowsOf(audit, partition, 'p')) {
    const [child, parent] = splitDigest(row.rowKey.slice(2));
    await passLinksBefore(child);
    if (link.done !== true && link.value.rowKey.slice(2) === child) link = await links.next();
    if (!isJudged(audit, row) || live.has(parent) || missing.has(parent)) continue;
    missing.add(parent);
    await auditParent(audit, partition, parent as Digest);
  }
  await passLinksBefore(undefined);
  return unreferenced;
}

async function auditReferrers(
  audit: Audit,
  partition: string,
  live: ReadonlySet<string>,
): Promise<void> {
  for await (const row of rowsOf(audit, partition, 'r')) {
    const [, digest] = splitDigest(row.rowKey.slice(2));
    if (!isJudged(audit, row) || live.has(digest)) continue;
    await auditReferrer(audit, partition, row, digest as Digest);
  }
}

async function auditTags(
  audit: Audit,
  partition: string,
  live: ReadonlySet<string>,
): Promise<void> {
  const tags = new Map<string, string>();
  const places = new Map<string, number>();
  for await (const row of rowsOf(audit, partition, 't')) {
    const digest = optionalText(row, 'digest') ?? '';
    tags.set(row.rowKey.slice(2), digest);
    const time = orderTime(row.properties);
    if (time !== undefined) places.set(row.rowKey.slice(2), time.getTime());
    if (!isJudged(audit, row) || live.has(digest)) continue;
    if (await isLive(audit, partition, digest as Digest)) continue;
    await settle(audit, 'danglingTags', `${partition} ${row.rowKey}`);
  }
  for await (const row of rowsOf(audit, partition, 'g')) {
    const [digest, tag] = splitDigest(row.rowKey.slice(2));
    if (!isJudged(audit, row) || tags.get(tag) === digest) continue;
    await auditTagReverse(audit, partition, row, digest, tag);
  }
  await auditTagOrder(audit, partition, places);
}

/** What has no work row that asks the sweep to look at it gets one. */
async function auditWork(
  audit: Audit,
  partition: string,
  watched: readonly Row[],
  unreferenced: readonly Row[],
): Promise<void> {
  const work = new Set<string>();
  for await (const { rowKey } of rowsOf(audit, partition, 'z')) {
    const parsed = parseWorkKey(rowKey);
    work.add(rowKey).add(`${parsed?.kind}:${parsed?.key}`);
  }
  const now = audit.registry.clock.now();
  const settleUnlessKnown = async (finding: FindingKind, { rowKey }: Row, own?: string) => {
    if (work.has(own ?? rowKey)) return;
    const [kind, key] = [rowKey.slice(0, 1), rowKey.slice(2)];
    const asked = own ?? workKey(now, workKinds.find((each) => each === kind) ?? 'm', key);
    await settle(audit, finding, `${partition} ${rowKey}`, () =>
      askToLook(audit, partition, asked),
    );
  };
  await inTurns(unreferenced, atOnce, (row) => settleUnlessKnown('unwatchedLinks', row));
  await inTurns(watched, atOnce, (row) =>
    settleUnlessKnown('unwatchedWork', row, optionalText(row, 'workKey')),
  );
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
