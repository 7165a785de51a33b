import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectStorage, type Storage } from '../../shared/adapters/storage.ts';
import { writeBatch } from '../../shared/adapters/table-batch.ts';
import { readRow, writeRow, type TableRequest } from '../../shared/adapters/table-request.ts';
import { blobPathOf, newPhysicalName } from '../../shared/domain/physical-name.ts';
import type { Operation } from '../../shared/ports/table-store.ts';
import { keySettings } from '../contract/key-settings.ts';
import { startTestAzurite, type TestAzurite } from '../harness/azurite.ts';
import { rawStorage, type RawStorage } from './raw-storage.ts';

/**
 * How fast Azurite does one thing, asked in several ways, each measured in turn, `rounds` times.
 */
export interface Ceiling {
  readonly name: string;
  readonly unit: 'requests/s' | 'MB/s';
  /** `raw` is bare HTTP; `adapter` goes through shared/adapters. */
  readonly rates: ReadonlyMap<string, readonly number[]>;
}

interface Contest {
  readonly name: string;
  readonly concurrency: number;
  readonly bytesPerCall?: number;
  readonly sides: Readonly<Record<string, () => Promise<unknown>>>;
}

const properties = { digest: `sha256:${'a'.repeat(64)}`, sizeBytes: 1234, mediaType: 'text/plain' };
const rowsRead = 200;

/** Measures every contest on this Azurite, for `secondsPerRun` a side and round. */
export async function measureCeilings(
  azurite: TestAzurite,
  {
    rounds,
    secondsPerRun,
    only = '',
  }: { readonly rounds: number; readonly secondsPerRun: number; readonly only?: string },
): Promise<Ceiling[]> {
  const raw = rawStorage(azurite);
  const storage = connectStorage(keySettings(azurite));
  await storage.prepare();
  const contests = [
    ...(await tableContests(azurite, raw, storage)),
    ...blobContests(raw, storage),
  ].filter(({ name }) => name.includes(only));
  const ceilings: Ceiling[] = [];
  for (const { name, concurrency, bytesPerCall, sides } of contests) {
    const rates = new Map(Object.keys(sides).map((side) => [side, [] as number[]]));
    for (let round = 0; round < rounds; round += 1) {
      // Azurite slows down with what it stores, so no side may always come first.
      const order = Object.entries(sides);
      for (const [side, call] of round % 2 === 0 ? order : order.toReversed()) {
        const perSecond = await callsPerSecond(call, concurrency, secondsPerRun);
        rates.get(side)?.push(perSecond * (bytesPerCall === undefined ? 1 : bytesPerCall / 1e6));
      }
    }
    ceilings.push({ name, unit: bytesPerCall === undefined ? 'requests/s' : 'MB/s', rates });
  }
  raw.stop();
  return ceilings;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = [
    sorted[Math.floor((sorted.length - 1) / 2)],
    sorted[Math.ceil((sorted.length - 1) / 2)],
  ];
  return middle.reduce<number>((sum, value) => sum + (value ?? Number.NaN) / 2, 0);
}

async function callsPerSecond(
  call: () => Promise<unknown>,
  concurrency: number,
  seconds: number,
): Promise<number> {
  let calls = 0;
  const start = performance.now();
  const worker = async () => {
    while (performance.now() - start < seconds * 1000) {
      await call();
      calls += 1;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return (calls / (performance.now() - start)) * 1000;
}

async function tableContests(
  azurite: TestAzurite,
  raw: RawStorage,
  { tables }: Storage,
): Promise<Contest[]> {
  let next = 0;
  const insert = (): Operation => ({ kind: 'insert', rowKey: `k${next++}`, properties });
  const send = ({ method, path, headers, body }: TableRequest) =>
    raw.request({
      service: 'table',
      method,
      path,
      headers,
      ...(body !== undefined && { body: Buffer.from(body) }),
    });
  for (let index = 0; index < rowsRead; index += 1) {
    await tables.commit('repo', 'team.read', [
      { kind: 'upsert', rowKey: `t:${index}`, properties },
    ]);
  }
  const batch = (operations: readonly Operation[]) =>
    writeBatch(
      azurite.tableUrl,
      operations.map((operation) => writeRow('repo', 'team.batch', operation, 'nonce')),
      'boundary',
    );
  const five = () => Array.from({ length: 5 }, insert);
  return [
    {
      name: 'point read c32',
      concurrency: 32,
      sides: {
        raw: () => send(readRow('repo', 'team.read', `t:${next++ % rowsRead}`)),
        adapter: () => tables.get('repo', 'team.read', `t:${next++ % rowsRead}`),
      },
    },
    {
      name: 'insert c32',
      concurrency: 32,
      sides: {
        raw: () => send(writeRow('repo', 'team.insert', insert(), 'nonce')),
        adapter: () => tables.commit('repo', 'team.insert', [insert()]),
      },
    },
    {
      name: 'transaction of 5 c8',
      concurrency: 8,
      sides: {
        raw: () => send(batch(five())),
        adapter: () => tables.commit('repo', 'team.batch', five()),
      },
    },
  ];
}

function blobContests(raw: RawStorage, { blobs }: Storage): Contest[] {
  const small = randomBytes(1024);
  const newName = () => newPhysicalName(new Date());
  const rawPut = (contentMd5: boolean) => () =>
    raw.request({
      service: 'blob',
      method: 'PUT',
      path: `content/${blobPathOf(newName())}`,
      headers: {
        'x-ms-blob-type': 'BlockBlob',
        'if-none-match': '*',
        'x-ms-meta-digest': properties.digest,
      },
      body: small,
      contentMd5,
    });
  const staging = (mebibytes: number, concurrency: number): Contest => {
    const block = randomBytes(mebibytes * 1024 * 1024);
    const name = newName();
    let next = 0;
    const blockId = () => String(next++).padStart(14, '0');
    const rawStage = (contentMd5: boolean) => () =>
      raw.request({
        service: 'blob',
        method: 'PUT',
        path: `content/${blobPathOf(name)}?comp=block&blockid=${encodeURIComponent(Buffer.from(blockId()).toString('base64'))}`,
        body: block,
        contentMd5,
      });
    return {
      name: `Put Block ${mebibytes} MiB x${concurrency}`,
      concurrency,
      bytesPerCall: block.length,
      sides: {
        raw: rawStage(false),
        'raw with MD5': rawStage(true),
        adapter: () => blobs.stageBlock('content', name, blockId(), block),
      },
    };
  };
  return [
    {
      name: 'Put Blob 1 KiB c32',
      concurrency: 32,
      sides: {
        raw: rawPut(false),
        'raw with MD5': rawPut(true),
        adapter: () => blobs.putBlob('content', newName(), small, { digest: properties.digest }),
      },
    },
    staging(8, 4),
    staging(4, 4),
    staging(4, 8),
    staging(8, 2),
  ];
}

/**
 * `node test/bench/storage-ceiling.ts [part of a name]` measures on a fresh Azurite on disk and
 * prints.
 */
async function main(only: string | undefined): Promise<void> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'lighter-bench-'));
  const azurite = await startTestAzurite({ dataFolder });
  try {
    const options = { rounds: 4, secondsPerRun: 1.5, ...(only !== undefined && { only }) };
    for (const { name, unit, rates } of await measureCeilings(azurite, options)) {
      const ceiling = median(rates.get('raw') ?? []);
      for (const [side, values] of rates) {
        const all = values.map((value) => value.toFixed(0)).join(' ');
        const ratio = (median(values) / ceiling).toFixed(2);
        console.log(
          `${name.padEnd(22)} ${side.padEnd(13)} ${median(values).toFixed(0).padStart(6)} ${unit} (${all})  ${ratio} of raw`,
        );
      }
    }
  } finally {
    await azurite.stop();
    await rm(dataFolder, { recursive: true, force: true });
  }
}

if (import.meta.main) await main(process.argv[2]);
