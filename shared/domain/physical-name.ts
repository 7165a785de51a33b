import { randomBytes } from 'node:crypto';

/**
 * Name of one stored blob: `<hex shard>-<yyyymmddhh>-<32 hex>`. Random, made once, never reused, so
 * that whoever deletes a name can't hit a newer owner. It is the partition key of the blob's rows.
 */
export type PhysicalName = string & { readonly __brand: 'PhysicalName' };

/**
 * Makes a fresh name. The shard spreads partitions, the hour lets an audit list only what is old
 * enough.
 */
export function newPhysicalName(now: Date): PhysicalName {
  const hour = now.toISOString().slice(0, 13).replace(/[-T]/g, '');
  return `${randomBytes(1).toString('hex')}-${hour}-${randomBytes(16).toString('hex')}` as PhysicalName;
}

/** Where the blob of this name lies in its container. */
export function blobPathOf(name: PhysicalName): string {
  return name.replaceAll('-', '/');
}
