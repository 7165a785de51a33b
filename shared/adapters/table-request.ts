import type { Operation, PartitionRange, RowRange } from '../ports/table-store.ts';
import { encodeEntity } from './table-entity.ts';

/** One request to the table service; `path` is relative to the account's endpoint and encoded. */
export interface TableRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Continuation {
  readonly partitionKey: string;
  readonly rowKey: string | undefined;
}

/** The service's own maximum of rows in an answer. */
export const maxRowsPerPage = 1000;

// The least metadata that still names the types of integers, bytes and dates.
const reading = {
  Accept: 'application/json;odata=minimalmetadata',
  DataServiceVersion: '3.0',
};
const answering = { Accept: 'application/json;odata=nometadata', DataServiceVersion: '3.0' };
const writing = {
  ...answering,
  'Content-Type': 'application/json',
  Prefer: 'return-no-content',
};

export function readRow(table: string, partitionKey: string, rowKey: string): TableRequest {
  return { method: 'GET', path: entityPath(table, partitionKey, rowKey), headers: reading };
}

/** `limit` is the most rows still wanted; `after` the continuation of the page before. */
export function readRange(
  table: string,
  partitionKey: string,
  range: RowRange,
  limit: number,
  after: Continuation | undefined,
): TableRequest {
  const filter =
    `PartitionKey eq ${literal(partitionKey)} and RowKey ge ${literal(range.from)}` +
    ` and RowKey lt ${literal(range.before)}`;
  return query(table, filter, limit, after, range.select);
}

/** As {@link readRange}, of a range of partitions. */
export function readPartitions(
  table: string,
  range: PartitionRange,
  limit: number,
  after: Continuation | undefined,
): TableRequest {
  const filter = `PartitionKey gt ${literal(range.after)} and PartitionKey le ${literal(range.upTo)}`;
  return query(table, filter, limit, after, undefined);
}

function query(
  table: string,
  filter: string,
  limit: number,
  after: Continuation | undefined,
  select: readonly string[] | undefined,
): TableRequest {
  const parameters: [string, string][] = [
    ['$filter', filter],
    ['$top', String(Math.min(limit, maxRowsPerPage))],
  ];
  if (select !== undefined) {
    parameters.push(['$select', ['RowKey', 'Timestamp', ...select].join(',')]);
  }
  if (after !== undefined) {
    parameters.push(['NextPartitionKey', after.partitionKey]);
    if (after.rowKey !== undefined) parameters.push(['NextRowKey', after.rowKey]);
  }
  const search = parameters
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join('&');
  return { method: 'GET', path: `${table}()?${search}`, headers: reading };
}

/**
 * One operation as the service's own: an upsert is Insert Or Replace, a `PUT` without If-Match,
 * and Insert Or Merge a `PATCH` without it;
 * replace, merge and delete carry the row's ETag (Azure documentation, "Operations on entities").
 */
export function writeRow(
  table: string,
  partitionKey: string,
  operation: Operation,
  nonce: string,
): TableRequest {
  const path = entityPath(table, partitionKey, operation.rowKey);
  if (operation.kind === 'delete') {
    return {
      method: 'DELETE',
      path,
      headers: { ...answering, 'If-Match': operation.etag },
    };
  }
  const body = encodeEntity(partitionKey, operation.rowKey, operation.properties, nonce);
  switch (operation.kind) {
    case 'insert':
      return { method: 'POST', path: table, headers: writing, body };
    case 'upsert':
      return { method: 'PUT', path, headers: writing, body };
    case 'merge-or-insert':
      return { method: 'PATCH', path, headers: writing, body };
    case 'replace':
      return { method: 'PUT', path, headers: { ...writing, 'If-Match': operation.etag }, body };
    case 'merge':
      return { method: 'PATCH', path, headers: { ...writing, 'If-Match': operation.etag }, body };
  }
}

export function createTable(table: string): TableRequest {
  return {
    method: 'POST',
    path: 'Tables',
    headers: writing,
    body: JSON.stringify({ TableName: table }),
  };
}

function entityPath(table: string, partitionKey: string, rowKey: string): string {
  const [partition, row] = [literal(partitionKey), literal(rowKey)].map(encodeURIComponent);
  return `${table}(PartitionKey=${partition},RowKey=${row})`;
}

/** A string in OData's syntax. */
function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
