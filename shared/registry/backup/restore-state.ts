import { isObject, parseJsonObject } from '../../domain/json.ts';
import { RegistryError } from '../../errors.ts';
import type { Registry } from '../registry.ts';
import { backupsPartition } from '../rows/row-keys.ts';
import { text } from '../rows/row-values.ts';
import { isOlder } from '../sweep/work.ts';

/**
 * What a restore does with rows that are there: `refuse`, it begins only where there are none;
 * `keep`, it adds what is missing; `replace`, what is in the backup comes instead.
 */
export const existingRows = ['refuse', 'keep', 'replace'] as const;
export type ExistingRows = (typeof existingRows)[number];

/** In this order: nothing is written before all files were read and found whole. */
export const restoreStages = ['verify', 'rows', 'blobs', 'manifests', 'tags', 'work'] as const;
export type RestoreStage = (typeof restoreStages)[number];

/** What a restore did so far. Serialises to JSON as it is. */
export interface RestoreCounts {
  readonly rows: number;
  /** Rights whose bytes are gone, which were taken away. */
  readonly lostBlobs: number;
  /** Manifests that lack bytes, which were deleted with their tags. */
  readonly lostManifests: number;
  readonly droppedTags: number;
  /** The first ten of what was lost. */
  readonly examples: readonly string[];
}

export interface Restore {
  readonly backup: string;
  readonly existing: ExistingRows;
  readonly stage: RestoreStage | 'over';
  /** Of the stage: a part's index, or a repository and a row in it. */
  readonly part: number;
  readonly partitionKey: string;
  readonly rowKey: string;
  readonly counts: RestoreCounts;
}

export interface StoredRestore {
  readonly restore: Restore;
  readonly etag: string;
  readonly ageMs: number;
}

export const noCounts: RestoreCounts = {
  rows: 0,
  lostBlobs: 0,
  lostManifests: 0,
  droppedTags: 0,
  examples: [],
};
/** What a report says that did nothing for it. */
export const beingRestored = 'the tables are being restored';
const maxExamples = 10;
const rowKey = 'restore';
/** A restore that nobody goes on with holds the sweep up no longer than this. */
const abandonedSeconds = 24 * 3600;

/** Counts one thing that is lost, with its name. */
export function noteLost(
  counts: RestoreCounts,
  kind: 'lostBlobs' | 'lostManifests' | 'droppedTags',
  example: string,
): RestoreCounts {
  const { examples } = counts;
  return {
    ...counts,
    [kind]: counts[kind] + 1,
    examples: examples.length < maxExamples ? [...examples, `${kind}: ${example}`] : examples,
  };
}

/** The restore that is under way, or the last one. Undefined before the first. One request. */
export async function readRestore(registry: Registry): Promise<StoredRestore | undefined> {
  const row = await registry.tables.get('catalog', backupsPartition, rowKey);
  if (row === undefined) return undefined;
  const json = parseJsonObject(Buffer.from(text(row, 'restore')));
  return { restore: parse(json ?? {}), etag: row.etag, ageMs: row.ageMs };
}

/**
 * Whether tables are being restored: nothing is to be freed by what is half there. One request.
 * Throws StorageUnavailable.
 */
export async function isRestoring(registry: Registry): Promise<boolean> {
  const stored = await readRestore(registry);
  if (stored === undefined || stored.restore.stage === 'over') return false;
  return !isOlder(stored, abandonedSeconds);
}

/** Writes it under the ETag it had. Undefined when somebody else went on with it meanwhile. */
export async function keepRestore(
  registry: Registry,
  restore: Restore,
  etag: string | undefined,
): Promise<StoredRestore | undefined> {
  const properties = { restore: JSON.stringify(restore) };
  const outcome = await registry.tables.commit('catalog', backupsPartition, [
    etag === undefined
      ? { kind: 'insert', rowKey, properties }
      : { kind: 'replace', rowKey, etag, properties },
  ]);
  return outcome.ok ? { restore, etag: outcome.etags[0] ?? '', ageMs: 0 } : undefined;
}

/** Forgets a restore that wrote nothing. */
export async function dropRestore(registry: Registry, etag: string): Promise<void> {
  await registry.tables.commit('catalog', backupsPartition, [{ kind: 'delete', rowKey, etag }]);
}

/** Somebody else's slice of it is under way; what this one did is done again. */
export function restoredElsewhere(): RegistryError {
  return new RegistryError('UNAVAILABLE', {
    message: 'another call goes on with the restore',
    headers: { 'Retry-After': '5' },
  });
}

function parse(json: Readonly<Record<string, unknown>>): Restore {
  const counts = isObject(json['counts']) ? json['counts'] : {};
  const { examples } = counts;
  return {
    backup: String(json['backup']),
    existing: existingRows.find((each) => each === json['existing']) ?? 'keep',
    stage: restoreStages.find((each) => each === json['stage']) ?? 'over',
    part: Number(json['part']),
    partitionKey: String(json['partitionKey']),
    rowKey: String(json['rowKey']),
    counts: {
      rows: Number(counts['rows']),
      lostBlobs: Number(counts['lostBlobs']),
      lostManifests: Number(counts['lostManifests']),
      droppedTags: Number(counts['droppedTags']),
      examples: Array.isArray(examples) ? examples.map(String) : [],
    },
  };
}
