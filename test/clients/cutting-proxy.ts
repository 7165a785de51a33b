import { EventEmitter, once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the proxy does to one PUT of bytes to storage. */
export type Mishap =
  /**
   * The connection breaks after so many bytes of the body, and not before storage has answered so
   * many PUTs since {@link CuttingProxy.always}.
   */
  | { kind: 'cut'; afterBytes: number; afterAnswers?: number }
  /** An answer as storage would give it, before it has read the body. */
  | { kind: 'answer'; status: number; code: string }
  /** Storage gets another query, as of a URL whose time is over. */
  | { kind: 'query'; of: (url: URL) => Promise<string> };

export interface CuttingProxy {
  /** `127.0.0.1:PORT`: the registry and its storage, by another address. */
  host: string;
  /** Bytes that were put into storage through it. */
  storedBytes: () => number;
  /** What happens to the next PUTs to storage, one each. */
  next: (...mishaps: Mishap[]) => void;
  /** What happens to all other PUTs to storage. */
  always: (mishap: Mishap) => void;
  /** Forgets what was still to happen. */
  forgive: () => void;
  stop: () => Promise<void>;
}

/** A proxy in front of a registry, between it and its clients. */
export async function startCuttingProxy(target: string): Promise<CuttingProxy> {
  const [hostname = '', port = ''] = target.split(':');
  const agent = new http.Agent({ keepAlive: true });
  let storedBytes = 0;
  let mishaps: Mishap[] = [];
  let constant: Mishap | undefined;
  let answers = 0;
  const answered = new EventEmitter();

  async function pass(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', `http://${request.headers.host ?? target}`);
    const isStorage = request.method === 'PUT' && !url.pathname.startsWith('/v2/');
    const mishap = isStorage ? (mishaps.shift() ?? constant) : undefined;
    if (mishap?.kind === 'answer') {
      request.resume();
      return answerAsStorage(response, mishap);
    }
    if (mishap?.kind === 'query') url.search = await mishap.of(url);
    const forwarded = http.request({
      agent,
      hostname,
      port,
      method: request.method,
      path: mishap?.kind === 'query' ? url.pathname + url.search : request.url,
      headers: request.headers,
    });
    forwarded.once('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.statusMessage, answer.headers);
      answer.pipe(response);
      if (isStorage) answers += 1;
      answered.emit('answer');
    });
    forwarded.once('error', () => response.destroy());
    let received = 0;
    request.on('data', (chunk: Buffer) => {
      received += chunk.length;
      if (isStorage) storedBytes += chunk.length;
      if (mishap?.kind !== 'cut' || received <= mishap.afterBytes || !request.readableFlowing)
        return;
      request.unpipe(forwarded).pause();
      void hasAnswered(mishap.afterAnswers ?? 0).then(() => {
        request.socket.destroy();
        forwarded.destroy();
      });
    });
    request.pipe(forwarded);
  }

  async function hasAnswered(count: number): Promise<void> {
    while (answers < count) await once(answered, 'answer');
  }

  const server = http.createServer((request, response) => {
    pass(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    storedBytes: () => storedBytes,
    forgive: () => {
      mishaps = [];
      constant = undefined;
    },
    next: (...more) => void mishaps.push(...more),
    always: (mishap) => {
      constant = mishap;
      answers = 0;
    },
    stop: async () => {
      server.close();
      server.closeAllConnections();
      agent.destroy();
      await once(server, 'close');
    },
  };
}

function answerAsStorage(
  response: http.ServerResponse,
  { status, code }: { status: number; code: string },
): void {
  response.writeHead(status, { 'content-type': 'application/xml', 'x-ms-error-code': code });
  response.end(`<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code></Error>`);
}
