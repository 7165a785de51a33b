/**
 * The Azurite process: Azurite's blob and table servers without its command line, so that no queue
 * server and no telemetry start, the ports are whatever is free, and the databases are saved
 * together (azurite-snapshots.ts). It ends, after a last save, when its parent says so or is gone.
 */
import type { Server } from 'node:http';
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lookUpByNarrowestIndex } from './azurite-indexes.ts';
import type { AzuriteReport, AzuriteServe, AzuriteStart } from './azurite-messages.ts';
import { startSnapshots, type SnapshotDatabase } from './azurite-snapshots.ts';
import { FolderInUseError, lockFolder, type FolderLock } from './folder-lock.ts';

interface LokiStore {
  readonly db: SnapshotDatabase;
}

interface AzuriteServer {
  readonly httpServer: Server & { stop(): void };
  readonly metadataStore: LokiStore;
  start(): Promise<void>;
}

interface AzuriteBlobServer extends AzuriteServer {
  readonly extentMetadataStore: LokiStore;
  readonly gcManager: { gcIntervalInMS: number };
}

interface AzuriteModule<Instance> {
  readonly default: new (...parameters: readonly unknown[]) => Instance;
}

const host = '127.0.0.1';
const keepAliveSeconds = 75;
const drainMs = 3_000;
const longestTimerMs = 2 ** 31 - 1;
const require = createRequire(import.meta.url);
const requireOfAzurite = createRequire(require.resolve('azurite/package.json'));

function report(message: AzuriteReport): void {
  if (process.connected) process.send?.(message);
}

/** Settings that both of Azurite's configuration classes end with, from `loose` on. */
function commonSettings({ tls, dataFolder }: AzuriteStart): readonly unknown[] {
  const loose = false;
  const skipApiVersionCheck = true;
  const noPassword = '';
  const pathStyleOnly = true;
  return [
    loose,
    skipApiVersionCheck,
    tls?.certFile ?? '',
    tls?.keyFile ?? '',
    noPassword,
    tls?.acceptsBearer === true ? 'basic' : undefined,
    pathStyleOnly,
    dataFolder === undefined,
  ];
}

function createBlobServer(start: AzuriteStart): AzuriteBlobServer {
  const {
    default: Configuration,
  }: AzuriteModule<object> = require('azurite/dist/src/blob/BlobConfiguration');
  const {
    default: BlobServer,
  }: AzuriteModule<AzuriteBlobServer> = require('azurite/dist/src/blob/BlobServer');
  const folder = start.dataFolder ?? '';
  const extentFolders = [
    { locationId: 'Default', locationPath: join(folder, '__blobstorage__'), maxConcurrency: 50 },
  ];
  return new BlobServer(
    new Configuration(
      host,
      0,
      keepAliveSeconds,
      join(folder, '__azurite_db_blob__.json'),
      join(folder, '__azurite_db_blob_extent__.json'),
      extentFolders,
      false,
      undefined,
      false,
      undefined,
      ...commonSettings(start),
    ),
  );
}

function createTableServer(start: AzuriteStart): AzuriteServer {
  const {
    default: Configuration,
  }: AzuriteModule<object> = require('azurite/dist/src/table/TableConfiguration');
  const {
    default: TableServer,
  }: AzuriteModule<AzuriteServer> = require('azurite/dist/src/table/TableServer');
  return new TableServer(
    new Configuration(
      host,
      0,
      keepAliveSeconds,
      join(start.dataFolder ?? '', '__azurite_db_table__.json'),
      false,
      false,
      undefined,
      undefined,
      ...commonSettings(start),
    ),
  );
}

async function takeFolder(folder: string | undefined): Promise<FolderLock | undefined> {
  if (folder === undefined) return undefined;
  mkdirSync(folder, { recursive: true });
  return lockFolder(folder);
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('Azurite has no port.');
  return address.port;
}

function serve(server: Server, { head }: AzuriteServe, connection: Socket): void {
  connection.unshift(Buffer.from(head, 'latin1'));
  server.emit('connection', connection);
}

async function stopListening(servers: readonly AzuriteServer[]): Promise<void> {
  const closed = servers.map(
    ({ httpServer }) =>
      new Promise<void>((resolve) => {
        httpServer.once('close', resolve);
        httpServer.stop();
      }),
  );
  await Promise.race([Promise.all(closed), sleep(drainMs)]);
}

async function run(start: AzuriteStart): Promise<void> {
  process.env['AZURITE_ACCOUNTS'] = `${start.accountName}:${start.accountKey}`;
  const lock = await takeFolder(start.dataFolder);
  lookUpByNarrowestIndex(requireOfAzurite('lokijs').Resultset);
  const blob = createBlobServer(start);
  // In memory it would take away everything at once: with some thousand blobs, deaf for a minute.
  if (start.dataFolder === undefined) blob.gcManager.gcIntervalInMS = longestTimerMs;
  const table = createTableServer(start);
  const servers = [blob, table];
  for (const server of servers) {
    server.httpServer.requestTimeout = 0;
    await server.start();
  }
  const databases = [blob.extentMetadataStore.db, blob.metadataStore.db, table.metadataStore.db];
  const snapshots =
    start.dataFolder === undefined
      ? undefined
      : startSnapshots(databases, (error) => report({ kind: 'unsaved', message: String(error) }));

  let ending = false;
  async function end(): Promise<void> {
    if (ending) return;
    ending = true;
    lock?.announceEnd();
    await stopListening(servers);
    await snapshots?.stop();
    process.exit(0);
  }
  function endOrFail(): void {
    end().catch((error: unknown) => {
      report({ kind: 'unsaved', message: String(error) });
      process.exit(1);
    });
  }
  process.on('message', (message: AzuriteServe, connection: unknown) => {
    // A connection that was closed on its way here does not arrive.
    if (connection instanceof Socket) serve(blob.httpServer, message, connection);
  });
  process.on('disconnect', endOrFail);
  report({ kind: 'ready', blobPort: portOf(blob.httpServer), tablePort: portOf(table.httpServer) });
  if (!process.connected) endOrFail();
}

// A Ctrl-C, or a service manager's SIGTERM, reaches all processes; the parent decides when
// storage ends.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => undefined);
process.once('message', (start: AzuriteStart) => {
  run(start).catch((error: unknown) => {
    if (error instanceof FolderInUseError) report({ kind: 'folder-in-use' });
    else
      report({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });
    process.exit(1);
  });
});
