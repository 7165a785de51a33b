/**
 * Prints how much of what Azurite acknowledged is gone after a SIGKILL: the age, at the kill, of
 * the oldest write that did not survive. For an empty store and for one that already holds many
 * rows, since Azurite writes all of them at each save.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AzureNamedKeyCredential, TableClient, type TransactionAction } from '@azure/data-tables';
import { startTestAzurite, type TestAzurite } from '../harness/azurite.ts';

const accountKey = Buffer.alloc(64, 1).toString('base64');
const killsPerSize = 10;
const rowBytes = 500;
const rowCounts = [0, 10_000, 50_000];
const writers = 4;

function tableOf(azurite: TestAzurite): TableClient {
  const credential = new AzureNamedKeyCredential(azurite.accountName, azurite.accountKey);
  return new TableClient(azurite.tableUrl, 'rows', credential, {
    allowInsecureConnection: true,
    retryOptions: { maxRetries: 0 },
  });
}

async function fill(table: TableClient, rowCount: number): Promise<void> {
  for (let first = 0; first < rowCount; first += 100) {
    const batch = Array.from({ length: 100 }, (_, index): TransactionAction => {
      const entity = {
        partitionKey: `fill-${first}`,
        rowKey: `${index}`,
        text: 'x'.repeat(rowBytes),
      };
      return ['create', entity];
    });
    await table.submitTransaction(batch);
  }
}

/** Writes rows until Azurite is gone; the time of each acknowledgement, by row key. */
async function writeUntilKilled(table: TableClient, run: number): Promise<Map<string, number>> {
  const acknowledgedMs = new Map<string, number>();
  const write = async (writer: number): Promise<void> => {
    for (let index = 0; ; index++) {
      const rowKey = `${writer}-${index}`;
      await table.createEntity({ partitionKey: `run-${run}`, rowKey });
      acknowledgedMs.set(rowKey, performance.now());
    }
  };
  await Promise.allSettled(Array.from({ length: writers }, (_, writer) => write(writer)));
  return acknowledgedMs;
}

async function survivors(table: TableClient, run: number): Promise<Set<string>> {
  const rowKeys = new Set<string>();
  const queryOptions = { filter: `PartitionKey eq 'run-${run}'`, select: ['RowKey'] };
  for await (const row of table.listEntities<{ rowKey: string }>({ queryOptions })) {
    rowKeys.add(row.rowKey);
  }
  return rowKeys;
}

/** Milliseconds of acknowledged writes that one kill loses. */
async function lossMs(dataFolder: string, run: number): Promise<number> {
  const azurite = await startTestAzurite({ dataFolder, accountKey });
  const writing = writeUntilKilled(tableOf(azurite), run);
  await sleep(2_000 + Math.random() * 1_000);
  await azurite.kill();
  const killedMs = performance.now();
  const acknowledgedMs = await writing;

  const restarted = await startTestAzurite({ dataFolder, accountKey });
  const kept = await survivors(tableOf(restarted), run);
  await restarted.stop();
  const lost = [...acknowledgedMs].filter(([rowKey]) => !kept.has(rowKey));
  return Math.max(0, ...lost.map(([, ackMs]) => killedMs - ackMs));
}

for (const rowCount of rowCounts) {
  const dataFolder = await mkdtemp(join(tmpdir(), 'lighter-loss-'));
  const azurite = await startTestAzurite({ dataFolder, accountKey });
  await tableOf(azurite).createTable();
  await fill(tableOf(azurite), rowCount);
  await azurite.stop();
  const losses: number[] = [];
  for (let run = 0; run < killsPerSize; run++) losses.push(await lossMs(dataFolder, run));
  await rm(dataFolder, { recursive: true });
  const sorted = losses.toSorted((a, b) => a - b).map(Math.round);
  process.stdout.write(
    `${rowCount} rows stored: a SIGKILL lost the last ${sorted[killsPerSize >> 1]} ms of writes ` +
      `(median of ${killsPerSize}; at most ${sorted.at(-1)} ms)\n`,
  );
}
