import type { Digest } from '../../domain/digest.ts';
import type { PhysicalName } from '../../domain/physical-name.ts';
import type { Operation, Row } from '../../ports/table-store.ts';
import { cacheKey } from '../caches.ts';
import { lostRace } from '../contention.ts';
import { inSeconds, type Registry } from '../registry.ts';
import {
  blobLinkKey,
  givenUpKey,
  holderKey,
  intentKey,
  keysUnder,
  liveKey,
  uploadKey,
  workKey,
} from '../rows/row-keys.ts';
import { optionalText, text } from '../rows/row-values.ts';

/** A digest that a repository holds, and the name its bytes lie at. */
export interface Holding {
  readonly partition: string;
  readonly digest: Digest;
  readonly name: PhysicalName;
}

/** The rows of a holding as a release must read them (docs/storage.md, "Release", step 1). */
export interface HoldingRows {
  readonly holder: Row | undefined;
  /** Whether the upload that the holder came by is still there: then it is the upload's. */
  readonly isUploading: boolean;
  readonly intent: Row | undefined;
  /** Undefined, too, when the repository has the digest at another name. */
  readonly link: Row | undefined;
}

/**
 * Reads holder, upload, intent and link, in this order: two other orders lose data. `knownLinked`
 * leaves the upload out: a link at this name was made by consuming it.
 */
export async function readHolding(
  registry: Registry,
  { partition, digest, name }: Holding,
  knownLinked: boolean,
): Promise<HoldingRows> {
  const { tables } = registry;
  const holder = await tables.get('data', name, holderKey(partition));
  const via = holder && optionalText(holder, 'via');
  const isUploading =
    via !== undefined &&
    !knownLinked &&
    (await tables.get('repo', partition, uploadKey(via))) !== undefined;
  const intent = await tables.get('repo', partition, intentKey(digest, name));
  const link = await tables.get('repo', partition, blobLinkKey(digest));
  const isHere = link !== undefined && text(link, 'name') === name;
  return { holder, isUploading, intent, link: isHere ? link : undefined };
}

/** An intent to release, and the ETag under which it ends. */
export interface Release {
  readonly holding: Holding;
  readonly intentEtag: string;
}

/**
 * Takes the repository's right away, in the transaction that says so to whoever acquires the same
 * name (step 3). What is left is work for the sweep, whose row is due now.
 */
export async function beginRelease(
  registry: Registry,
  holding: Holding,
  { intent, link }: HoldingRows,
): Promise<Release | typeof lostRace> {
  const { partition, digest, name } = holding;
  const rowKey = intentKey(digest, name);
  const due = workKey(registry.clock.now(), 'n', `${digest}:${name}`);
  const isReleasing = intent?.properties['releasing'] === true;
  const properties = {
    ...intent?.properties,
    releasing: true,
    ...(isReleasing ? {} : { workKey: due }),
  };
  const announced: Operation =
    intent === undefined
      ? { kind: 'insert', rowKey, properties }
      : { kind: 'replace', rowKey, etag: intent.etag, properties };
  const unlinked: Operation[] =
    link === undefined ? [] : [{ kind: 'delete', rowKey: blobLinkKey(digest), etag: link.etag }];
  const work: Operation[] = isReleasing ? [] : [{ kind: 'upsert', rowKey: due, properties: {} }];
  const outcome = await registry.tables.commit('repo', partition, [
    announced,
    ...unlinked,
    ...work,
  ]);
  registry.caches.blobLinks.delete(cacheKey(partition, blobLinkKey(digest)));
  return outcome.ok ? { holding, intentEtag: outcome.etags[0] ?? '' } : lostRace;
}

/**
 * Ends a release (steps 4 to 6): the holder goes if it still is the one that was read, the bytes
 * are given up when nobody else holds them, and an hour later the sweep deletes them. False when
 * somebody acquires the name meanwhile, or another sweep ends the same release.
 */
export async function endRelease(
  registry: Registry,
  { holding, intentEtag }: Release,
  holder: Row | undefined,
): Promise<boolean> {
  const { partition, digest, name } = holding;
  if (holder !== undefined && !(await dropHolder(registry, holding, holder))) return false;
  await giveUpIfUnheld(registry, name);
  const outcome = await registry.tables.commit('repo', partition, [
    { kind: 'delete', rowKey: intentKey(digest, name), etag: intentEtag },
    givenUpWork(registry, name),
  ]);
  return outcome.ok;
}

/** False when the holder is not the one that was read: somebody acquired the name since. */
export async function dropHolder(
  registry: Registry,
  { partition, name }: Pick<Holding, 'partition' | 'name'>,
  { etag }: Row,
): Promise<boolean> {
  const outcome = await registry.tables.commit('data', name, [
    { kind: 'delete', rowKey: holderKey(partition), etag },
  ]);
  return outcome.ok || outcome.reason === 'missing';
}

/**
 * Ends the life of bytes that nobody holds (step 5): from here on nobody can acquire them. A holder
 * that is added meanwhile changes the row that says they are live, and they stay. Answers whether
 * this call did it.
 */
export async function giveUpIfUnheld(registry: Registry, name: PhysicalName): Promise<boolean> {
  const live = await registry.tables.get('data', name, liveKey);
  if (live === undefined) return false;
  const holders = await registry.tables.list('data', name, {
    ...keysUnder('h:'),
    limit: 1,
    select: [],
  });
  if (holders.length > 0) return false;
  const outcome = await registry.tables.commit('data', name, [
    { kind: 'delete', rowKey: liveKey, etag: live.etag },
    { kind: 'upsert', rowKey: givenUpKey, properties: live.properties },
  ]);
  return outcome.ok;
}

/** Asks the sweep to delete bytes once whoever was told where they lie has read them. */
export function givenUpWork(registry: Registry, name: PhysicalName): Operation {
  const due = inSeconds(registry, registry.seconds.unfinishedWork);
  return { kind: 'upsert', rowKey: workKey(due, 'x', name), properties: {} };
}
