import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob';
import { openDataFolder } from '../../local/data-folder.ts';
import { installTools, toolPath } from '../clients/install.ts';
import { freePort, startDaemon } from '../clients/process.ts';
import { startRegistry } from '../clients/registry.ts';
import { startTestAzurite } from '../harness/azurite.ts';
import type { RequestHeaders } from './connection.ts';
import { childrenOf, listeningPorts } from './processes.ts';

/** Azurite as a subject uses it, for what is asked of it directly. */
export interface Storage {
  readonly blobPort: number;
  readonly tablePort: number;
  readonly accountName: string;
  readonly accountKey: string;
}

/** A registry on fresh data, with an Azurite of its own, both in processes of their own. */
export interface Subject {
  readonly port: number;
  readonly pid: number;
  readonly storage: Storage;
  /**
   * What every pull and push in a repository has to send: the host, a fresh token where one is
   * needed.
   */
  headers(repository: string): Promise<RequestHeaders>;
  /** Ends everything and removes the data. */
  stop(): Promise<void>;
}

export type StartSubject = () => Promise<Subject>;

/** Lighter as `npm start` runs it. */
export async function startLighter(settings: Record<string, string> = {}): Promise<Subject> {
  const folder = await mkdtemp(join(tmpdir(), 'lighter-bench-'));
  const registry = await startRegistry(folder, settings);
  const { host, user, password, pid } = registry;
  const basic = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  return {
    port: Number(host.split(':')[1]),
    pid,
    storage: await storageOf(pid, join(folder, 'data')),
    async headers(repository) {
      const scope = encodeURIComponent(`repository:${repository}:pull,push`);
      const response = await fetch(`http://${host}/oauth2/token?service=${host}&scope=${scope}`, {
        headers: { authorization: basic },
      });
      const { access_token: token }: { access_token?: unknown } = JSON.parse(await response.text());
      if (typeof token !== 'string') throw new Error(`no token: ${response.status}`);
      return { host, authorization: `Bearer ${token}` };
    },
    async stop() {
      await registry.stop();
      await rm(folder, { recursive: true });
    },
  };
}

/** The Azurite that `npm start` started: its ports are known to nobody else. */
async function storageOf(pid: number, dataFolder: string): Promise<Storage> {
  const accountName = 'lighter';
  const ports = childrenOf(pid).flatMap(listeningPorts);
  const services = await Promise.all(
    ports.map(async (port) => {
      const response = await fetch(`http://127.0.0.1:${port}/${accountName}?comp=list`);
      return (response.headers.get('server') ?? '').includes('Blob');
    }),
  );
  const blobPort = ports[services.indexOf(true)];
  const tablePort = ports[services.indexOf(false)];
  if (blobPort === undefined || tablePort === undefined) throw new Error('Azurite was not found');
  return { blobPort, tablePort, accountName, accountKey: openDataFolder(dataFolder).storageKey };
}

/**
 * The peer: distribution v3.1.2 with its azure driver on Azurite, on disk. Its logs are off. It
 * serves blobs itself, because the URLs it redirects to are refused over plain HTTP.
 */
export async function startPeer(): Promise<Subject> {
  const failures = await installTools(['distribution']);
  for (const error of failures.values()) throw error;
  const folder = await mkdtemp(join(tmpdir(), 'lighter-bench-peer-'));
  await mkdir(join(folder, 'data'));
  const azurite = await startTestAzurite({ dataFolder: join(folder, 'data') });
  const { accountName, accountKey, blobUrl, tableUrl } = azurite;
  const credential = new StorageSharedKeyCredential(accountName, accountKey);
  await new BlobServiceClient(blobUrl, credential).createContainer('registry');

  const port = await freePort();
  const azure = {
    accountname: accountName,
    accountkey: accountKey,
    credentials: { type: 'shared_key' },
    container: 'registry',
    serviceurl: blobUrl,
  };
  const config = {
    version: '0.1',
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { azure, redirect: { disable: true }, delete: { enabled: true } },
    http: { addr: `127.0.0.1:${port}` },
  };
  // JSON is YAML.
  await writeFile(join(folder, 'config.yml'), JSON.stringify(config));
  const daemon = await startDaemon(
    toolPath('distribution', 'registry'),
    ['serve', join(folder, 'config.yml')],
    {
      env: { OTEL_TRACES_EXPORTER: 'none' },
      logFile: join(folder, 'registry.log'),
      isReady: () =>
        fetch(`http://127.0.0.1:${port}/v2/`).then(
          ({ status }) => status === 200,
          () => false,
        ),
    },
  );
  return {
    port,
    pid: daemon.pid,
    storage: {
      blobPort: Number(new URL(blobUrl).port),
      tablePort: Number(new URL(tableUrl).port),
      accountName,
      accountKey,
    },
    headers: async () => ({ host: `127.0.0.1:${port}` }),
    async stop() {
      await daemon.stop();
      await azurite.stop();
      await rm(folder, { recursive: true });
    },
  };
}
