import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import type { RequestHandler } from './functions-host/http-trigger.ts';

export interface StoragePassthrough {
  /** Whether the path of a request is the storage account's. */
  owns(request: IncomingMessage): boolean;
  readonly handle: RequestHandler;
  stop(): void;
}

/**
 * Serves what the registry redirects to on the registry's own address, by passing requests below
 * `/<account>/` on to the blob service at `blobUrl`: reads of a blob, and writes by a shared access
 * signature. All else there is refused. The signature is checked by the blob service; it covers the
 * account's path, not the host, so it holds on either address.
 */
export function createStoragePassthrough(blobUrl: string): StoragePassthrough {
  const { hostname, port, pathname } = new URL(blobUrl);
  const prefix = `${pathname}/`;
  const agent = new http.Agent({ keepAlive: true, maxFreeSockets: 64 });

  function handle(request: IncomingMessage, response: ServerResponse): void {
    const refusal = refusalOf(request, prefix);
    if (refusal !== undefined) {
      response.writeHead(refusal, { 'content-length': 0, connection: 'close' }).end();
      return;
    }
    const forwarded = http.request({
      agent,
      hostname,
      port,
      method: request.method,
      path: request.url,
      headers: forwardedHeaders(request),
    });
    forwarded.once('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.statusMessage, endToEnd(answer));
      pipeline(answer, response, () => undefined);
    });
    pipeline(request, forwarded, (error) => {
      if (error === undefined || error === null) return;
      forwarded.destroy();
      if (response.headersSent || response.destroyed) response.destroy();
      else response.writeHead(502, { 'content-length': 0, connection: 'close' }).end();
    });
    response.once('close', () => {
      if (!response.writableFinished) forwarded.destroy();
    });
  }

  return {
    owns: (request) => request.url?.startsWith(prefix) ?? false,
    handle,
    stop: () => agent.destroy(),
  };
}

/** A status, for what is neither a read of one blob nor a write with a signature. */
function refusalOf({ method, url = '' }: IncomingMessage, prefix: string): number | undefined {
  const [path = '', search = ''] = url.split('?', 2);
  const [container, blob] = path.slice(prefix.length).split('/', 2);
  if (!container || !blob) return 404;
  const query = new URLSearchParams(search);
  const isRead = method === 'GET' || method === 'HEAD';
  if (isRead) return query.has('comp') || query.has('restype') ? 403 : undefined;
  return method === 'PUT' && query.has('sig') ? undefined : 403;
}

/**
 * Without the client's credentials for the registry, which clients send along when a redirect stays
 * on one host, and which storage would take for its own.
 */
function forwardedHeaders(request: IncomingMessage): http.OutgoingHttpHeaders {
  const { authorization: _authorization, ...headers } = endToEnd(request);
  return headers;
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

function endToEnd(message: IncomingMessage): http.OutgoingHttpHeaders {
  return Object.fromEntries(
    Object.entries(message.headers).filter(([name]) => !hopByHop.has(name)),
  );
}
