import { randomUUID } from 'node:crypto';
import {
  BlobSASPermissions,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';
import { Connection, type RequestHeaders, writeRequest } from './connection.ts';
import { octets, putManifest, startUpload, withDigest } from './images.ts';
import { type Layer, MiB, pushByPatch, randomLayer } from './layers.ts';
import { expectStatus } from './load.ts';
import { cpuSecondsOf } from './processes.ts';
import { markdown } from './results.ts';
import { median } from './storage-ceiling.ts';
import { startLighter, type Subject } from './subjects.ts';

/** What one run of a layer straight to storage gave. */
interface DirectRun {
  /** The layer's bytes to storage, from the POST to storage's answer. */
  readonly direct: number;
  /** What that is of Put Block, turn by turn. */
  readonly ofPutBlock: readonly number[];
  /** The same through the port of `npm start`, which passes its storage on. */
  readonly passedOn: number;
  /** Put Block of the same bytes, asked of the same storage by a client of its own. */
  readonly putBlock: number;
  /** The bytes looked at when the manifest came. */
  readonly check: number;
  readonly directCpu: number;
  readonly streamedCpu: number;
}

const containerd = { 'user-agent': 'containerd/2.4.2+unknown' };
const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const layerType = 'application/vnd.oci.image.layer.v1.tar';
/** A machine that is slow for some seconds is then so for both sides of one turn. */
const turns = 4;

/**
 * Layers straight to storage against Put Block of the same bytes, the check at the manifest, and
 * the processor time of the registry for a GiB of a direct and of a streamed push. Each run has
 * fresh processes, data and bytes, and what is compared comes by turns.
 */
export async function measureDirect(rounds: number, sizeMiB: number): Promise<string> {
  const runs: DirectRun[] = [];
  for (let round = 0; round < rounds; round++) {
    process.stderr.write(`direct, round ${round + 1} of ${rounds}\n`);
    const subject = await startLighter();
    runs.push(await oneRun(subject, sizeMiB, round % 2 === 0).finally(() => subject.stop()));
  }
  return directTable(runs);
}

async function oneRun(subject: Subject, sizeMiB: number, directFirst: boolean): Promise<DirectRun> {
  const { blobPort } = subject.storage;
  const headers = { ...(await subject.headers('bench/direct')), ...containerd };
  await pushDirect(subject, headers, randomLayer(1), blobPort);
  await rawPutBlock(subject, randomLayer(sizeMiB));

  const gib = sizeMiB / 1024;
  const turnMiB = Math.ceil(sizeMiB / turns);
  const putBlock = () => rawPutBlock(subject, randomLayer(turnMiB));
  const direct = () => pushDirect(subject, headers, randomLayer(turnMiB), blobPort);
  const uploads: { readonly first: number; readonly second: number }[] = [];
  for (let turn = 0; turn < turns; turn++) {
    const directBegins = (turn % 2 === 0) === directFirst;
    uploads.push(await inMirroredTurns(direct, putBlock, directBegins));
  }

  const layer = randomLayer(sizeMiB);
  const before = cpuSecondsOf(subject.pid);
  await pushDirect(subject, headers, layer, blobPort);
  const check = await timed(() => pushManifest(subject, headers, layer));
  const directCpu = cpuSecondsOf(subject.pid) - before;

  const passedOn = await pushDirect(subject, headers, randomLayer(sizeMiB), subject.port);
  const streamedBefore = cpuSecondsOf(subject.pid);
  await pushByPatch(subject, 'bench/streamed', randomLayer(sizeMiB));
  const streamedCpu = cpuSecondsOf(subject.pid) - streamedBefore;
  return {
    direct: (2 * gib) / sum(uploads.map(({ first }) => first)),
    ofPutBlock: uploads.map(({ first, second }) => second / first),
    passedOn: gib / passedOn,
    putBlock: (2 * gib) / sum(uploads.map(({ second }) => second)),
    check: gib / check,
    directCpu: directCpu / gib,
    streamedCpu: streamedCpu / gib,
  };
}

/**
 * The seconds that two measurements take, each made twice, in the order abba or baab, so that a
 * storage that slows down as it fills does not favour either.
 */
async function inMirroredTurns(
  first: () => Promise<number>,
  second: () => Promise<number>,
  beginsWithFirst: boolean,
): Promise<{ readonly first: number; readonly second: number }> {
  const outer = beginsWithFirst ? first : second;
  const inner = beginsWithFirst ? second : first;
  const before = await outer();
  const between = (await inner()) + (await inner());
  const around = before + (await outer());
  return beginsWithFirst ? { first: around, second: between } : { first: between, second: around };
}

/** POST at the registry, PUT at that port. Seconds. */
async function pushDirect(
  subject: Subject,
  headers: RequestHeaders,
  layer: Layer,
  storagePort: number,
): Promise<number> {
  const registry = new Connection(subject.port);
  return await timed(async () => {
    const url = await startUpload(registry, 'bench/direct', headers);
    if (!url.includes('/staging/')) throw new Error('the push was not sent to storage');
    await putBytes(storagePort, withDigest(url, layer.digest), layer);
  }).finally(() => registry.close());
}

/** Put Block to a blob of its own. Seconds. */
async function rawPutBlock({ storage }: Subject, layer: Layer): Promise<number> {
  const { accountName, accountKey, blobPort } = storage;
  const blobName = `raw/${randomUUID()}`;
  const sas = generateBlobSASQueryParameters(
    {
      containerName: 'staging',
      blobName,
      permissions: BlobSASPermissions.parse('w'),
      version: '2024-11-04',
      expiresOn: new Date(Date.now() + 900_000),
    },
    new StorageSharedKeyCredential(accountName, accountKey),
  );
  const query = `comp=block&blockid=${btoa('block-of-24-characters--')}&${sas.toString()}`;
  const path = `/${accountName}/staging/${blobName}?${query}`;
  return await timed(() => putBytes(blobPort, path, layer));
}

async function putBytes(port: number, path: string, layer: Layer): Promise<void> {
  const connection = new Connection(port);
  const sized = { ...octets, 'content-length': String(layer.sizeMiB * MiB) };
  const head = writeRequest('PUT', path, { host: `127.0.0.1:${port}`, ...sized });
  const pieces = Array.from({ length: layer.sizeMiB }, () => layer.mebibyte);
  expectStatus(await connection.stream(head, pieces), 201);
  connection.close();
}

/** The config is the layer, too: nothing else is to be looked at. */
async function pushManifest(
  subject: Subject,
  headers: RequestHeaders,
  { digest, sizeMiB }: Layer,
): Promise<void> {
  const descriptor = { mediaType: layerType, digest, size: sizeMiB * MiB };
  const manifest = {
    schemaVersion: 2,
    mediaType: manifestType,
    config: descriptor,
    layers: [descriptor],
  };
  const connection = new Connection(subject.port);
  const bytes = Buffer.from(JSON.stringify(manifest));
  await putManifest(connection, 'bench/direct', 'latest', bytes, headers);
  connection.close();
}

async function timed(task: () => Promise<void>): Promise<number> {
  const startedMs = performance.now();
  await task();
  return (performance.now() - startedMs) / 1000;
}

function directTable(runs: readonly DirectRun[]): string {
  const row = (text: string, name: Figure, unit: string, of = '', aim = '') => [
    text,
    withAll(
      runs.map((run) => run[name]),
      unit,
    ),
    of,
    aim,
  ];
  const byTurns = runs.flatMap((run) => run.ofPutBlock);
  const [low, high] = [0.25, 0.75].map((part) => quantile(byTurns, part).toFixed(2));
  const direct = `${median(byTurns).toFixed(2)} of Put Block (half of ${byTurns.length} turns: ${low} to ${high})`;
  const passedOn = withAll(
    runs.map((run) => run.passedOn / run.putBlock),
    'of Put Block',
  );
  return markdown(
    ['a layer straight to storage', 'median (all)', '', 'aim'],
    [
      row('Put Block of the same bytes', 'putBlock', 'GiB/s'),
      row('direct push, to storage’s own port', 'direct', 'GiB/s', direct, '0.97'),
      row('direct push, to the registry’s port', 'passedOn', 'GiB/s', passedOn),
      row('check at the manifest', 'check', 'GiB/s'),
      row('processor time of the registry, direct', 'directCpu', 's/GiB'),
      row('processor time of the registry, streamed', 'streamedCpu', 's/GiB'),
    ],
  );
}

type Figure = Exclude<keyof DirectRun, 'ofPutBlock'>;

function withAll(values: readonly number[], unit: string): string {
  const all = values.map((value) => value.toFixed(2)).join(' ');
  return `${median(values).toFixed(2)} ${unit} (${all})`;
}

function quantile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.round(part * (values.length - 1))] ?? Number.NaN;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
