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
/** `p`: the parent's manifest names the child. */
export const parentOfKey = (child: Digest, parent: Digest) => `p:${child}:${parent}`;
/** `r`: the manifest refers to the subject. */
export const referrerKey = (subject: Digest, digest: Digest) => `r:${subject}:${digest}`;

/** In the partition of a physical name: `l`, its bytes are there and their hash is proven. */
export const liveKey = 'l';
/** In the partition of a physical name: `h`, that repository holds it or is about to. */
export const holderKey = (partition: string) => `h:${partition}`;

/** Of the catalogue: the repositories there are. */
export const catalogPartition = 'c';
/** Of the catalogue: the attributes of repositories that had one switched off. */
export const attributesPartition = 'a';

/**
 * What a work row asks the sweep to look at: an upload, a blob link, an intent, a manifest, a
 * manifest's stored bytes.
 */
export type WorkKind = 'u' | 'b' | 'n' | 'm' | 'f';

/** `z`: work for the sweep, sorted by the time it is due. */
export function workKey(due: Date, kind: WorkKind, key: string): string {
  const seconds = due.toISOString().replace(/[-:]/g, '').slice(0, 15);
  return `z:${seconds}:${kind}:${key}`;
}

/** All keys that begin with a prefix ending in `:`, as a range. `;` follows `:` in ASCII. */
export function keysUnder(prefix: `${string}:`): {
  readonly from: string;
  readonly before: string;
} {
  return { from: prefix, before: `${prefix.slice(0, -1)};` };
}
