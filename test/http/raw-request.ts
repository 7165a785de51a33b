import net from 'node:net';

/** A request exactly as it goes over the wire. */
export interface RawRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array | undefined;
  readonly chunked?: boolean;
}

export interface RawAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/**
 * Sends a request on a connection of its own and reads until the server closes it. Rejects after
 * `timeoutMs`.
 */
export async function sendRaw(
  url: string,
  request: RawRequest,
  timeoutMs = 10_000,
): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  const socket = net.connect(Number(port), hostname);
  const received: Buffer[] = [];
  const text = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no answer within ${timeoutMs} ms to ${describe(request)}`));
    }, timeoutMs);
    const finish = () => {
      clearTimeout(timer);
      resolve(Buffer.concat(received).toString('latin1'));
    };
    socket.on('data', (bytes: Buffer) => received.push(bytes));
    // A server that refuses a request it has not read to its end resets the connection after its
    // answer.
    socket.once('error', finish).once('close', finish);
    socket.write(Buffer.concat(wireFormat(request)));
  });
  return parseAnswer(text, request);
}

export function describe({ method, target, headers, body }: RawRequest): string {
  const start = Buffer.from(body ?? '')
    .subarray(0, 200)
    .toString('latin1');
  return JSON.stringify({ method, target, headers, body: start });
}

function wireFormat({ method, target, headers, body, chunked }: RawRequest): Buffer[] {
  const framing =
    body === undefined
      ? []
      : chunked
        ? ['Transfer-Encoding: chunked']
        : [`Content-Length: ${body.byteLength}`];
  const lines = [
    `${method} ${target} HTTP/1.1`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...framing,
    'Connection: close',
  ];
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  if (body === undefined) return [head];
  if (!chunked) return [head, Buffer.from(body)];
  const chunk =
    body.byteLength === 0
      ? []
      : [
          Buffer.from(`${body.byteLength.toString(16)}\r\n`),
          Buffer.from(body),
          Buffer.from('\r\n'),
        ];
  return [head, ...chunk, Buffer.from('0\r\n\r\n')];
}

function parseAnswer(text: string, request: RawRequest): RawAnswer {
  const end = text.indexOf('\r\n\r\n');
  const [statusLine = '', ...lines] = text.slice(0, Math.max(end, 0)).split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1]);
  if (Number.isNaN(status)) throw new Error(`no HTTP answer to ${describe(request)}: ${text}`);
  const headers = new Map(
    lines.map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const body = text.slice(end + 4);
  const isChunked = headers.get('transfer-encoding') === 'chunked';
  return { status, headers, body: isChunked ? dechunk(body) : body };
}

function dechunk(text: string): string {
  const size = /^([0-9a-f]+)\r\n/i.exec(text);
  if (size === null) return '';
  const start = size[0].length;
  const length = Number.parseInt(size[1] ?? '0', 16);
  return length === 0
    ? ''
    : text.slice(start, start + length) + dechunk(text.slice(start + length + 2));
}
