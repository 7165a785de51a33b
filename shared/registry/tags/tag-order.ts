import type { Tag } from '../../domain/reference.ts';
import type { Operation, RowProperties } from '../../ports/table-store.ts';
import { attributeNames } from '../rows/attributes.ts';
import { newestFirstKey, oldestFirstKey } from '../rows/row-keys.ts';

/**
 * The property of a tag's row, and of its reverse row, that says under which time its rows `o` and
 * `a` lie. Without it, it has none: it was written by a release that did not know them.
 */
export const orderedAt = 'orderedAt';

/** What the rows `o` and `a` repeat of the tag's, so that a list needs no other. */
export const orderedProperties = ['digest', 'created', 'updated', ...attributeNames] as const;

/** When the rows `o` and `a` of a tag say it was written; undefined when it has none. */
export function orderTime(properties: RowProperties): Date | undefined {
  const time = properties[orderedAt];
  return time instanceof Date ? time : undefined;
}

/**
 * Writes a tag's rows `o` and `a` in place of those it had, in the transaction that writes the tag:
 * four operations at most. `after` are the properties of its row.
 */
export function reorder(tag: Tag, before: RowProperties | undefined, after: RowProperties) {
  const [from, to] = [before && orderTime(before), orderTime(after)];
  const stays = from?.getTime() === to?.getTime();
  return [
    ...(stays ? [] : dropOrder(tag, from)),
    ...(to === undefined ? [] : order(tag, to, after)),
  ];
}

/** Takes a tag's rows `o` and `a` away: two operations, none when it has no such rows. */
export function dropOrder(tag: Tag, time: Date | undefined): Operation[] {
  return time === undefined
    ? []
    : keysOf(tag, time).map((rowKey) => ({ kind: 'delete', rowKey, etag: '*' }));
}

function order(tag: Tag, time: Date, properties: RowProperties): Operation[] {
  const repeated = Object.fromEntries(
    orderedProperties.flatMap((name) => {
      const value = properties[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
  return keysOf(tag, time).map((rowKey) => ({ kind: 'upsert', rowKey, properties: repeated }));
}

function keysOf(tag: Tag, time: Date): readonly string[] {
  return [newestFirstKey(time, tag), oldestFirstKey(time, tag)];
}
