import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { pipeline } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { RequestHandler } from './functions-host/http-trigger.ts';

export interface PassthroughTarget {
  /** The account's blob endpoint, `http://127.0.0.1:<port>/<account>`. */
  readonly blobUrl: string;
  /**
   * Takes a client's connection over, with the head of the request to be answered on it. With it,
   * downloads cost this process nothing; without it, and over TLS, their bytes pass through.
   */
  serve?(head: string, connection: Socket): void;
}

export interface StoragePassthrough {
  /** Whether the path of a request is the storage account's. */
  owns(request: IncomingMessage): boolean;
  readonly handle: RequestHandler;
  stop(): void;
}

/**
 * Serves what the registry redirects to on the registry's own address, by passing requests below
 * `/<account>/` on to the blob service: reads of a blob, and Put Block into `staging` by a shared
 * access signature. All else there is refused. The blob service checks the signature; it covers the
 * account's path, not the host, so it holds on either address.
 */
export function createStoragePassthrough(target: PassthroughTarget): StoragePassthrough {
  const { hostname, port, pathname } = new URL(target.blobUrl);
  const prefix = `${pathname}/`;
  const agent = new http.Agent({ keepAlive: true });

  function handle(request: IncomingMessage, response: ServerResponse): void {
    const refusal = refusalOf(request, prefix);
    if (refusal !== undefined) return endEmpty(response, refusal);
    const { socket } = request;
    if (target.serve === undefined || request.method !== 'GET' || socket instanceof TLSSocket) {
      return pass(request, response);
    }
    const head = headOf(request);
    // Not before the parser is done with this request: it lets go of the connection with it.
    setImmediate(() => target.serve?.(head, socket));
  }

  function pass(request: IncomingMessage, response: ServerResponse): void {
    const forwarded = http.request({
      agent,
      hostname,
      port,
      method: request.method,
      path: request.url,
      headers: Object.fromEntries(forwardedHeaders(request)),
    });
    forwarded.once('response', (answer) => {
      response.writeHead(
        answer.statusCode ?? 502,
        answer.statusMessage,
        Object.fromEntries(endToEndHeaders(answer)),
      );
      pipeline(answer, response, () => undefined);
    });
    forwarded.once('error', () => {
      if (response.headersSent) response.destroy();
      else endEmpty(response, 502);
    });
    response.once('close', () => forwarded.destroy());
    request.pipe(forwarded);
  }

  return {
    owns: (request) => request.url?.startsWith(prefix) ?? false,
    handle,
    stop: () => agent.destroy(),
  };
}

/** A status, for what is neither a read of one blob nor one block put with a signature. */
function refusalOf({ method, url = '' }: IncomingMessage, prefix: string): number | undefined {
  const [path = '', search = ''] = url.split('?', 2);
  const [container, blob] = path.slice(prefix.length).split('/', 2);
  if (!container || !blob) return 404;
  const query = new URLSearchParams(search);
  const isRead = method === 'GET' || method === 'HEAD';
  if (isRead) return query.has('comp') || query.has('restype') ? 403 : undefined;
  const operation = query.getAll('comp');
  const isPutBlock = method === 'PUT' && operation.length === 1 && operation[0] === 'block';
  return container === 'staging' && isPutBlock && query.has('sig') ? undefined : 403;
}

function endEmpty(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-length': 0, connection: 'close' }).end();
}

function headOf(request: IncomingMessage): string {
  const headers = forwardedHeaders(request).map(([name, value]) => `${name}: ${value}`);
  const lines = [`GET ${request.url} HTTP/1.1`, ...headers, 'connection: close'];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'upgrade',
]);

function endToEndHeaders(message: IncomingMessage): readonly (readonly [string, string])[] {
  return Object.entries(message.headersDistinct).flatMap(([name, values]) =>
    values === undefined || hopByHop.has(name) ? [] : [[name, values.join(', ')] as const],
  );
}

/**
 * Without the client's credentials for the registry, which clients send along when a redirect stays
 * on one host, and which storage would take for its own; and without headers of storage but the
 * version, as Azurite goes by `x-ms-blob-type` rather than by `comp`.
 */
function forwardedHeaders(request: IncomingMessage): readonly (readonly [string, string])[] {
  return endToEndHeaders(request).filter(
    ([name]) => name !== 'authorization' && (!name.startsWith('x-ms-') || name === 'x-ms-version'),
  );
}
