import { isObject } from '../domain/json.ts';
import type { TableRequest } from './table-request.ts';

/**
 * An entity group transaction: a changeset of requests that the service does all or none (Azure
 * documentation, "Performing entity group transactions"). Written here because the transactions of
 * `@azure/data-tables` drop the ETag of a delete.
 */
export function writeBatch(
  endpoint: string,
  requests: readonly TableRequest[],
  boundary: string,
): TableRequest {
  const parts = requests.map((request) =>
    [
      `--changeset_${boundary}`,
      'Content-Type: application/http',
      'Content-Transfer-Encoding: binary',
      '',
      `${request.method} ${endpoint}/${request.path} HTTP/1.1`,
      ...Object.entries(request.headers).map(([name, value]) => `${name}: ${value}`),
      '',
      request.body ?? '',
    ].join('\r\n'),
  );
  return {
    method: 'POST',
    path: '$batch',
    headers: {
      Accept: 'application/json',
      DataServiceVersion: '3.0',
      'Content-Type': `multipart/mixed; boundary=batch_${boundary}`,
    },
    body: [
      `--batch_${boundary}`,
      `Content-Type: multipart/mixed; boundary=changeset_${boundary}`,
      '',
      ...parts,
      `--changeset_${boundary}--`,
      `--batch_${boundary}--`,
      '',
    ].join('\r\n'),
  };
}

export interface PartAnswer {
  readonly status: number;
  readonly etag: string | undefined;
  readonly body: string;
}

/**
 * The answers of a batch: one for each operation when it was done, a single one when it was not.
 */
export function parseBatchAnswer(body: string): PartAnswer[] {
  const parts = body.split(/^HTTP\/1\.1 /m).slice(1);
  return parts.map((part) => ({
    status: Number(part.slice(0, 3)),
    etag: /^etag:[ \t]*(.+?)\r?$/im.exec(part)?.[1],
    body: /^\{.*\}/m.exec(part)?.[0] ?? '',
  }));
}

export interface TableError {
  readonly code: string;
  readonly message: string;
  /** Which operation of a batch failed; the service puts it in front of the message. */
  readonly index: number | undefined;
}

export function parseTableError(body: string): TableError {
  const { code, message } = errorFields(body);
  const index = /^(\d{1,2}):/.exec(message)?.[1];
  return {
    code,
    message: message.split('\n')[0] ?? '',
    index: index === undefined ? undefined : Number(index),
  };
}

function errorFields(body: string): { code: string; message: string } {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return { code: /<Code>(.*?)<\/Code>/.exec(body)?.[1] ?? '', message: body.slice(0, 200) };
  }
  const error = isObject(json) ? json['odata.error'] : undefined;
  if (!isObject(error)) return { code: '', message: body.slice(0, 200) };
  const value = isObject(error['message']) ? error['message']['value'] : undefined;
  return { code: String(error['code']), message: typeof value === 'string' ? value : '' };
}
