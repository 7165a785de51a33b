import { isObject } from '../domain/json.ts';
import type { Row, RowProperties, RowValue } from '../ports/table-store.ts';

/** The property that carries the nonce of the commit that wrote the row last (rule R4). */
const nonceProperty = 'w';
const reserved = new Set(['PartitionKey', 'RowKey', 'Timestamp', nonceProperty]);

/**
 * An entity as the table service takes it in JSON, with the type annotations that keep integers,
 * bytes and dates what they are (Azure documentation, "Payload format for Table service
 * operations"). Only ASCII, the rest escaped, so that a batch body has as many bytes as characters.
 */
export function encodeEntity(
  partitionKey: string,
  rowKey: string,
  properties: RowProperties,
  nonce: string,
): string {
  const entity: Record<string, string | boolean> = { PartitionKey: partitionKey, RowKey: rowKey };
  for (const [name, value] of Object.entries(properties)) {
    if (reserved.has(name)) throw new TypeError(`${name} is not a property a row may have`);
    const { json, type } = encodeValue(value);
    entity[name] = json;
    if (type !== undefined) entity[`${name}@odata.type`] = type;
  }
  entity[nonceProperty] = nonce;
  return JSON.stringify(entity).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function encodeValue(value: RowValue): { json: string | boolean; type?: string } {
  if (typeof value === 'string' || typeof value === 'boolean') return { json: value };
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is not a safe integer`);
    return { json: String(value), type: 'Edm.Int64' };
  }
  if (value instanceof Date) return { json: value.toISOString(), type: 'Edm.DateTime' };
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return { json: bytes.toString('base64'), type: 'Edm.Binary' };
}

export interface StoredRow {
  readonly row: Row;
  readonly nonce: string | undefined;
}

/**
 * The reverse, from an answer with `odata=minimalmetadata`. `storageNowMs` is the `Date` of that
 * answer. Throws when the entity is not one, which only a wrong `$select` can bring about.
 */
export function decodeEntity(entity: unknown, storageNowMs: number): StoredRow {
  if (!isObject(entity))
    throw new TypeError('the table service sent something else than an entity');
  const { RowKey: rowKey, Timestamp: timestamp, [nonceProperty]: nonce } = entity;
  if (typeof rowKey !== 'string' || typeof timestamp !== 'string') {
    throw new TypeError('the table service sent an entity without RowKey or Timestamp');
  }
  const properties: Record<string, RowValue> = {};
  for (const [name, json] of Object.entries(entity)) {
    if (reserved.has(name) || name.includes('odata.') || json === null) continue;
    properties[name] = decodeValue(name, json, entity[`${name}@odata.type`]);
  }
  const etag = entity['odata.etag'];
  return {
    row: {
      rowKey,
      etag: typeof etag === 'string' ? etag : etagOf(timestamp),
      // `Date` has whole seconds, `Timestamp` fractions: a fresh row would come out younger than 0.
      ageMs: Math.max(0, storageNowMs - Date.parse(timestamp)),
      properties,
    },
    nonce: typeof nonce === 'string' ? nonce : undefined,
  };
}

function decodeValue(name: string, json: unknown, type: unknown): RowValue {
  if (typeof json === 'string') {
    switch (type) {
      case 'Edm.Int64':
        return Number(json);
      case 'Edm.DateTime':
        return new Date(json);
      case 'Edm.Binary': {
        const bytes = Buffer.from(json, 'base64');
        return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      }
      default:
        return json;
    }
  }
  if (typeof json === 'number' || typeof json === 'boolean') return json;
  throw new TypeError(`property ${name} has a type that rows do not have`);
}

/** The table service makes a row's ETag of its Timestamp; used where it leaves `odata.etag` out. */
function etagOf(timestamp: string): string {
  return `W/"datetime'${encodeURIComponent(timestamp)}'"`;
}
