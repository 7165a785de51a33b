import { constants } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable, Transform } from 'node:stream';

/**
 * A request as the host passes it on: the true one, or one whose body the host got hold of first.
 */
export interface ForwardedRequest extends Readable {
  method?: string | undefined;
  url?: string | undefined;
  headers: Record<string, string | string[] | undefined>;
}

export interface AdmittedRequest {
  readonly forwarded: ForwardedRequest;
  /** The body, when the host has read it before the handler runs. */
  readonly bodyText: string | undefined;
}

export interface BodyLimits {
  readonly maxBodyBytes: number;
  /** How long receiving a streamed body may take; 0 for ever. */
  readonly requestTimeoutMs: number;
}

/**
 * Treats a request's body as the real host does: one with a Content-Length is read whole before the
 * handler runs, into a string, and refused with 500 above the limit or what a string holds; a
 * chunked one streams, up to the same limit and to the request timeout of the library's server.
 * Undefined when the request has been answered.
 */
export async function admitStrictly(
  request: IncomingMessage,
  response: ServerResponse,
  limits: BodyLimits,
): Promise<AdmittedRequest | undefined> {
  const contentLength = Number(request.headers['content-length'] ?? 0);
  if (contentLength > Math.min(limits.maxBodyBytes, constants.MAX_STRING_LENGTH)) {
    refuse(request, response, 500);
    return undefined;
  }
  if (contentLength > 0) return readWhole(request);
  if (request.headers['transfer-encoding'] === undefined) {
    return { forwarded: request, bodyText: undefined };
  }
  return { forwarded: limited(request, response, limits), bodyText: undefined };
}

async function readWhole(request: IncomingMessage): Promise<AdmittedRequest | undefined> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request) chunks.push(chunk);
  } catch {
    return undefined; // The client is gone; so is the request.
  }
  const body = Buffer.concat(chunks);
  const forwarded = Object.assign(Readable.from([body], { objectMode: false }), {
    method: request.method,
    url: request.url,
    headers: request.headers,
  });
  return { forwarded, bodyText: body.toString() };
}

function limited(
  request: IncomingMessage,
  response: ServerResponse,
  { maxBodyBytes, requestTimeoutMs }: BodyLimits,
): ForwardedRequest {
  let receivedBytes = 0;
  const counting = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      receivedBytes += chunk.length;
      if (receivedBytes <= maxBodyBytes) return done(null, chunk);
      refuse(request, response, 413);
      done(new Error('Request body too large.'));
    },
  });
  const timer =
    requestTimeoutMs > 0
      ? setTimeout(() => {
          refuse(request, response, 408);
          counting.destroy(new Error('The request took too long to arrive.'));
        }, requestTimeoutMs)
      : undefined;
  request.once('close', () => clearTimeout(timer));
  request.once('end', () => clearTimeout(timer));
  request.once('error', (error) => counting.destroy(error));
  request.pipe(counting);
  return Object.assign(counting, {
    method: request.method,
    url: request.url,
    headers: request.headers,
  });
}

/**
 * Answers without the app and gives up the connection, on which the rest of the body still comes.
 */
function refuse(request: IncomingMessage, response: ServerResponse, status: number): void {
  request.unpipe();
  request.resume();
  if (response.headersSent) response.destroy();
  else response.writeHead(status, { connection: 'close', 'content-length': 0 }).end();
}
