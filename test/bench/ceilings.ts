/** What Azurite gives without a registry in front of it. */
import { createHash, createHmac } from 'node:crypto';
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob';
import { parseRepositoryName } from '../../shared/domain/repository-name.ts';
import { repositoryPartition } from '../../shared/registry/rows/row-keys.ts';
import { limits } from '../../shared/registry/settings.ts';
import { writeRequest } from './connection.ts';
import { download, MiB, type Layer } from './layers.ts';
import { requestsPerSecond } from './load.ts';
import type { Storage } from './subjects.ts';

/** Point reads of the rows of tags per second, over bare HTTP, every request signed beforehand. */
export async function tableReadsPerSecond(
  storage: Storage,
  repository: string,
  tags: readonly string[],
  load: { readonly concurrency: number; readonly seconds: number },
): Promise<number> {
  const requests = tags.map((tag) => tableRead(storage, repository, tag));
  return await requestsPerSecond({
    ...load,
    port: storage.tablePort,
    request: (index) => requests[index % requests.length] ?? new Uint8Array(),
  });
}

/** A read of one entity, by the Shared Key Lite scheme of Table Storage. */
function tableRead({ accountName, accountKey }: Storage, repository: string, tag: string): Buffer {
  const name = parseRepositoryName(repository);
  if (name === undefined) throw new TypeError(`${repository} is no name`);
  const keys = [repositoryPartition(name), `t:${tag}`].map((key) => encodeURIComponent(`'${key}'`));
  const path = `/${accountName}/repo(PartitionKey=${keys[0]},RowKey=${keys[1]})`;
  const date = new Date().toUTCString();
  const signature = createHmac('sha256', Buffer.from(accountKey, 'base64'))
    .update(`${date}\n/${accountName}${path}`)
    .digest('base64');
  return writeRequest('GET', path, {
    'x-ms-date': date,
    'x-ms-version': '2019-02-02',
    accept: 'application/json;odata=nometadata',
    authorization: `SharedKeyLite ${accountName}:${signature}`,
  });
}

/**
 * Seconds to stage a layer with the SDK, in blocks of the registry's size, as many at a time as it
 * has in flight. The blocks are not committed.
 */
export async function stage(
  { accountName, accountKey, blobPort }: Storage,
  layer: Layer,
  contentMd5: boolean,
): Promise<number> {
  const url = `http://127.0.0.1:${blobPort}/${accountName}`;
  const service = new BlobServiceClient(
    url,
    new StorageSharedKeyCredential(accountName, accountKey),
  );
  const container = service.getContainerClient('ceiling');
  await container.createIfNotExists();
  const blob = container.getBlockBlobClient(`layer-${crypto.randomUUID()}`);
  const mebibytes = Array<Buffer>(limits.blockBytes / MiB).fill(layer.mebibyte);
  const block = Buffer.concat(mebibytes);
  const count = Math.ceil((layer.sizeMiB * MiB) / limits.blockBytes);
  let next = 0;

  const startedMs = performance.now();
  await Promise.all(
    Array.from({ length: limits.blocksInFlight }, async () => {
      while (next < count) {
        const index = next++;
        const bytes = block.subarray(0, layer.sizeMiB * MiB - index * limits.blockBytes);
        const id = Buffer.from(String(index).padStart(8, '0')).toString('base64');
        const transactionalContentMD5 = contentMd5 && createHash('md5').update(bytes).digest();
        await blob.stageBlock(id, bytes, bytes.length, {
          ...(transactionalContentMD5 && { transactionalContentMD5 }),
        });
      }
    }),
  );
  return (performance.now() - startedMs) / 1000;
}

/** Seconds to download from Azurite's own address what the registry redirected to. */
export async function downloadDirectly(
  { blobPort }: Storage,
  path: string,
  layer: Layer,
): Promise<number> {
  const startedMs = performance.now();
  const { status, bytes } = await download(blobPort, path);
  const seconds = (performance.now() - startedMs) / 1000;
  if (status !== 200 || bytes !== layer.sizeMiB * MiB) throw new Error(`${status}, ${bytes} bytes`);
  return seconds;
}
