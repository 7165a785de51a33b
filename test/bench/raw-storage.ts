import { createHash, createHmac } from 'node:crypto';
import http from 'node:http';
import type { TestAzurite } from '../harness/azurite.ts';

/**
 * The least a client of Azurite can do: node:http, kept connections, the account key. What the
 * adapters are measured against.
 */
export interface RawStorage {
  request(options: RawRequest): Promise<Buffer>;
  stop(): void;
}

export interface RawRequest {
  readonly service: 'blob' | 'table';
  readonly method: string;
  /** Encoded, behind the account, with the query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  readonly contentMd5?: boolean;
}

export function rawStorage(azurite: TestAzurite): RawStorage {
  const { accountName } = azurite;
  const key = Buffer.from(azurite.accountKey, 'base64');
  const agent = new http.Agent({ keepAlive: true });
  const ports = { blob: new URL(azurite.blobUrl).port, table: new URL(azurite.tableUrl).port };

  function authorization({ service, method, path }: RawRequest, headers: Record<string, string>) {
    const [pathname = '', search] = path.split('?');
    const resource = `/${accountName}/${accountName}/${pathname}`;
    const sign = (lines: readonly string[]) =>
      createHmac('sha256', key).update(lines.join('\n')).digest('base64');
    if (service === 'table') {
      const signature = sign([headers['x-ms-date'] ?? '', resource]);
      return `SharedKeyLite ${accountName}:${signature}`;
    }
    const value = (name: string) => headers[name] ?? '';
    const length = value('content-length') === '0' ? '' : value('content-length');
    const storageHeaders = Object.keys(headers).filter((name) => name.startsWith('x-ms-'));
    const signature = sign([
      method,
      `\n\n${length}\n${value('content-md5')}\n${value('content-type')}\n`,
      `\n\n${value('if-none-match')}\n\n`,
      ...storageHeaders.toSorted().map((name) => `${name}:${value(name)}`),
      resource,
      ...[...new URLSearchParams(search)].map((pair) => pair.join(':')).toSorted(),
    ]);
    return `SharedKey ${accountName}:${signature}`;
  }

  function request(options: RawRequest): Promise<Buffer> {
    const { service, method, path, body, contentMd5 = false } = options;
    const headers: Record<string, string> = {
      'x-ms-date': new Date().toUTCString(),
      'x-ms-version': service === 'table' ? '2019-02-02' : '2025-05-05',
      'content-length': String(body?.length ?? 0),
      ...options.headers,
    };
    if (contentMd5) {
      headers['content-md5'] = createHash('md5')
        .update(body ?? '')
        .digest('base64');
    }
    headers['authorization'] = authorization(options, headers);
    return new Promise((resolve, reject) => {
      const sent = http.request(
        {
          agent,
          host: '127.0.0.1',
          port: ports[service],
          method,
          path: `/${accountName}/${path}`,
          headers,
        },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.once('error', reject);
          answer.once('end', () => {
            const text = Buffer.concat(chunks);
            if ((answer.statusCode ?? 500) < 300) resolve(text);
            else reject(new Error(`${method} ${path}: ${answer.statusCode} ${text.toString()}`));
          });
        },
      );
      sent.once('error', reject);
      sent.end(body);
    });
  }

  return { request, stop: () => agent.destroy() };
}
