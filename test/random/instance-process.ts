/** The process in which an instance of the registry runs: see instance.ts. It ends with its test. */
import { LRUCache } from 'lru-cache';
import { routes } from '../../functions/routes.ts';
import { compose } from '../../shared/compose.ts';
import { readConfig } from '../../shared/config.ts';
import type { App } from '../../shared/http/app.ts';
import { type RequestLog, serve } from '../../shared/http/serve.ts';
import { createCaches } from '../../shared/registry/caches.ts';
import { sweep } from '../../shared/registry/sweep/sweep.ts';
import { testAdminPassword } from '../harness/lighter.ts';
import type {
  Answer,
  FromInstance,
  InstanceOptions,
  Sent,
  ToInstance,
} from './instance-messages.ts';

let app: App | undefined;

function start({ azurite, seconds }: InstanceOptions): App {
  const composed = compose(
    readConfig({
      LIGHTER_STORAGE_BLOB_URL: azurite.blobUrl,
      LIGHTER_STORAGE_TABLE_URL: azurite.tableUrl,
      LIGHTER_STORAGE_ACCOUNT_KEY: azurite.accountKey,
      LIGHTER_PUBLIC_URL: 'http://127.0.0.1:1',
      LIGHTER_ADMIN_PASSWORD: testAdminPassword,
    }),
  );
  // For a minute nothing would be deleted that a backup has freed.
  const lastBackupBegun = new LRUCache<string, number>({ max: 1, ttl: 1000 });
  const caches = { ...createCaches(seconds), lastBackupBegun };
  const registry = { ...composed.registry, seconds, caches };
  return { ...composed, registry };
}

async function answer(running: App, sent: Sent, id: number): Promise<Answer> {
  const { pathname, searchParams, origin } = new URL(sent.path, 'http://127.0.0.1:1');
  const causes: string[] = [];
  const request = {
    method: sent.method,
    path: decodeURIComponent(pathname),
    query: searchParams,
    origin,
    headers: new Headers(sent.headers),
    body: sent.body === undefined ? undefined : inPieces(Buffer.from(sent.body)),
    id: String(id),
  };
  const log = (line: RequestLog) => void causes.push(...(line.causes ?? []));
  const { status, headers, body } = await serve(routes, running, request, log);
  const bytes =
    body === undefined
      ? ''
      : Buffer.from(
          await new Response(body instanceof Uint8Array ? new Uint8Array(body) : body).bytes(),
        );
  return { status, headers, body: bytes.toString(), causes };
}

/** A body as a network brings it. */
async function* inPieces(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 16 * 1024) yield bytes.subarray(at, at + 16 * 1024);
}

async function obey(message: ToInstance): Promise<FromInstance> {
  if (message.kind === 'start') {
    app = start(message.options);
    return { kind: 'started' };
  }
  const { id } = message;
  if (app === undefined) throw new Error('not started');
  try {
    if (message.kind === 'request') {
      return { kind: 'answer', id, answer: await answer(app, message.sent, id) };
    }
    const report = await sweep(app.registry, { dryRun: false, maxMs: 20_000 });
    return { kind: 'swept', id, report };
  } catch (error) {
    return { kind: 'failed', id, error: error instanceof Error ? `${error.stack}` : String(error) };
  }
}

process.on('message', (message: ToInstance) => {
  obey(message)
    .then((result) => process.send?.(result))
    .catch(() => process.exit(1));
});
process.on('disconnect', () => process.exit(0));
