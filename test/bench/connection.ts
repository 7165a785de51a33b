import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface Answer {
  readonly status: number;
  /** Status line and headers, as received. */
  readonly head: string;
  readonly body: Buffer;
}

interface Exchange {
  readonly expectsBody: boolean;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/**
 * One kept-alive HTTP/1.1 connection to a port of 127.0.0.1 on which requests follow each other. It
 * costs a fraction of what Node's client does, so that what is measured is the server.
 */
export class Connection {
  readonly #port: number;
  #socket: Socket | undefined;
  #received: Buffer = Buffer.alloc(0);
  #exchange: Exchange | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  /**
   * Sends a whole request, body included, and reads the answer. Rejects when the connection breaks.
   */
  send(request: Uint8Array): Promise<Answer> {
    const socket = this.#connected();
    const answer = this.#answer(!isHead(request));
    socket.write(request);
    return answer;
  }

  /** Sends a request whose body comes in pieces, no faster than they are taken. */
  async stream(head: Uint8Array, pieces: Iterable<Uint8Array>): Promise<Answer> {
    const socket = this.#connected();
    const answer = this.#answer(true);
    // An answer that comes early, or a broken connection, is met below.
    answer.catch(() => undefined);
    socket.write(head);
    for (const piece of pieces) {
      if (this.#exchange === undefined) break;
      if (!socket.write(piece)) await Promise.race([once(socket, 'drain'), answer]);
    }
    return answer;
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  #answer(expectsBody: boolean): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#exchange = { expectsBody, resolve, reject };
    });
  }

  #connected(): Socket {
    if (this.#socket !== undefined) return this.#socket;
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true });
    this.#socket = socket;
    this.#received = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => {
      if (this.#socket === socket) this.#socket = undefined;
      this.#fail(new Error('the server closed the connection'));
    });
    return socket;
  }

  #receive(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const { expectsBody, resolve } = this.#exchange ?? {};
    const answer = parseAnswer(this.#received, expectsBody ?? true);
    if (answer === undefined) return;
    this.#received = Buffer.alloc(0);
    this.#exchange = undefined;
    if (/^connection: close/im.test(answer.head)) this.close();
    resolve?.(answer);
  }

  #fail(error: Error): void {
    this.#exchange?.reject(error);
    this.#exchange = undefined;
  }
}

export type RequestHeaders = Readonly<Record<string, string>>;

/** A request as it goes over the wire, its body included. */
export function writeRequest(
  method: string,
  path: string,
  headers: RequestHeaders,
  body?: Uint8Array,
): Buffer {
  const lines = Object.entries({
    host: '127.0.0.1',
    ...headers,
    ...(body !== undefined && { 'content-length': String(body.byteLength) }),
  }).map(([name, value]) => `${name}: ${value}`);
  const head = Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  return body === undefined ? head : Buffer.concat([head, body]);
}

export function headerOf(head: string, name: string): string | undefined {
  return new RegExp(`^${name}: *(.*?)\r?$`, 'im').exec(head)?.[1];
}

export function parseHead(received: Buffer): { head: string; status: number } | undefined {
  const end = received.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = received.toString('latin1', 0, end + 2);
  return { head, status: Number(head.slice(9, 12)) };
}

function parseAnswer(received: Buffer, expectsBody: boolean): Answer | undefined {
  const start = parseHead(received);
  if (start === undefined) return undefined;
  const { head, status } = start;
  const rest = received.subarray(head.length + 2);
  if (!expectsBody || status === 204 || status === 304) return { head, status, body: rest };
  if (/^transfer-encoding: chunked/im.test(head)) {
    const body = decodeChunks(rest);
    return body && { head, status, body };
  }
  const length = Number(headerOf(head, 'content-length') ?? 0);
  return rest.length < length ? undefined : { head, status, body: rest };
}

function decodeChunks(encoded: Buffer): Buffer | undefined {
  const chunks: Buffer[] = [];
  for (let at = 0; ;) {
    const lineEnd = encoded.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(encoded.toString('latin1', at, lineEnd), 16);
    const end = lineEnd + 2 + size;
    if (encoded.length < end + 2) return undefined;
    if (size === 0) return Buffer.concat(chunks);
    chunks.push(encoded.subarray(lineEnd + 2, end));
    at = end + 2;
  }
}

function isHead(request: Uint8Array): boolean {
  return request[0] === 'H'.charCodeAt(0);
}
