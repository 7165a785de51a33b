import type { IncomingMessage } from 'node:http';

export type StorageService = 'blob' | 'table';

/** What a request asks of storage, by the names of Azure's documentation, shortened. */
export type OperationKind =
  | 'get'
  | 'list'
  | 'insert'
  | 'upsert'
  | 'replace'
  | 'merge'
  | 'delete'
  | 'batch'
  | 'createTable'
  | 'putBlob'
  | 'putBlock'
  | 'putBlockList'
  | 'getBlob'
  | 'getBlobProperties'
  | 'setBlobMetadata'
  | 'deleteBlob'
  | 'createContainer'
  | 'getUserDelegationKey'
  | 'other';

/**
 * Says what a request to Azurite is. `body` is looked at in transactions only, to count their
 * operations.
 */
export function describeRequest(service: StorageService, request: IncomingMessage, body: Buffer) {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://azurite');
  const method = request.method ?? '';
  const path = decodeURIComponent(pathname).replace(/^\/[^/]+\/?/, '');
  const kind =
    service === 'table'
      ? tableOperation(method, path, request.headers['if-match'] !== undefined)
      : blobOperation(method, path, searchParams.get('comp'), searchParams.get('restype'));
  const operations =
    kind === 'batch' ? body.toString('latin1').split(/ HTTP\/1\.1\r?\n/).length - 1 : 1;
  return { service, kind, method, path, operations };
}

function tableOperation(method: string, path: string, conditional: boolean): OperationKind {
  if (path === '$batch') return 'batch';
  if (path === 'Tables') return method === 'POST' ? 'createTable' : 'other';
  switch (method) {
    case 'GET':
      return path.endsWith('()') ? 'list' : 'get';
    case 'POST':
      return 'insert';
    case 'PUT':
      return conditional ? 'replace' : 'upsert';
    case 'PATCH':
      return 'merge';
    case 'DELETE':
      return 'delete';
    default:
      return 'other';
  }
}

function blobOperation(
  method: string,
  path: string,
  comp: string | null,
  restype: string | null,
): OperationKind {
  if (comp === 'userdelegationkey') return 'getUserDelegationKey';
  if (restype === 'container') return method === 'PUT' ? 'createContainer' : 'other';
  if (!path.includes('/')) return 'other';
  switch (`${method} ${comp ?? ''}`) {
    case 'PUT ':
      return 'putBlob';
    case 'PUT block':
      return 'putBlock';
    case 'PUT blocklist':
      return 'putBlockList';
    case 'PUT metadata':
      return 'setBlobMetadata';
    case 'GET ':
      return 'getBlob';
    case 'HEAD ':
      return 'getBlobProperties';
    case 'DELETE ':
      return 'deleteBlob';
    default:
      return 'other';
  }
}
