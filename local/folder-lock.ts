import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { realpathSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

export interface FolderLock {
  /** Tells others that the folder will soon be free, so that they wait for it. */
  announceEnd(): void;
}

export class FolderInUseError extends Error {
  override readonly name = 'FolderInUseError';
}

/** The shortest limit of the systems' for the path of a socket is 104 bytes, on macOS. */
const maxSocketPathBytes = 100;
const retryMs = 50;

/**
 * Takes a folder for this process. The lock is a listening socket, so it is gone with the process,
 * however that ends. Waits for a holder that is ending; throws a FolderInUseError for one that is
 * not.
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const path = socketPath(realpathSync(folder));
  for (;;) {
    const lock = await listen(path);
    if (lock !== undefined) return lock;
    const holder = await askHolder(path);
    if (holder === 'running') {
      throw new FolderInUseError(`Another process is using ${folder}.`);
    }
    if (holder === 'none') rmSync(path, { force: true });
    else await sleep(retryMs);
  }
}

function socketPath(folder: string): string {
  const path = join(folder, 'lock');
  if (Buffer.byteLength(path) <= maxSocketPathBytes) return path;
  const name = createHash('sha256').update(folder).digest('hex').slice(0, 32);
  return join(tmpdir(), `lighter-${name}`);
}

async function listen(path: string): Promise<FolderLock | undefined> {
  let state: 'running' | 'ending' = 'running';
  const server = createServer((connection) => {
    connection.on('error', () => undefined);
    connection.end(state);
  });
  if (!(await isListening(server, path))) return undefined;
  server.unref();
  return {
    announceEnd() {
      state = 'ending';
    },
  };
}

async function isListening(server: Server, path: string): Promise<boolean> {
  try {
    const listening = once(server, 'listening');
    server.listen(path);
    await listening;
    return true;
  } catch (error) {
    if (hasCode(error, 'EADDRINUSE')) return false;
    throw error;
  }
}

async function askHolder(path: string): Promise<'running' | 'ending' | 'none'> {
  const connection = createConnection(path);
  try {
    await once(connection, 'connect');
    return (await text(connection)) === 'running' ? 'running' : 'ending';
  } catch (error) {
    const gone = hasCode(error, 'ECONNREFUSED') || hasCode(error, 'ENOENT');
    return gone ? 'none' : 'ending';
  } finally {
    connection.destroy();
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
