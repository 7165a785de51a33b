import type { Digest } from '../../domain/digest.ts';
import type { PhysicalName } from '../../domain/physical-name.ts';
import type { Tag } from '../../domain/reference.ts';
import type { RepositoryName } from '../../domain/repository-name.ts';

/*
 * The keys of docs/storage.md. On disk a row's kind is one letter, so that a repository's rows of
 * one kind are one range; here each has its name.
 */

const shifted: Readonly<Record<string, string>> = { '-': ',', '.': '-', '/': '.' };

/**
 * A repository's partition key. Table keys may not hold `/`, so `-`, `.` and `/` each move one down
 * in ASCII: reversible, and the order of names is kept.
 */
export function repositoryPartition(repository: RepositoryName): string {
  return repository.replace(/[-./]/g, (character) => shifted[character] ?? character);
}

const unshifted: Readonly<Record<string, string>> = { ',': '-', '-': '.', '.': '/' };

/** The inverse of {@link repositoryPartition}, for keys this registry wrote. */
export function repositoryOfPartition(partition: string): RepositoryName {
  return partition.replace(/[,.-]/g, (c) => unshifted[c] ?? c) as RepositoryName;
}

/** `b`: the repository may read the digest, at the row's name. */
export const blobLinkKey = (digest: Digest) => `b:${digest}`;
/** `n`: the repository is acquiring or releasing the digest at that name. */
export const intentKey = (digest: Digest, name: PhysicalName) => `n:${digest}:${name}`;
/** `u`: an upload in progress. */
export const uploadKey = (uploadId: string) => `u:${uploadId}`;
/** `m`: a manifest. */
export const manifestKey = (digest: Digest) => `m:${digest}`;
/** `t`: a tag. */
export const tagKey = (tag: Tag) => `t:${tag}`;
/** `g`: the reverse of a tag. */
export const tagOfKey = (digest: Digest, tag: Tag) => `g:${digest}:${tag}`;
/** `o`: a tag in the order of time, the newest first. */
export const newestFirstKey = (time: Date, tag: Tag) =>
  `o:${inDigits(latestMs - time.getTime())}:${tag}`;
/** `a`: the same, the oldest first. */
export const oldestFirstKey = (time: Date, tag: Tag) => `a:${inDigits(time.getTime())}:${tag}`;
/** `p`: the parent's manifest names the child. */
export const parentOfKey = (child: Digest, parent: Digest) => `p:${child}:${parent}`;
/** `r`: the manifest refers to the subject. */
export const referrerKey = (subject: Digest, digest: Digest) => `r:${subject}:${digest}`;

/** In the partition of a physical name: `l`, its bytes are there and their hash is proven. */
export const liveKey = 'l';
/** In the partition of a physical name: `h`, that repository holds it or is about to. */
export const holderKey = (partition: string) => `h:${partition}`;

/** In the partition of a physical name: `x`, it was given up and its bytes are to be deleted. */
export const givenUpKey = 'x';

/** Of the catalogue: the repositories there are. */
export const catalogPartition = 'c';
/** Of the catalogue: the attributes of repositories that had one switched off. */
export const attributesPartition = 'a';
/** Of the catalogue: the last reports of the sweep and the audit, and where the audit is. */
export const reportsPartition = 's';
/** Of the catalogue: where a backup or a restore is. Never in a backup. */
export const backupsPartition = 'k';

/** Of table `usage`: the last pulls of a repository's manifests. */
export const pullsPartition = (partition: string) => `m:${partition}`;

/**
 * What a work row asks the sweep to look at: an upload, a blob link, an intent, a manifest, a
 * manifest's stored bytes, bytes that were given up.
 */
export const workKinds = ['u', 'b', 'n', 'm', 'f', 'x'] as const;
export type WorkKind = (typeof workKinds)[number];

/** `z`: work for the sweep, sorted by the time it is due. */
export function workKey(due: Date, kind: WorkKind, key: string): string {
  return `z:${toSeconds(due)}:${kind}:${key}`;
}

/** The keys of all work that was due by a time. */
export function workDueBy(time: Date): { readonly from: string; readonly before: string } {
  return { from: 'z:', before: `z:${toSeconds(time)};` };
}

const workPattern = /^z:\d{8}T\d{6}:(\w):(.+)$/;

/**
 * The kind and key of a work row. Undefined for what this registry doesn't know, a later one may.
 */
export function parseWorkKey(
  rowKey: string,
): { readonly kind: WorkKind; readonly key: string } | undefined {
  const [, letter, key = ''] = workPattern.exec(rowKey) ?? [];
  const kind = workKinds.find((each) => each === letter);
  return kind === undefined ? undefined : { kind, key };
}

/** When the work of a work row was due. */
export function timeOfWork(rowKey: string): Date {
  const [, year, month, day, hour, minute, second] =
    /^z:(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2}):/.exec(rowKey) ?? [];
  return new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

/** Takes `<digest>:<rest>` apart, as keys of this registry have it. */
export function splitDigest(key: string): [Digest, string] {
  const end = key.indexOf(':', key.indexOf(':') + 1);
  return [key.slice(0, end) as Digest, key.slice(end + 1)];
}

/** In the year 2286. */
const latestMs = 9_999_999_999_999;

function inDigits(ms: number): string {
  return String(ms).padStart(13, '0');
}

function toSeconds(time: Date): string {
  return time.toISOString().replace(/[-:]/g, '').slice(0, 15);
}

/** All keys that begin with a prefix ending in `:`, as a range. `;` follows `:` in ASCII. */
export function keysUnder(prefix: `${string}:`): {
  readonly from: string;
  readonly before: string;
} {
  return { from: prefix, before: `${prefix.slice(0, -1)};` };
}
