import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeRequest, type OperationKind, type StorageService } from './storage-operation.ts';

/**
 * What happens to a request instead of being passed on plainly:
 * - `status`: storage is not asked; the client gets this status, as from a throttled or failing
 *   storage.
 * - `reset`: storage is not asked; the connection breaks.
 * - `hang`: storage is not asked; the client gets no answer until it gives up.
 * - `loseAnswer`: storage does it and answers, then the connection breaks before the answer is
 *   sent.
 * - `delay`: the request (`before`) or its answer (`after`) is held back for `ms`.
 * - `deliverLate`: the connection breaks at once, and storage gets the request `ms` later.
 * - `duplicate`: storage gets the request twice, one after the other; the client sees the first
 *   answer.
 * - `truncate`: the client gets the first `bytes` of the answer's body, then the connection breaks.
 * - `stall`: the same, but the connection stays open and silent.
 * - `emptyPage`: a list answers no rows but a continuation token, as Table Storage may at any time.
 * - `shortPage`: a list answers at most `rows` rows, and a continuation token when there are more.
 */
export type Fault =
  | { readonly kind: 'status'; readonly status: number; readonly retryAfterSeconds?: number }
  | { readonly kind: 'reset' | 'hang' | 'loseAnswer' | 'duplicate' | 'emptyPage' }
  | { readonly kind: 'delay'; readonly ms: number; readonly at: 'before' | 'after' }
  | { readonly kind: 'deliverLate'; readonly ms: number }
  | { readonly kind: 'truncate' | 'stall'; readonly bytes: number }
  | { readonly kind: 'shortPage'; readonly rows: number };

/** A request that reached the proxy. */
export interface SeenRequest {
  readonly service: StorageService;
  readonly kind: OperationKind;
  readonly method: string;
  /** Decoded, without the account and the query. */
  readonly path: string;
  /** Entity operations: of a transaction as many as it holds, otherwise 1. */
  readonly operations: number;
  readonly fault: Fault | undefined;
}

export interface Injection {
  /** Which requests; every one when left out. */
  readonly on?: OperationKind | ((request: Omit<SeenRequest, 'fault'>) => boolean);
  readonly fault: Fault;
  /** How many of them are hit; 1 when left out. */
  readonly times?: number;
  /** How many of them pass unharmed first; 0 when left out. */
  readonly after?: number;
}

interface PendingInjection {
  readonly matches: (request: Omit<SeenRequest, 'fault'>) => boolean;
  readonly fault: Fault;
  times: number;
  after: number;
}

export interface FaultProxy {
  /** In place of the Azurite's own; an account key signs paths, not hosts, so it holds here too. */
  readonly blobUrl: string;
  readonly tableUrl: string;
  /**
   * Adds a fault. A request is hit by the first injection, in order of adding, that matches and is
   * not used up.
   */
  inject(injection: Injection): void;
  /** Every request seen since the start or the last `clear`, in order of arrival. */
  readonly requests: readonly SeenRequest[];
  /** How many requests of each kind `requests` holds. */
  counts(): Partial<Record<OperationKind, number>>;
  /** Resolves once storage has answered all that had reached the proxy when this was called. */
  settled(): Promise<void>;
  /** Forgets injections and requests. */
  clear(): void;
  stop(): Promise<void>;
}

/**
 * An HTTP proxy in front of an Azurite (plain HTTP) that counts what storage is asked and injects
 * the faults that Azurite never shows. Without injections it changes nothing.
 *
 * const proxy = await startFaultProxy(azurite); const { tables } = connectStorage(keySettings({
 * ...azurite, ...proxy })); proxy.inject({ on: 'insert', fault: { kind: 'loseAnswer' } });
 */
export async function startFaultProxy(azurite: {
  readonly blobUrl: string;
  readonly tableUrl: string;
}): Promise<FaultProxy> {
  const seen: SeenRequest[] = [];
  let injections: PendingInjection[] = [];

  function faultFor(request: Omit<SeenRequest, 'fault'>): Fault | undefined {
    const hit = injections.find(({ matches, times }) => times > 0 && matches(request));
    if (hit === undefined) return undefined;
    if (hit.after > 0) {
      hit.after -= 1;
      return undefined;
    }
    hit.times -= 1;
    return hit.fault;
  }

  const start = (service: StorageService, url: string) =>
    startServer(url, (incoming, body) => {
      const request = describeRequest(service, incoming, body);
      const fault = faultFor(request);
      seen.push({ ...request, fault });
      return fault;
    });
  const [blob, table] = await Promise.all([
    start('blob', azurite.blobUrl),
    start('table', azurite.tableUrl),
  ]);
  return {
    blobUrl: blob.url,
    tableUrl: table.url,
    inject({ on, fault, times = 1, after = 0 }) {
      const matches =
        typeof on === 'function'
          ? on
          : ({ kind }: { kind: OperationKind }) => on === undefined || on === kind;
      injections.push({ matches, fault, times, after });
    },
    requests: seen,
    counts() {
      const counts: Partial<Record<OperationKind, number>> = {};
      for (const { kind } of seen) counts[kind] = (counts[kind] ?? 0) + 1;
      return counts;
    },
    clear() {
      injections = [];
      seen.length = 0;
    },
    async settled() {
      await Promise.all([blob.settled(), table.settled()]);
    },
    async stop() {
      await Promise.all([blob.stop(), table.stop()]);
    },
  };
}

async function startServer(
  target: string,
  judge: (request: IncomingMessage, body: Buffer) => Fault | undefined,
): Promise<Pick<FaultProxy, 'settled' | 'stop'> & { readonly url: string }> {
  const { port, pathname } = new URL(target);
  const agent = new http.Agent({ keepAlive: true });
  const ending = new AbortController();
  const wait = (ms: number) => sleep(ms, undefined, { signal: ending.signal });
  const forward = async (request: IncomingMessage, body: Buffer, path = request.url) => {
    const forwarded = http.request({
      agent,
      host: '127.0.0.1',
      port,
      path,
      method: request.method,
      headers: request.headers,
    });
    forwarded.end(body);
    return await new Promise<IncomingMessage>((resolve, reject) => {
      forwarded.once('response', resolve).once('error', reject);
    });
  };

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await read(request);
    const fault = judge(request, body);
    const path = withoutInventedToken(request.url ?? '/');
    switch (fault?.kind) {
      case undefined:
        return pass(await forward(request, body, path), response);
      case 'status':
        if (fault.retryAfterSeconds !== undefined) {
          response.setHeader('retry-after', fault.retryAfterSeconds);
        }
        return void response.writeHead(fault.status).end();
      case 'reset':
        return void request.socket.destroy();
      case 'hang':
        return;
      case 'loseAnswer':
        await read(await forward(request, body, path));
        return void request.socket.destroy();
      case 'duplicate': {
        const first = await forward(request, body, path);
        const answer = await read(first);
        await read(await forward(request, body, path));
        return void response.writeHead(first.statusCode ?? 502, first.headers).end(answer);
      }
      case 'delay': {
        if (fault.at === 'before') await wait(fault.ms);
        const answer = await forward(request, body, path);
        if (fault.at === 'after') await wait(fault.ms);
        return pass(answer, response);
      }
      case 'deliverLate':
        request.socket.destroy();
        await wait(fault.ms);
        await read(await forward(request, body, path));
        return;
      case 'truncate':
      case 'stall': {
        const answer = await forward(request, body, path);
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        response.write((await read(answer)).subarray(0, fault.bytes), () => {
          if (fault.kind === 'truncate') response.destroy();
        });
        return;
      }
      case 'emptyPage':
        return void response
          .writeHead(200, {
            'content-type': 'application/json;odata=minimalmetadata',
            ...tokenOfThisPage(request.url ?? '/'),
          })
          .end(JSON.stringify({ value: [] }));
      case 'shortPage':
        return pass(
          await forward(request, body, path.replace(/([$]|%24)top=\d+/, `$top=${fault.rows}`)),
          response,
        );
    }
  }

  const underWay = new Set<Promise<void>>();
  const server = http.createServer((request, response) => {
    const served = serve(request, response)
      .catch(() => void response.destroy())
      .finally(() => underWay.delete(served));
    underWay.add(served);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: ownPort } = addressOf(server);
  return {
    url: `http://127.0.0.1:${ownPort}${pathname}`,
    async settled() {
      await Promise.all(underWay);
    },
    async stop() {
      ending.abort();
      server.close();
      server.closeAllConnections();
      agent.destroy();
      await once(server, 'close');
    },
  };
}

/** The token of an empty page that is the first; a request that brings it back begins there. */
const inventedToken = 'fault-proxy';

/** What leads to the page that was asked for, once more. */
function tokenOfThisPage(url: string) {
  const { searchParams } = new URL(url, 'http://azurite');
  return {
    'x-ms-continuation-nextpartitionkey': searchParams.get('NextPartitionKey') ?? inventedToken,
    'x-ms-continuation-nextrowkey': searchParams.get('NextRowKey') ?? inventedToken,
  };
}

function withoutInventedToken(path: string): string {
  return path.replaceAll(new RegExp(`&Next(Partition|Row)Key=${inventedToken}`, 'g'), '');
}

/** In one write, with a length instead of chunks: the random test is bound by what the proxy costs. */
async function pass(answer: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await read(answer);
  const { 'transfer-encoding': chunked, ...headers } = answer.headers;
  if (chunked !== undefined) headers['content-length'] = String(body.length);
  response.writeHead(answer.statusCode ?? 502, headers).end(body);
}

function read(message: IncomingMessage): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  return new Promise((resolve, reject) => {
    message
      .on('data', (chunk: Uint8Array) => chunks.push(chunk))
      .once('end', () => resolve(Buffer.concat(chunks)))
      .once('error', reject)
      .once('close', () => {
        if (!message.complete) reject(new Error('the connection broke'));
      });
  });
}

function addressOf(server: http.Server): AddressInfo {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return address;
}
