import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AzureNamedKeyCredential, TableClient } from '@azure/data-tables';
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningAzurite } from '../../local/azurite.ts';
import { startTestAzurite } from '../harness/azurite.ts';

const accountKey = Buffer.alloc(64, 1).toString('base64');

function blobClient(azurite: RunningAzurite, blobName: string) {
  const credential = new StorageSharedKeyCredential(azurite.accountName, azurite.accountKey);
  const service = new BlobServiceClient(azurite.blobUrl, credential, {
    retryOptions: { maxTries: 1 },
  });
  return service.getContainerClient('container').getBlockBlobClient(blobName);
}

function tableClient(azurite: RunningAzurite): TableClient {
  const credential = new AzureNamedKeyCredential(azurite.accountName, azurite.accountKey);
  return new TableClient(azurite.tableUrl, 'rows', credential, {
    allowInsecureConnection: true,
    retryOptions: { maxRetries: 0 },
  });
}

async function createStores(azurite: RunningAzurite): Promise<void> {
  const credential = new StorageSharedKeyCredential(azurite.accountName, azurite.accountKey);
  await new BlobServiceClient(azurite.blobUrl, credential).createContainer('container');
  await tableClient(azurite).createTable();
}

describe('Azurite on disk', () => {
  let dataFolder: string;

  beforeAll(async () => {
    dataFolder = await mkdtemp(join(tmpdir(), 'lighter-azurite-'));
  });
  afterAll(() => rm(dataFolder, { recursive: true }));

  it('keeps everything that was acknowledged over a stop and a start', async () => {
    const first = await startTestAzurite({ dataFolder, accountKey });
    await createStores(first);
    await blobClient(first, 'kept').upload('bytes', 5);
    await tableClient(first).createEntity({ partitionKey: 'p', rowKey: 'kept' });
    await first.stop();

    const second = await startTestAzurite({ dataFolder, accountKey });
    const bytes = await blobClient(second, 'kept').downloadToBuffer();
    const row = await tableClient(second).getEntity('p', 'kept');
    await second.stop();

    expect(bytes.toString()).toBe('bytes');
    expect(row.rowKey).toBe('kept');
  });

  it('never keeps a row without the blob that was written before it, whenever it is killed', async () => {
    const first = await startTestAzurite({ dataFolder, accountKey });
    const acknowledged: string[] = [];
    let killed = false;
    const writing = (async () => {
      for (let index = 0; !killed; index++) {
        await blobClient(first, `blob-${index}`).upload('bytes', 5);
        await tableClient(first).createEntity({ partitionKey: 'kill', rowKey: `blob-${index}` });
        acknowledged.push(`blob-${index}`);
      }
    })();
    setTimeout(() => {
      killed = true;
      void first.kill();
    }, 1_500);
    await writing.catch(() => undefined);

    const second = await startTestAzurite({ dataFolder, accountKey });
    const rows: string[] = [];
    for await (const row of tableClient(second).listEntities({
      queryOptions: { filter: "PartitionKey eq 'kill'" },
    })) {
      rows.push(row.rowKey ?? '');
    }
    const bytes = await Promise.all(
      rows.map((name) => blobClient(second, name).downloadToBuffer()),
    );
    await second.stop();

    expect(rows.length).toBeGreaterThan(acknowledged.length / 3);
    expect(bytes.map(String)).toEqual(rows.map(() => 'bytes'));
  });
});

it('says so when Azurite ends without being asked to', async () => {
  const azurite = await startTestAzurite();
  process.kill(azurite.pid, 'SIGKILL');
  expect(await azurite.unexpectedExit).toBe('Azurite ended unexpectedly (SIGKILL).');
});
