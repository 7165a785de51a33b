import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { freePort, startDaemon } from './process.ts';

const checkout = join(import.meta.dirname, '../..');
/** What `npm start` gives Node. */
const npmStart = packageJson.scripts.start.split(' ').slice(1);

const manifestTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.v1+prettyjws',
].join(', ');

export interface Manifest {
  digest: string;
  mediaType: string;
  body: string;
}

/** The registry under test, running as a process of its own on 127.0.0.1 without TLS. */
export interface Registry {
  /** `127.0.0.1:PORT`, as it stands before the repository in an image's name. */
  host: string;
  pid: number;
  user: string;
  password: string;
  logFile: string;
  stop: () => Promise<void>;
  /** A request with the account's Basic credentials; `path` begins with a slash. */
  fetch: (path: string, init?: RequestInit) => Promise<Response>;
  /** The manifest as the registry serves it. Throws when it is not there. */
  manifest: (repository: string, reference: string) => Promise<Manifest>;
}

/**
 * Starts the registry of this checkout with its data below `folder`.
 * @param settings environment variables beyond port, folder and password.
 */
export async function startRegistry(
  folder: string,
  settings: Record<string, string> = {},
): Promise<Registry> {
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  const user = 'admin';
  const password = 'correct-horse-battery';
  await mkdir(folder, { recursive: true });
  const logFile = join(folder, 'registry.log');
  const daemon = await startDaemon(process.execPath, npmStart, {
    cwd: checkout,
    env: {
      LIGHTER_PORT: String(port),
      LIGHTER_DATA: join(folder, 'data'),
      LIGHTER_ADMIN_PASSWORD: password,
      ...settings,
    },
    logFile,
    readySeconds: 60,
    isReady: async () => {
      const response = await fetch(`http://${host}/v2/`, {
        signal: AbortSignal.timeout(5000),
      }).catch(() => undefined);
      return response?.status === 401;
    },
  });

  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const fetchPath: Registry['fetch'] = async (path, init = {}) => {
    const headers = new Headers(init.headers);
    headers.set('authorization', authorization);
    return fetch(`http://${host}${path}`, {
      signal: AbortSignal.timeout(60_000),
      ...init,
      headers,
    });
  };

  return {
    host,
    pid: daemon.pid,
    user,
    password,
    logFile,
    stop: daemon.stop,
    fetch: fetchPath,
    manifest: async (repository, reference) => {
      const path = `/v2/${repository}/manifests/${reference}`;
      const response = await fetchPath(path, { headers: { accept: manifestTypes } });
      const body = await response.text();
      if (response.status !== 200) {
        throw new Error(`GET ${path} answered ${response.status}: ${body}`);
      }
      return {
        digest: response.headers.get('docker-content-digest') ?? '',
        mediaType: response.headers.get('content-type') ?? '',
        body,
      };
    },
  };
}
