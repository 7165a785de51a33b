import { createHash } from 'node:crypto';
import { type Digest, parseDigest } from '../../shared/domain/digest.ts';
import { type Manifest, parseManifest } from '../../shared/domain/manifest.ts';
import { orderedProperties } from '../../shared/registry/tags/tag-order.ts';
import type { TestAzurite } from '../harness/azurite.ts';
import {
  type Properties,
  readStorage,
  type Rows,
  type StorageSnapshot,
} from './storage-snapshot.ts';

/**
 * Reads all tables and containers and tells which of the storage protocol's invariants
 * (docs/storage.md: I1 to I3, J1 to J4, K4) do not hold, one sentence each; none, when storage is
 * as it must be. To be asked while nobody writes. It remembers which bytes it has hashed, so ask
 * the same checker again.
 */
export function invariantChecker(azurite: TestAzurite): () => Promise<string[]> {
  const verified = new Set<string>();
  return async () => {
    const snapshot = await readStorage(azurite);
    const problems: string[] = [];
    const report = (problem: string) => void problems.push(problem);
    const hash = blobHasher(snapshot, verified);

    for (const [partition, rows] of snapshot.repo) {
      if (!snapshot.catalog.get('c')?.has(partition)) report(`${partition}: not in the catalogue`);
      const inRepository = (problem: string) => report(`${partition}: ${problem}`);
      checkBlobLinks(snapshot, partition, rows, inRepository);
      checkWorkRows(rows, inRepository);
      checkTags(rows, inRepository);
      checkTagOrder(rows, inRepository);
      await checkManifests(snapshot, rows, hash, inRepository);
    }
    const watched = watchedNames(snapshot);
    for (const [name, rows] of snapshot.data) {
      const ofName = (problem: string) => report(`${name}: ${problem}`);
      await checkName(snapshot, name, rows, hash, ofName);
      if (!watched.has(name)) checkUnwatched(rows, ofName);
    }
    checkOrphans(snapshot, report);
    return problems;
  };
}

type Report = (problem: string) => void;
type HashOf = (container: 'content' | 'manifests', name: string) => Promise<string>;

function blobHasher(snapshot: StorageSnapshot, verified: Set<string>): HashOf {
  const known = new Map([...verified].map((entry) => entry.split(' ') as [string, string]));
  return async (container, name) => {
    const etag = snapshot[container].get(name);
    if (etag === undefined) return 'nothing';
    const key = `${container}/${name}/${etag}`;
    const found = known.get(key) ?? sha256(await snapshot.readBlob(container, name));
    verified.add(`${key} ${found}`);
    return found;
  };
}

function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/**
 * I1: a repository that may read a digest holds the name it lies at. J2: nothing referred to is
 * missing.
 */
function checkBlobLinks(
  { data }: StorageSnapshot,
  partition: string,
  rows: Rows,
  report: Report,
): void {
  for (const [digest, link] of ofKind(rows, 'b')) {
    const stored = data.get(String(link['name']));
    if (!stored?.has(`h:${partition}`)) report(`I1 ${digest} is linked but not held`);
    const live = stored?.get('l');
    if (live === undefined) report(`I2 ${digest} is linked but its bytes are not live`);
    else if (live['digest'] !== digest) report(`I3 ${digest} leads to ${String(live['digest'])}`);
    else if (live['size'] !== link['size']) report(`I3 ${digest} has two sizes`);
    const isReferred = [...rows.keys()].some((key) => key.startsWith(`p:${digest}:`));
    if (!isReferred && !hasWork(rows, 'b', digest)) report(`K4 link of ${digest} has no work row`);
  }
}

/** K4: what is unfinished has the work row that it names, or one of its kind. */
function checkWorkRows(rows: Rows, report: Report): void {
  for (const kind of ['u', 'n'] as const) {
    for (const [key, row] of ofKind(rows, kind)) {
      if (!rows.has(String(row['workKey']))) report(`K4 ${kind}:${key} has no work row`);
    }
  }
  for (const [digest, row] of ofKind(rows, 'm')) {
    const unfinished = row['state'] !== 'live';
    if (unfinished && !hasWork(rows, 'm', digest)) {
      report(`K4 ${String(row['state'])} manifest ${digest} has no work row`);
    }
    if (row['state'] === 'deleted' && !rows.has(String(row['workKey']))) {
      report(`K4 deleted manifest ${digest} has no work row that ends it`);
    }
  }
}

/** J3: a tag points to a live manifest, and tags and their reverse rows agree. */
function checkTags(rows: Rows, report: Report): void {
  for (const [tag, row] of ofKind(rows, 't')) {
    const digest = String(row['digest']);
    if (rows.get(`m:${digest}`)?.['state'] !== 'live') report(`J3 tag ${tag} dangles at ${digest}`);
    if (!rows.has(`g:${digest}:${tag}`)) report(`J3 tag ${tag} has no reverse row`);
    if (isWithheld(rows.get(`m:${digest}`)) && row['manifestWithheld'] !== true) {
      report(`J3 tag ${tag} shows ${digest}, which is in quarantine`);
    }
  }
  for (const [key] of ofKind(rows, 'g')) {
    const [digest, tag] = splitDigest(key);
    if (rows.get(`t:${tag}`)?.['digest'] !== digest) report(`J3 reverse row ${key} is not true`);
  }
}

/**
 * J4: a tag that says when it was put in the order of time has exactly one row `o` and one `a`,
 * which say the same as its own, and so does its reverse row; and no other tag has any.
 */
function checkTagOrder(rows: Rows, report: Report): void {
  const expected = new Map<string, Properties>();
  for (const [tag, row] of ofKind(rows, 't')) {
    const reverse = rows.get(`g:${String(row['digest'])}:${tag}`) ?? {};
    for (const name of ['orderedAt', 'immutable']) {
      if (!isSame(reverse[name], row[name])) report(`J4 reverse row of ${tag} has another ${name}`);
    }
    const { orderedAt } = row;
    if (!(orderedAt instanceof Date)) continue;
    const ms = orderedAt.getTime();
    expected.set(`a:${String(ms).padStart(13, '0')}:${tag}`, row);
    expected.set(`o:${String(9_999_999_999_999 - ms).padStart(13, '0')}:${tag}`, row);
  }
  for (const [key, row] of expected) {
    const ordered = rows.get(key);
    if (ordered === undefined) report(`J4 there is no ${key}`);
    for (const name of orderedProperties) {
      if (ordered !== undefined && !isSame(ordered[name], row[name])) {
        report(`J4 ${key} has another ${name}`);
      }
    }
  }
  for (const key of rows.keys()) {
    if (/^[oa]:/.test(key) && !expected.has(key)) report(`J4 ${key} is of no tag`);
  }
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** J1, J2 and the referrer rows, and that a live manifest is what its digest says. */
async function checkManifests(
  snapshot: StorageSnapshot,
  rows: Rows,
  hash: HashOf,
  report: Report,
): Promise<void> {
  const manifests = new Map<string, Manifest>();
  for (const [digest, row] of ofKind(rows, 'm')) {
    if (row['state'] === 'purging') continue;
    const bytes = await manifestBytes(snapshot, row, hash);
    if (bytes === undefined) {
      if (row['state'] === 'live') report(`K1 live manifest ${digest} has no bytes`);
      continue;
    }
    if (sha256(bytes) !== digest) report(`K2 manifest ${digest} has other bytes`);
    const manifest = parseManifest(bytes, String(row['mediaType']));
    manifests.set(digest, manifest);
    if (row['state'] === 'live') checkLive(rows, digest, manifest, report);
  }
  for (const [key] of ofKind(rows, 'p')) {
    const [child, parent] = splitDigest(key);
    const state = rows.get(`m:${parent}`)?.['state'];
    if (state === undefined) report(`J1 ${key} is of a manifest that is not there`);
    if (state !== 'live' && state !== 'pending' && state !== 'deleted') continue;
    const named = manifests.get(parent)?.children.find(({ digest }) => digest === child);
    if (named?.kind === 'blob' && !named.optional && !rows.has(`b:${child}`)) {
      report(`J2 ${state} ${parent} refers to ${child}, which is not linked`);
    }
  }
  for (const [key, referrer] of ofKind(rows, 'r')) {
    const [subject, digest] = splitDigest(key);
    const row = rows.get(`m:${digest}`);
    const named = `${String(row?.['subject'])},${String(row?.['fallbackSubjects'])}`.includes(
      subject,
    );
    if (row?.['state'] !== 'live' || !named) report(`J3 referrer row ${key} is not true`);
    if (isWithheld(row) !== (referrer['manifestWithheld'] === true)) {
      report(`J3 referrer row ${key} does not agree about its quarantine`);
    }
  }
}

function isWithheld(manifest: Properties | undefined): boolean {
  const state = manifest?.['quarantineState'];
  return state === 'Quarantined' || state === 'Failed';
}

function checkLive(rows: Rows, digest: string, manifest: Manifest, report: Report): void {
  for (const child of manifest.children) {
    const key = `${child.kind === 'manifest' ? 'm' : 'b'}:${child.digest}`;
    if (!child.optional && !rows.has(key)) report(`K1 live ${digest} lacks ${key}`);
    if (!rows.has(`p:${child.digest}:${digest}`)) report(`J1 live ${digest} does not hold ${key}`);
  }
  if (manifest.subject !== undefined && !rows.has(`r:${manifest.subject}:${digest}`)) {
    report(`J1 ${digest} is no referrer of its subject`);
  }
}

async function manifestBytes(
  snapshot: StorageSnapshot,
  row: Properties,
  hash: HashOf,
): Promise<Uint8Array | undefined> {
  const { bytes, blob } = row;
  if (bytes instanceof Uint8Array) return bytes;
  if (typeof blob !== 'string' || (await hash('manifests', blob)) === 'nothing') return undefined;
  return await snapshot.readBlob('manifests', blob);
}

/** I2, I3, and K4: who holds a name has a link, an intent or an upload that says why. */
async function checkName(
  { repo }: StorageSnapshot,
  name: string,
  rows: Rows,
  hash: HashOf,
  report: Report,
): Promise<void> {
  const live = rows.get('l');
  if (live !== undefined) {
    const digest = String(live['digest']);
    const stored = await hash('content', name);
    if (digest.startsWith('sha256:') && stored !== digest) report(`I3 ${digest} is ${stored}`);
  }
  for (const [partition, holder] of ofKind(rows, 'h')) {
    if (live === undefined && !rows.has('x')) report(`I2 ${partition} holds what is not there`);
    const ofRepository: Rows = repo.get(partition) ?? new Map();
    const digest = String(live?.['digest']);
    const linked = ofRepository.get(`b:${digest}`)?.['name'] === name;
    const intended = ofRepository.has(`n:${digest}:${name}`);
    const uploading = ofRepository.has(`u:${String(holder['via'])}`);
    if (!linked && !intended && !uploading) report(`K4 ${partition} holds it for nothing`);
  }
}

/** The names that an upload, an intent or a work row brings to the notice of the sweep. */
function watchedNames({ repo }: StorageSnapshot): ReadonlySet<string> {
  const names = new Set<string>();
  for (const rows of repo.values()) {
    for (const [, upload] of ofKind(rows, 'u')) names.add(String(upload['name']));
    for (const [key] of ofKind(rows, 'n')) names.add(splitDigest(key)[1]);
    for (const [key] of ofKind(rows, 'z')) {
      const [, kind, ...subject] = key.split(':');
      if (kind === 'x' || kind === 'n') names.add(subject.at(-1) ?? '');
    }
  }
  return names;
}

/** K4: what nobody holds, or was given up, is on its way out. */
function checkUnwatched(rows: Rows, report: Report): void {
  if (rows.has('x')) report('K4 given up, and nobody is to delete it');
  else if (ofKind(rows, 'h').length === 0) report('K4 live, and held by nobody');
}

/** K4: stored bytes belong to somebody, at least to a work row. */
function checkOrphans({ repo, data, content, manifests }: StorageSnapshot, report: Report): void {
  const uploads = new Set<string>();
  const manifestNames = new Set<string>();
  for (const rows of repo.values()) {
    for (const [, upload] of ofKind(rows, 'u')) {
      const name = String(upload['name']);
      uploads.add(name);
    }
    for (const [, row] of ofKind(rows, 'm')) manifestNames.add(String(row['blob']));
    for (const [key] of ofKind(rows, 'z')) {
      const [, kind, ...subject] = key.split(':');
      if (kind === 'f') manifestNames.add(subject.at(-1) ?? '');
    }
  }
  for (const name of content.keys()) {
    if (!data.has(name) && !uploads.has(name)) report(`K4 blob ${name} belongs to nobody`);
  }
  for (const name of manifests.keys()) {
    if (!manifestNames.has(name)) report(`K4 manifest bytes ${name} belong to nobody`);
  }
}

type RowKind = 'b' | 'n' | 'u' | 'm' | 't' | 'g' | 'p' | 'r' | 'z' | 'h';

/** The rows of a kind, by what stands behind its letter. */
function ofKind(rows: Rows, kind: RowKind): [string, Properties][] {
  return [...rows]
    .filter(([key]) => key.startsWith(`${kind}:`))
    .map(([key, properties]) => [key.slice(2), properties]);
}

function hasWork(rows: Rows, kind: string, key: string): boolean {
  return ofKind(rows, 'z').some(([work]) => work.replace(/^\d+T\d+:/, '') === `${kind}:${key}`);
}

/** `sha256:…:rest` in two. */
function splitDigest(key: string): [Digest, string] {
  const digest = parseDigest(key.split(':').slice(0, 2).join(':'));
  if (digest === undefined) throw new Error(`no digest in ${key}`);
  return [digest, key.slice(digest.length + 1)];
}
