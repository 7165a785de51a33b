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

const pathPattern = /^[0-9a-f]{2}\/\d{10}\/[0-9a-f]{32}$/;

/** The name of the blob that lies there; undefined when none of ours would. */
export function parseBlobPath(path: string): PhysicalName | undefined {
  return pathPattern.test(path) ? (path.replaceAll('/', '-') as PhysicalName) : undefined;
}

/** When the name was made, to the hour, by the clock of who made it. */
export function hourOf(name: PhysicalName): Date {
  const [, year, month, day, hour] = /-(\d{4})(\d\d)(\d\d)(\d\d)-/.exec(name) ?? [];
  return new Date(`${year}-${month}-${day}T${hour}:00:00Z`);
}
