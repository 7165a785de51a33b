import type { Digest } from '../../domain/digest.ts';
import { type Manifest, parseManifest } from '../../domain/manifest.ts';
import type { Tag } from '../../domain/reference.ts';
import type { RepositoryName } from '../../domain/repository-name.ts';
import { RegistryError } from '../../errors.ts';
import type { Operation } from '../../ports/table-store.ts';
import { lostRace, untilDecided } from '../contention.ts';
import type { Registry } from '../registry.ts';
import { ensureVisible } from '../repositories/catalog.ts';
import { manifestKey, repositoryOfPartition, repositoryPartition } from '../rows/row-keys.ts';
import { isWithheld } from '../rows/quarantine.ts';
import type { ManifestRow, TagRow } from '../rows/row-types.ts';
import { immutabilityOfRows } from '../tags/immutability.ts';
import { pointTag } from '../tags/tag-operations.ts';
import { forgetTags, readTag } from '../tags/tag-row.ts';
import { storedManifest } from './get-manifest.ts';
import { deletedRows } from './list-deleted.ts';
import { readManifestRow } from './manifest-row.ts';
import { namedManifests } from './named-manifests.ts';
import { referrerOperation } from './referrer-rows.ts';
import { asRestored, deletionOf, rememberedTags } from './soft-delete.ts';
import { targetOf } from './tag-target.ts';

/** Four operations a tag at most, one for the manifest and each of 17 referrer rows. */
const tagsPerTransaction = 20;
const maxRestored = 1000;

/** A tag that was to be restored, and is taken: it stays where it is. */
export interface TakenTag {
  readonly tag: Tag;
  readonly digest: Digest;
}

export interface RestoredManifest {
  readonly digest: Digest;
  readonly tags: readonly Tag[];
}

export interface Restoration {
  /** In the order in which they came back; empty when the manifest was there already. */
  readonly restored: readonly RestoredManifest[];
  readonly takenTags: readonly TakenTag[];
  /** Manifests that an index names and that are not there, nor can be restored. */
  readonly missing: readonly Digest[];
}

/**
 * Makes a deleted manifest live again with its tags: first the manifests an index names, then it,
 * then what was deleted as its referrer. Each is one transaction with its first twenty tags. A tag
 * that is taken meanwhile stays as it is. Of a manifest that is live what is left to restore is
 * restored, so that a request that broke off can be repeated. Throws MANIFEST_UNKNOWN when it was
 * never there, or when it is too late; UNSUPPORTED 409 when there is more than one request
 * restores.
 */
export async function restoreManifest(
  registry: Registry,
  repository: RepositoryName,
  digest: Digest,
): Promise<Restoration> {
  const restoring = new Restoring(registry, repository);
  await restoring.root(digest);
  await ensureVisible(registry, repository);
  return restoring;
}

class Restoring implements Restoration {
  readonly restored: RestoredManifest[] = [];
  readonly takenTags: TakenTag[] = [];
  readonly missing: Digest[] = [];
  readonly #registry: Registry;
  readonly #partition: string;
  readonly #seen = new Set<Digest>();

  constructor(registry: Registry, repository: RepositoryName) {
    this.#registry = registry;
    this.#partition = repositoryPartition(repository);
  }

  async root(digest: Digest): Promise<void> {
    if (!(await this.#one(digest))) throw tooLate(digest);
    const deleted = await deletedRows(this.#registry, this.#partition);
    const bySubject = Map.groupBy(deleted, (row) => deletionOf(row).deletedWith);
    const subjects = [digest];
    for (const subject of subjects) {
      for (const { rowKey } of bySubject.get(subject) ?? []) {
        const referrer = rowKey.slice(2) as Digest;
        if (await this.#one(referrer)) subjects.push(referrer);
      }
    }
  }

  /** With the manifests it names, before it. False when it cannot be restored. */
  async #one(digest: Digest): Promise<boolean> {
    if (this.#seen.has(digest)) return true;
    this.#seen.add(digest);
    if (this.#seen.size > maxRestored) throw tooMany();
    const row = await readManifestRow(this.#registry, this.#partition, digest);
    if (row === undefined || !isRestorable(row)) return false;
    for (const child of await namedManifests(this.#registry, row)) {
      if (!(await this.#one(child))) this.missing.push(child);
    }
    return await this.#bring(digest);
  }

  async #bring(digest: Digest): Promise<boolean> {
    for (let isWhole = false; !isWhole;) {
      const step = await untilDecided(() => restoreStep(this.#registry, this.#partition, digest));
      if (step === 'gone') return false;
      if (step.wasDeleted) this.restored.push({ digest, tags: step.tags });
      else if (step.tags.length > 0) this.#addTags(digest, step.tags);
      this.takenTags.push(...step.taken);
      isWhole = step.isWhole;
    }
    return true;
  }

  #addTags(digest: Digest, tags: readonly Tag[]): void {
    const at = this.restored.findIndex((each) => each.digest === digest);
    const before = at < 0 ? [] : (this.restored.splice(at, 1)[0]?.tags ?? []);
    this.restored.push({ digest, tags: [...before, ...tags] });
  }
}

interface RestoreStep {
  readonly wasDeleted: boolean;
  readonly tags: readonly Tag[];
  readonly taken: readonly TakenTag[];
  /** Whether no tag is left to restore. */
  readonly isWhole: boolean;
}

/**
 * One transaction: the manifest lives, under the ETag that says it was deleted, with some of its
 * tags by insert. Its holds on its children were never given up (J1).
 */
async function restoreStep(
  registry: Registry,
  partition: string,
  digest: Digest,
): Promise<RestoreStep | 'gone' | typeof lostRace> {
  const row = await readManifestRow(registry, partition, digest);
  if (row === undefined || !isRestorable(row)) return 'gone';
  const remembered = rememberedTags(row.properties);
  const wasDeleted = row.state === 'deleted';
  const nothing = { wasDeleted, tags: [], taken: [], isWhole: true };
  if (!wasDeleted && remembered.length === 0) return nothing;

  const some = remembered.slice(0, tagsPerTransaction);
  const rest = remembered.slice(tagsPerTransaction);
  const current = await Promise.all(some.map((tag) => readTag(registry, partition, tag)));
  const free = some.filter((_, index) => current[index] === undefined);
  const referrers = wasDeleted ? await referrerRows(registry, row) : [];
  if (referrers === undefined) return lostRace;
  const repository = repositoryOfPartition(partition);
  const isHeld = await immutabilityOfRows(registry, repository, free, []);
  const outcome = await registry.tables.commit('repo', partition, [
    {
      kind: 'replace',
      rowKey: manifestKey(digest),
      etag: row.etag,
      properties: asRestored(row, rest),
    },
    ...referrers,
    ...free.flatMap((tag) => pointTag(registry, tag, undefined, targetOf(row), isHeld)),
  ]);
  if (!outcome.ok) return lostRace;
  forgetTags(registry, partition, free);
  return { wasDeleted, tags: free, taken: takenOf(current, digest), isWhole: rest.length === 0 };
}

function takenOf(current: readonly (TagRow | undefined)[], restored: Digest): TakenTag[] {
  return current.flatMap((row) =>
    row === undefined || row.digest === restored ? [] : [{ tag: row.tag, digest: row.digest }],
  );
}

function isRestorable({ state }: ManifestRow): boolean {
  return state === 'deleted' || state === 'live';
}

/** Undefined when its bytes went after the row was read. */
async function parsed(registry: Registry, row: ManifestRow): Promise<Manifest | undefined> {
  const stored = await storedManifest(registry, row);
  return stored && parseManifest(stored.bytes, stored.mediaType);
}

async function referrerRows(
  registry: Registry,
  row: ManifestRow,
): Promise<Operation[] | undefined> {
  const subjects = [...(row.subject === undefined ? [] : [row.subject]), ...row.fallbackSubjects];
  if (subjects.length === 0) return [];
  const manifest = await parsed(registry, row);
  if (manifest === undefined) return undefined;
  const descriptor = { ...manifest, sizeBytes: row.sizeBytes };
  const withheld = isWithheld(row.properties);
  return [...new Set(subjects)].map((subject) =>
    referrerOperation(subject, row.digest, descriptor, withheld),
  );
}

function tooLate(digest: Digest): RegistryError {
  return new RegistryError('MANIFEST_UNKNOWN', {
    message: 'there is no deleted manifest of that digest, or it is too late to restore it',
    detail: { digest },
  });
}

function tooMany(): RegistryError {
  return new RegistryError('UNSUPPORTED', {
    status: 409,
    message: `more than ${maxRestored} manifests belong to it: restore some of them first`,
  });
}
