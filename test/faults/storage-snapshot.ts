import { AzureNamedKeyCredential, TableClient } from '@azure/data-tables';
import {
  type BlobServiceClient,
  BlobServiceClient as BlobService,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';
import type { TestAzurite } from '../harness/azurite.ts';

export type Properties = Readonly<Record<string, unknown>>;
/** Properties by row key. */
export type Rows = ReadonlyMap<string, Properties>;
/** Rows by partition key. */
export type Table = ReadonlyMap<string, Rows>;

/**
 * All that a registry has in its storage. Blobs by name, with their ETag; uncommitted ones without.
 */
export interface StorageSnapshot {
  readonly repo: Table;
  readonly data: Table;
  readonly digests: Table;
  readonly catalog: Table;
  readonly content: ReadonlyMap<string, string | undefined>;
  readonly manifests: ReadonlyMap<string, string | undefined>;
  readonly staging: ReadonlyMap<string, string | undefined>;
  readBlob(container: 'content' | 'manifests', name: string): Promise<Uint8Array>;
  /** To do damage with. */
  deleteBlob(container: 'content' | 'manifests', name: string): Promise<unknown>;
}

/** Reads everything, past the code under test. To be used while nobody writes. */
export async function readStorage(azurite: TestAzurite): Promise<StorageSnapshot> {
  const blobs = new BlobService(
    azurite.blobUrl,
    new StorageSharedKeyCredential(azurite.accountName, azurite.accountKey),
  );
  const [repo, data, digests, catalog, content, manifests, staging] = await Promise.all([
    readTable(azurite, 'repo'),
    readTable(azurite, 'data'),
    readTable(azurite, 'digests'),
    readTable(azurite, 'catalog'),
    listBlobs(blobs, 'content'),
    listBlobs(blobs, 'manifests'),
    listBlobs(blobs, 'staging'),
  ]);
  const blob = (container: string, name: string) =>
    blobs.getContainerClient(container).getBlobClient(pathOf(name));
  return {
    repo,
    data,
    digests,
    catalog,
    content,
    manifests,
    staging,
    readBlob: (container, name) => blob(container, name).downloadToBuffer(),
    deleteBlob: (container, name) => blob(container, name).delete(),
  };
}

async function readTable(azurite: TestAzurite, name: string): Promise<Table> {
  const client = new TableClient(
    azurite.tableUrl,
    name,
    new AzureNamedKeyCredential(azurite.accountName, azurite.accountKey),
    { allowInsecureConnection: true },
  );
  const table = new Map<string, Map<string, Properties>>();
  for await (const { partitionKey = '', rowKey = '', ...properties } of client.listEntities()) {
    const rows = table.get(partitionKey) ?? new Map<string, Properties>();
    table.set(partitionKey, rows.set(rowKey, properties));
  }
  return table;
}

async function listBlobs(
  service: BlobServiceClient,
  container: string,
): Promise<Map<string, string | undefined>> {
  const client = service.getContainerClient(container);
  const found = new Map<string, string | undefined>();
  if (!(await client.exists())) return found;
  for await (const { name } of client.listBlobsFlat({ includeUncommitedBlobs: true })) {
    found.set(name.replaceAll('/', '-'), undefined);
  }
  for await (const { name, properties } of client.listBlobsFlat()) {
    found.set(name.replaceAll('/', '-'), properties.etag);
  }
  return found;
}

function pathOf(name: string): string {
  return name.replaceAll('-', '/');
}
