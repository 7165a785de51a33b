import { createHash } from 'node:crypto';
import { newPhysicalName } from './physical-name.ts';

/**
 * Whose bytes a staging blob holds: a hash, as the name of a principal may have any characters. Who
 * knows the name recognises it.
 */
export type StagingOwner = string & { readonly __brand: 'StagingOwner' };

/**
 * Name of one staging blob: `<owner>-<a fresh physical name>`, so that what one principal has put
 * into storage lies together, of whatever repository.
 */
export type StagingName = string & { readonly __brand: 'StagingName' };

export function stagingOwnerOf(subject: string): StagingOwner {
  return createHash('sha256').update(subject).digest('hex').slice(0, 16) as StagingOwner;
}

/** Makes a fresh name. */
export function newStagingName(owner: StagingOwner, now: Date): StagingName {
  return `${owner}-${newPhysicalName(now)}` as StagingName;
}

/**
 * The one block of a staging blob: of the same length for every name, and without a character that
 * Base64 or a URL would change.
 */
export function blockIdOf(name: StagingName): string {
  return name.slice(-24);
}

/** Where the blob of this name lies in the container `staging`. */
export function stagingPathOf(name: StagingName): string {
  return name.replaceAll('-', '/');
}

/** What the paths of all of an owner's staging blobs begin with. */
export function stagingPrefixOf(owner: StagingOwner): string {
  return `${owner}/`;
}

const pathPattern = /^[0-9a-f]{16}\/[0-9a-f]{2}\/\d{10}\/[0-9a-f]{32}$/;

/** The name of the staging blob that lies there; undefined when none of ours would. */
export function parseStagingPath(path: string): StagingName | undefined {
  return pathPattern.test(path) ? (path.replaceAll('/', '-') as StagingName) : undefined;
}
