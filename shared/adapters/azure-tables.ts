import { randomBytes } from 'node:crypto';
import { isObject } from '../domain/json.ts';
import {
  StorageUnavailable,
  tableNames,
  type CommitOutcome,
  type Operation,
  type ScannedRow,
  type TableName,
  type ScannableTableStore,
} from '../ports/table-store.ts';
import { retrying, storageRetryLimits, Undecided, isUndecidedStatus } from './retry.ts';
import { parseBatchAnswer, parseTableError, writeBatch, type TableError } from './table-batch.ts';
import { decodeEntity, type StoredRow } from './table-entity.ts';
import {
  createTable,
  readPartitions,
  readRange,
  readRow,
  writeRow,
  type Continuation,
  type TableRequest,
} from './table-request.ts';
import type { TableAnswer, TableService } from './table-service.ts';

/** Table Storage, or Azurite. Creates a table when it turns out to be missing. */
export function azureTableStore(
  service: TableService,
  limits = storageRetryLimits,
): ScannableTableStore {
  /** Sends; when the table is missing, creates it and sends again. */
  async function send(table: TableName, request: TableRequest, timeoutMs: number) {
    const answer = await service.send(request, timeoutMs);
    if (!isTableMissing(answer)) return answer;
    await ensureTable(service, table, timeoutMs);
    const again = await service.send(request, timeoutMs);
    if (isTableMissing(again)) throw new Undecided(`table ${table} is not there yet`);
    return again;
  }

  async function read(
    table: TableName,
    partitionKey: string,
    rowKey: string,
    timeoutMs: number,
  ): Promise<StoredRow | undefined> {
    const answer = await send(table, readRow(table, partitionKey, rowKey), timeoutMs);
    if (answer.status === 200) return decodeEntity(JSON.parse(answer.body), storageNowMs(answer));
    const error = parseTableError(answer.body);
    if (error.code === 'ResourceNotFound') return undefined;
    throw refusal(answer.status, error);
  }

  /**
   * What became of an earlier, undecided try of this commit, seen in the rows it would have left.
   * Its nonce in any of them proves that all of it was done, and undefined means that none shows
   * it. A commit of deletes alone leaves no nonce; it counts as done when none of its rows exists
   * any more, since that is all it was to bring about.
   */
  async function ownOutcome(
    table: TableName,
    partitionKey: string,
    operations: readonly Operation[],
    nonce: string,
    timeoutMs: number,
  ): Promise<CommitOutcome | undefined> {
    const rows = await Promise.all(
      operations.map(({ rowKey }) => read(table, partitionKey, rowKey, timeoutMs)),
    );
    const done = operations.every(({ kind }) => kind === 'delete')
      ? rows.every((stored) => stored === undefined)
      : rows.some((stored) => stored?.nonce === nonce);
    if (!done) return undefined;
    return {
      ok: true,
      etags: operations.map(({ kind }, index) => {
        if (kind === 'delete') return '';
        const stored = rows[index];
        return stored?.nonce === nonce ? stored.row.etag : overwrittenEtag;
      }),
    };
  }

  async function readList(table: TableName, request: TableRequest): Promise<Page> {
    const answer = await retrying(limits, ({ timeoutMs }) => send(table, request, timeoutMs));
    return { rows: decodePage(answer), next: continuationOf(answer) };
  }

  return {
    get: (table, partitionKey, rowKey) =>
      retrying(
        limits,
        async ({ timeoutMs }) => (await read(table, partitionKey, rowKey, timeoutMs))?.row,
      ),

    async list(table, partitionKey, range) {
      const pages = allPages(range.limit, (limit, after) =>
        readList(table, readRange(table, partitionKey, range, limit, after)),
      );
      return (await pages).map(({ rowKey, etag, ageMs, properties }) => ({
        rowKey,
        etag,
        ageMs,
        properties,
      }));
    },

    scan: (table, range) =>
      allPages(range.limit, (limit, after) =>
        readList(table, readPartitions(table, range, limit, after)),
      ),

    async commit(table, partitionKey, operations) {
      const nonce = randomBytes(8).toString('hex');
      const request = commitRequest(service.endpoint, table, partitionKey, operations, nonce);
      return retrying(limits, async ({ repeated, timeoutMs }) => {
        const answer = await send(table, request, timeoutMs);
        const outcome = outcomeOf(answer, operations.length);
        if (outcome.ok || !repeated) return outcome;
        const own = await ownOutcome(table, partitionKey, operations, nonce, timeoutMs);
        return own ?? outcome;
      });
    },
  };
}

/** Creates the tables that are missing. Needed once in an account's life. */
export async function ensureTables(
  service: TableService,
  limits = storageRetryLimits,
): Promise<void> {
  await Promise.all(
    tableNames.map((table) =>
      retrying(limits, ({ timeoutMs }) => ensureTable(service, table, timeoutMs)),
    ),
  );
}

async function ensureTable(
  service: TableService,
  table: TableName,
  timeoutMs: number,
): Promise<void> {
  const answer = await service.send(createTable(table), timeoutMs);
  if (answer.status < 300) return;
  const error = parseTableError(answer.body);
  if (error.code === 'TableAlreadyExists') return;
  if (error.code === 'TableBeingDeleted') {
    throw new Undecided(`table ${table} is being deleted`, { cause: error });
  }
  throw refusal(answer.status, error);
}

function commitRequest(
  endpoint: string,
  table: TableName,
  partitionKey: string,
  operations: readonly Operation[],
  nonce: string,
): TableRequest {
  if (operations.length > 100) throw new RangeError('a transaction has at most 100 operations');
  const requests = operations.map((operation) => writeRow(table, partitionKey, operation, nonce));
  const [first, second] = requests;
  if (first === undefined) throw new RangeError('a transaction has at least one operation');
  return second === undefined ? first : writeBatch(endpoint, requests, nonce);
}

function outcomeOf(answer: TableAnswer, operationCount: number): CommitOutcome {
  if (operationCount === 1) {
    return answer.status < 300
      ? { ok: true, etags: [answer.header('etag') ?? ''] }
      : conflict(answer.status, parseTableError(answer.body));
  }
  if (answer.status !== 202) throw refusal(answer.status, parseTableError(answer.body));
  const parts = parseBatchAnswer(answer.body);
  const failed = parts.find(({ status }) => status >= 300);
  if (failed !== undefined) return conflict(failed.status, parseTableError(failed.body));
  if (parts.length !== operationCount) {
    throw new Undecided(`Table Storage answered ${parts.length} of ${operationCount} operations`, {
      cause: answer.body,
    });
  }
  return { ok: true, etags: parts.map(({ etag }) => etag ?? '') };
}

function conflict(status: number, error: TableError): CommitOutcome {
  if (isUndecidedStatus(status)) {
    throw new Undecided(`Table Storage answered ${status} within a transaction`, { cause: error });
  }
  const reason = conflictReasons.get(error.code);
  if (reason === undefined) throw refusal(status, error);
  return { ok: false, index: error.index ?? 0, reason };
}

const conflictReasons: ReadonlyMap<string, 'exists' | 'missing' | 'changed'> = new Map([
  ['EntityAlreadyExists', 'exists'],
  ['ResourceNotFound', 'missing'],
  ['UpdateConditionNotSatisfied', 'changed'],
]);

/** No row ever has it: what is given for a row that somebody else has written since. */
const overwrittenEtag = `W/"datetime'1601-01-01T00%3A00%3A00Z'"`;

interface Page {
  readonly rows: readonly ScannedRow[];
  readonly next: Continuation | undefined;
}

/** Follows continuation tokens, over empty pages too, until the range or the limit is exhausted. */
async function allPages(
  limit: number | undefined,
  read: (limit: number, after: Continuation | undefined) => Promise<Page>,
): Promise<ScannedRow[]> {
  const rows: ScannedRow[] = [];
  let wanted = limit ?? Infinity;
  let after: Continuation | undefined;
  while (wanted > 0) {
    const page = await read(wanted, after);
    rows.push(...page.rows);
    wanted -= page.rows.length;
    after = page.next;
    if (after === undefined) break;
  }
  return rows;
}

function decodePage(answer: TableAnswer): ScannedRow[] {
  if (answer.status !== 200) throw refusal(answer.status, parseTableError(answer.body));
  const page: unknown = JSON.parse(answer.body);
  const entities = isObject(page) ? page['value'] : undefined;
  if (!Array.isArray(entities)) throw new TypeError('the table service sent no list of entities');
  const now = storageNowMs(answer);
  return entities.map((entity: unknown) => {
    const partitionKey = isObject(entity) ? entity['PartitionKey'] : undefined;
    const { row } = decodeEntity(entity, now);
    return { ...row, partitionKey: typeof partitionKey === 'string' ? partitionKey : '' };
  });
}

function continuationOf(answer: TableAnswer): Continuation | undefined {
  const partitionKey = answer.header('x-ms-continuation-nextpartitionkey');
  if (partitionKey === undefined) return undefined;
  return { partitionKey, rowKey: answer.header('x-ms-continuation-nextrowkey') };
}

function storageNowMs(answer: TableAnswer): number {
  const now = Date.parse(answer.header('date') ?? '');
  if (Number.isNaN(now)) throw new TypeError('the table service sent no Date');
  return now;
}

function isTableMissing(answer: TableAnswer): boolean {
  return (
    (answer.status === 404 || answer.status === 202) && answer.body.includes('"TableNotFound"')
  );
}

/** An answer that no caller can act on. Storage that denies access may grant it a minute later. */
function refusal(status: number, error: TableError): Error {
  const message = `Table Storage refused: ${status} ${error.code} ${error.message}`;
  return status === 401 || status === 403
    ? new StorageUnavailable(message, {
        cause: error,
        retryAfterSeconds: 10,
        denied: error.code || String(status),
      })
    : new Error(message, { cause: error });
}
