import { type Digest, parseDigest } from '../../domain/digest.ts';
import type { Row } from '../../ports/table-store.ts';

/** A row that this registry can't have written: a bug, or somebody else's hand in the table. */
export class CorruptRow extends Error {
  override readonly name = 'CorruptRow';
}

/** Reads a property as the text it must be. Throws {@link CorruptRow}. */
export function text(row: Row, property: string): string {
  const value = row.properties[property];
  if (typeof value !== 'string') throw new CorruptRow(`${row.rowKey} has no text ${property}`);
  return value;
}

/** Reads a property as the number it must be. Throws {@link CorruptRow}. */
export function number(row: Row, property: string): number {
  const value = row.properties[property];
  if (typeof value !== 'number') throw new CorruptRow(`${row.rowKey} has no number ${property}`);
  return value;
}

/** Reads a property as the time it must be. Throws {@link CorruptRow}. */
export function time(row: Row, property: string): Date {
  const value = row.properties[property];
  if (!(value instanceof Date)) throw new CorruptRow(`${row.rowKey} has no time ${property}`);
  return value;
}

/** Reads a property as text, undefined when the row has none. */
export function optionalText(row: Row, property: string): string | undefined {
  const value = row.properties[property];
  return typeof value === 'string' ? value : undefined;
}

/** Reads a digest that was parsed before it was written. Throws {@link CorruptRow}. */
export function digest(row: Row, property: string): Digest {
  const value = parseDigest(text(row, property));
  if (value === undefined) throw new CorruptRow(`${row.rowKey} has no digest ${property}`);
  return value;
}
