import type { BackupStore } from '../../shared/ports/backup-store.ts';
import type { BlobStore } from '../../shared/ports/blob-store.ts';
import type { StagingStore } from '../../shared/ports/staging-store.ts';
import type { Operation, ScannableTableStore } from '../../shared/ports/table-store.ts';

export interface Stores {
  readonly tables: ScannableTableStore;
  readonly blobs: BlobStore;
  readonly staging: StagingStore;
  readonly backups: BackupStore;
}

/** One call of a port, as far as a test wants to tell calls apart. */
export interface PortCall {
  readonly method:
    keyof ScannableTableStore | keyof BlobStore | keyof StagingStore | keyof BackupStore;
  /** The table and partition, or the container and name. */
  readonly place: string;
  /** The row asked for, when it is one. */
  readonly rowKey?: string;
  readonly operations: readonly Operation[];
}

/** Decides when, whether and how often a call is really made, and what its caller hears of it. */
export type Interceptor = <T>(call: PortCall, proceed: () => Promise<T>) => Promise<T>;

/** The same stores, with every call of them going through `intercept`. */
export function interpose(
  { tables, blobs, staging, backups }: Stores,
  intercept: Interceptor,
): Stores {
  const at = (method: PortCall['method'], ...place: string[]) => ({
    method,
    place: place.join('/'),
    operations: [],
  });
  return {
    tables: {
      get: (table, partition, rowKey) =>
        intercept({ ...at('get', table, partition), rowKey }, () =>
          tables.get(table, partition, rowKey),
        ),
      list: (table, partition, range) =>
        intercept(at('list', table, partition), () => tables.list(table, partition, range)),
      scan: (table, range) => intercept(at('scan', table), () => tables.scan(table, range)),
      commit: (table, partition, operations) =>
        intercept({ ...at('commit', table, partition), operations }, () =>
          tables.commit(table, partition, operations),
        ),
    },
    blobs: {
      stageBlock: (container, name, blockId, bytes) =>
        intercept(at('stageBlock', container, name), () =>
          blobs.stageBlock(container, name, blockId, bytes),
        ),
      commitBlocks: (container, name, blockIds, metadata) =>
        intercept(at('commitBlocks', container, name), () =>
          blobs.commitBlocks(container, name, blockIds, metadata),
        ),
      putBlob: (container, name, bytes, metadata) =>
        intercept(at('putBlob', container, name), () =>
          blobs.putBlob(container, name, bytes, metadata),
        ),
      setMetadata: (container, name, etag, metadata) =>
        intercept(at('setMetadata', container, name), () =>
          blobs.setMetadata(container, name, etag, metadata),
        ),
      properties: (container, name) =>
        intercept(at('properties', container, name), () => blobs.properties(container, name)),
      read: (container, name, range) =>
        intercept(at('read', container, name), () => blobs.read(container, name, range)),
      stream: (container, name, range) =>
        intercept(at('stream', container, name), () => blobs.stream(container, name, range)),
      delete: (container, name, what) =>
        intercept(at('delete', container, name), () => blobs.delete(container, name, what)),
      list: (container, after) =>
        intercept(at('list', container), () => blobs.list(container, after)),
      signedReadUrl: (container, name, options) => blobs.signedReadUrl(container, name, options),
    },
    staging: {
      signedBlockUrl: (name, blockId, options) => staging.signedBlockUrl(name, blockId, options),
      inspect: (name, blockId) =>
        intercept(at('inspect', 'staging', name), () => staging.inspect(name, blockId)),
      ownedBy: (owner, enough) =>
        intercept(at('ownedBy', 'staging', owner), () => staging.ownedBy(owner, enough)),
      commit: (name, blockId) =>
        intercept(at('commit', 'staging', name), () => staging.commit(name, blockId)),
      describe: (name) => intercept(at('describe', 'staging', name), () => staging.describe(name)),
      stream: (name, etag) =>
        intercept(at('stream', 'staging', name), () => staging.stream(name, etag)),
      publish: (name, staged, target) =>
        intercept(at('publish', 'staging', name), () => staging.publish(name, staged, target)),
      discard: (name) => intercept(at('discard', 'staging', name), () => staging.discard(name)),
    },
    backups: {
      write: (path, bytes) =>
        intercept(at('write', 'backups', path), () => backups.write(path, bytes)),
      read: (path) => intercept(at('read', 'backups', path), () => backups.read(path)),
      list: (prefix, after) =>
        intercept(at('list', 'backups', prefix), () => backups.list(prefix, after)),
      delete: (path) => intercept(at('delete', 'backups', path), () => backups.delete(path)),
    },
  };
}
