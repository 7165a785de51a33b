import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { AzuriteReport, AzuriteServe, AzuriteStart } from './azurite-messages.ts';
import { FolderInUseError } from './folder-lock.ts';

export type AzuriteOptions = Omit<AzuriteStart, 'tls'> & Partial<Pick<AzuriteStart, 'tls'>>;

export interface RunningAzurite {
  /** `http://127.0.0.1:<port>/<account>`, without a trailing slash. */
  readonly blobUrl: string;
  readonly tableUrl: string;
  readonly accountName: string;
  readonly accountKey: string;
  readonly pid: number;
  /** Resolves, with words for the user, once the process has ended without being asked to. */
  readonly unexpectedExit: Promise<string>;
  /**
   * Gives a client's connection away to the blob service, which answers the request whose head this
   * is as if it had come to its own port, and closes the connection. Plain sockets only.
   */
  serve(head: string, connection: Socket): void;
  /** Ends it so that everything acknowledged is on disk. */
  stop(): Promise<void>;
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
}

const startTimeoutMs = 60_000;
const stopTimeoutMs = 30_000;
/**
 * Bytes on their way through a process count towards its garbage collection. These sizes, in MiB,
 * let the cheap collection of the young generation free them before they set off one of the whole
 * heap, which cost Azurite more processor time than all else it does with a layer
 * (docs/benchmarks.md).
 */
const heapOptions = ['--max-semi-space-size=4', '--initial-old-space-size=128'];
const serverFile = fileURLToPath(new URL('azurite-server.ts', import.meta.url));

/**
 * Starts Azurite's blob and table services as a child process on free loopback ports and waits
 * until both accept requests. Rejects, with nothing left running, when they do not: with a
 * FolderInUseError when another Azurite has the data folder.
 */
export async function startAzurite(options: AzuriteOptions): Promise<RunningAzurite> {
  const start: AzuriteStart = { tls: undefined, ...options };
  const child = spawn(process.execPath, [...heapOptions, serverFile], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: childEnvironment(),
  });
  const { blobPort, tablePort } = await untilReady(child, start);
  const scheme = start.tls === undefined ? 'http' : 'https';
  const exit = once(child, 'exit');
  let ending = false;

  async function end(finish: () => void): Promise<void> {
    ending = true;
    if (child.exitCode !== null || child.signalCode !== null) return;
    finish();
    const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
    await exit;
    clearTimeout(timer);
  }

  child.on('message', (message: AzuriteReport) => {
    if (message.kind === 'unsaved') {
      process.stderr.write(`Azurite could not save its data: ${message.message}\n`);
    }
  });

  return {
    blobUrl: `${scheme}://127.0.0.1:${blobPort}/${start.accountName}`,
    tableUrl: `${scheme}://127.0.0.1:${tablePort}/${start.accountName}`,
    accountName: start.accountName,
    accountKey: start.accountKey,
    pid: child.pid ?? 0,
    unexpectedExit: new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        if (!ending) resolve(`Azurite ended unexpectedly (${describeExit(code, signal)}).`);
      });
    }),
    serve(head, connection) {
      const message: AzuriteServe = { head };
      child.send(message, connection, (error) => {
        if (error !== null) connection.destroy();
      });
    },
    stop: () => end(() => child.disconnect()),
    kill: () => end(() => child.kill('SIGKILL')),
  };
}

/** Without what would change Azurite's behaviour behind our back. */
function childEnvironment(): NodeJS.ProcessEnv {
  const { AZURITE_DB: _database, AZURITE_ACCOUNTS: _accounts, ...environment } = process.env;
  return { ...environment, NODE_OPTIONS: '' };
}

function describeExit(code: number | null, signal: NodeJS.Signals | null): string {
  return signal === null ? `exit code ${code}` : signal;
}

async function untilReady(
  child: ChildProcess,
  start: AzuriteStart,
): Promise<Extract<AzuriteReport, { kind: 'ready' }>> {
  return new Promise((resolve, reject) => {
    function fail(error: Error): void {
      clearTimeout(timer);
      child.kill('SIGKILL');
      reject(error);
    }
    const timer = setTimeout(
      () => fail(new Error(`Azurite did not start in ${startTimeoutMs / 1000} s.`)),
      startTimeoutMs,
    );
    const onExit = (code: number | null, signal: NodeJS.Signals | null): void =>
      fail(new Error(`Azurite did not start (${describeExit(code, signal)}).`));
    child.once('error', fail);
    child.once('exit', onExit);
    child.once('message', (message: AzuriteReport) => {
      if (message.kind !== 'ready') return fail(startError(message));
      clearTimeout(timer);
      child.off('exit', onExit);
      resolve(message);
    });
    child.send(start);
  });
}

function startError(report: Exclude<AzuriteReport, { kind: 'ready' }>): Error {
  return report.kind === 'folder-in-use'
    ? new FolderInUseError('Another process is using the data folder.')
    : new Error(report.message);
}
