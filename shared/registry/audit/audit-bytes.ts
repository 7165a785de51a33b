import { hourOf, type PhysicalName } from '../../domain/physical-name.ts';
import type { ListedBlob } from '../../ports/blob-store.ts';
import type { ScannedRow } from '../../ports/table-store.ts';
import { mayDeleteBytes } from '../backup/may-delete-bytes.ts';
import { isRestoring } from '../backup/restore-state.ts';
import { giveUpIfUnheld, readHolding } from '../blobs/release-blob.ts';
import { catalogueRows, touchCatalogued } from '../repositories/catalog.ts';
import { givenUpKey, keysUnder, liveKey, workKey } from '../rows/row-keys.ts';
import { digest, optionalText } from '../rows/row-values.ts';
import { inTurns } from '../sweep/in-turns.ts';
import { deleteGivenUp } from '../sweep/sweep-given-up.ts';
import { type Audit, isJudged, settle } from './audit-work.ts';

const atOnce = 4;

/** A page of blobs, with the rows of all names from where the page before ended. */
export interface BytesPage {
  readonly blobs: readonly ListedBlob[];
  /** In order of names, `''` at the beginning. */
  readonly after: string;
  /** The last name of the page; `~` on the last. */
  readonly upTo: string;
}

/**
 * The names of all uploads there are. One request a repository. To be read before what is judged.
 */
export async function uploadNames({ registry }: Audit): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for await (const repositories of catalogueRows(registry, '')) {
    await inTurns(repositories, atOnce, async ({ rowKey: partition }) => {
      const rows = await registry.tables.list('repo', partition, {
        ...keysUnder('u:'),
        select: ['name'],
      });
      for (const row of rows) names.add(optionalText(row, 'name') ?? '');
    });
  }
  return names;
}

/** Compares stored bytes with their rows, both ways (docs/storage.md, "Audit", i and ii). */
export async function auditBytes(
  audit: Audit,
  { blobs, after, upTo }: BytesPage,
  uploads: ReadonlySet<string>,
): Promise<void> {
  const rows = await audit.registry.tables.scan('data', { after, upTo });
  const byName = Map.groupBy(rows, ({ partitionKey }) => partitionKey);
  const stored = new Set<string>(blobs.map(({ name }) => name));
  const orphans = blobs.filter(({ name }) => !byName.has(name) && !uploads.has(name));
  // Where most have no row, rows were lost, and the bytes are what they are restored for.
  const areRowsLost = orphans.length > blobs.length / 2;
  const cautious: Audit = areRowsLost ? { ...audit, repair: false } : audit;
  await inTurns(orphans, atOnce, (blob) => auditOrphan(cautious, blob));
  await inTurns(byName, atOnce, async ([name, ofName]) => {
    await auditName(audit, name as PhysicalName, ofName, stored.has(name));
  });
}

/**
 * Bytes without a row and without an upload that could give them one: nobody can come to serve
 * them.
 */
async function auditOrphan(audit: Audit, { name, ageMs, sizeBytes }: ListedBlob): Promise<void> {
  const { registry } = audit;
  const nameAgeMs = registry.clock.now().getTime() - hourOf(name).getTime();
  if (!isJudged(audit, { ageMs: Math.min(ageMs, nameAgeMs) })) return;
  if ((await registry.tables.list('data', name, { from: '', before: '~' })).length > 0) return;
  await settle(audit, 'orphanBytes', `${name} ${sizeBytes}`, async () => {
    // One that began after this audit did may be about to bring the rows back.
    if (await isRestoring(registry)) return false;
    await registry.blobs.delete('content', name, 'staged');
    return true;
  });
}

async function auditName(
  audit: Audit,
  name: PhysicalName,
  rows: readonly ScannedRow[],
  isStored: boolean,
): Promise<void> {
  const { registry } = audit;
  const live = rows.find(({ rowKey }) => rowKey === liveKey);
  const givenUp = rows.find(({ rowKey }) => rowKey === givenUpKey);
  const holders = rows.filter(({ rowKey }) => rowKey.startsWith('h:'));
  const mayGo = givenUp && isJudged(audit, givenUp) && (await mayDeleteBytes(registry, givenUp));
  if (givenUp !== undefined && mayGo) {
    await settle(audit, 'undeletedBytes', name, async () => {
      await deleteGivenUp(registry, name, givenUp);
      return true;
    });
  }
  if (live === undefined || !isJudged(audit, live)) return;
  if (!isStored && (await registry.blobs.properties('content', name)) === undefined) {
    const isThere = (await registry.tables.get('data', name, liveKey)) !== undefined;
    if (isThere) await settle(audit, 'missingBytes', `${name} ${digest(live, 'digest')}`);
  }
  if (holders.length === 0) {
    await settle(audit, 'unheldBytes', name, async () => {
      await giveUpIfUnheld(registry, name);
      return true;
    });
  }
  for (const holder of holders) {
    if (isJudged(audit, holder)) await auditHolder(audit, name, live, holder);
  }
}

/** The sweep releases what a repository holds without a right to it: it is asked to look. */
async function auditHolder(
  audit: Audit,
  name: PhysicalName,
  live: ScannedRow,
  { rowKey }: ScannedRow,
): Promise<void> {
  const { registry } = audit;
  const partition = rowKey.slice(2);
  const holding = { partition, digest: digest(live, 'digest'), name };
  const { holder, isUploading, intent, link } = await readHolding(registry, holding, false);
  if (holder === undefined || isUploading || intent !== undefined || link !== undefined) return;
  await settle(audit, 'strayHolders', `${name} ${partition}`, async () => {
    await touchCatalogued(registry, partition);
    const work = workKey(registry.clock.now(), 'n', `${holding.digest}:${name}`);
    const outcome = await registry.tables.commit('repo', partition, [
      { kind: 'upsert', rowKey: work, properties: {} },
    ]);
    return outcome.ok;
  });
}
