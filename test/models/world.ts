/* What storage is to a model: rows and blobs with their ETags, and transactions on them. */

/** Opaque and never used twice, as storage's. */
export class Etag {
  toString(): string {
    return 'an ETag';
  }
}

/** An ETag out of an actor's memory, where it may be missing; then no row matches it. */
export function asEtag(value: Value): Etag | undefined {
  return value instanceof Etag ? value : undefined;
}

export type Value = string | number | boolean | Etag | undefined;

/** A row of a table, or a blob: what matters of either is that it is there, and its ETag. */
export interface Row {
  readonly etag: Etag;
  readonly properties: Readonly<Record<string, Value>>;
}

/** As the operations of shared/ports/table-store.ts. */
export type Operation =
  | { readonly kind: 'insert' | 'upsert'; readonly key: string; readonly properties: Properties }
  | {
      readonly kind: 'replace' | 'merge';
      readonly key: string;
      readonly etag: Condition;
      readonly properties: Properties;
    }
  | { readonly kind: 'delete'; readonly key: string; readonly etag: Condition };
export type Properties = Readonly<Record<string, Value>>;
type Condition = Etag | '*' | undefined;

export const insert = (key: string, properties: Properties = {}): Operation => ({
  kind: 'insert',
  key,
  properties,
});
export const upsert = (key: string, properties: Properties = {}): Operation => ({
  kind: 'upsert',
  key,
  properties,
});
export const replace = (key: string, etag: Condition, properties: Properties = {}): Operation => ({
  kind: 'replace',
  key,
  etag,
  properties,
});
export const merge = (key: string, etag: Condition, properties: Properties = {}): Operation => ({
  kind: 'merge',
  key,
  etag,
  properties,
});
/** Of a row whose ETag was read so: Insert where there was none, Replace under the ETag elsewhere. */
export const insertOrReplace = (
  key: string,
  read: Value,
  properties: Properties = {},
): Operation => {
  const etag = asEtag(read);
  return etag === undefined ? insert(key, properties) : replace(key, etag, properties);
};
export const remove = (key: string, etag: Condition): Operation => ({ kind: 'delete', key, etag });

/** All rows and blobs, by key. A new world shares the rows of the one it was made of. */
export class World {
  readonly rows: Map<string, Row>;
  /** Writes that a network might deliver once more; recorded while there are duplicates left. */
  sent: readonly (readonly Operation[])[];
  duplicatesLeft: number;

  constructor(
    rows: ReadonlyMap<string, Row>,
    duplicatesLeft: number,
    sent: readonly (readonly Operation[])[] = [],
  ) {
    this.rows = new Map(rows);
    this.duplicatesLeft = duplicatesLeft;
    this.sent = sent;
  }

  has(key: string): boolean {
    return this.rows.has(key);
  }

  /** Undefined when the row is not there, as all below. */
  etag(key: string): Etag | undefined {
    return this.rows.get(key)?.etag;
  }

  property(key: string, name: string): Value {
    return this.rows.get(key)?.properties[name];
  }

  anyUnder(prefix: string): boolean {
    for (const key of this.rows.keys()) if (key.startsWith(prefix)) return true;
    return false;
  }

  /** Does all operations or none; says which. */
  commit(...operations: readonly Operation[]): boolean {
    if (this.duplicatesLeft > 0) this.sent = [...this.sent, operations];
    return this.deliver(operations);
  }

  deliver(operations: readonly Operation[]): boolean {
    if (!operations.every((operation) => this.#holds(operation))) return false;
    for (const operation of operations) this.#do(operation);
    return true;
  }

  /** Delete of a blob: one that is gone already is as good. */
  erase(key: string): void {
    this.rows.delete(key);
  }

  #holds(operation: Operation): boolean {
    const row = this.rows.get(operation.key);
    switch (operation.kind) {
      case 'insert':
        return row === undefined;
      case 'upsert':
        return true;
      case 'replace':
      case 'merge':
      case 'delete':
        return row !== undefined && (operation.etag === '*' || operation.etag === row.etag);
    }
  }

  #do(operation: Operation): void {
    if (operation.kind === 'delete') return void this.rows.delete(operation.key);
    const kept = operation.kind === 'merge' ? this.rows.get(operation.key)?.properties : {};
    const properties = { ...kept, ...operation.properties };
    this.rows.set(operation.key, { etag: new Etag(), properties });
  }
}
