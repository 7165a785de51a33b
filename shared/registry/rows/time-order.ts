import { RegistryError } from '../../errors.ts';

export const orders = ['none', 'timedesc', 'timeasc'] as const;
/** By name (`none`), or by the time of the last change. */
export type Order = (typeof orders)[number];

/** What is listed, with what it is put in order by. */
export interface Ordered {
  /** The tag or the digest. */
  readonly key: string;
  readonly lastUpdateTime: Date;
}

export interface PageOf<T> {
  readonly items: readonly T[];
  /** The `last` of the next page; undefined on the last. */
  readonly next: string | undefined;
}

/**
 * One page in the order of time, of equal times in the order of keys. `last` is what the page
 * before gave as its `next`, which holds although its tag was deleted or changed meanwhile; or a
 * tag or digest that is there. Throws UNSUPPORTED 400 for any other.
 */
export function pageInTime<T extends Ordered>(
  items: readonly T[],
  page: { readonly order: 'timedesc' | 'timeasc'; readonly last: string; readonly limit: number },
): PageOf<T> {
  const direction = page.order === 'timedesc' ? -1 : 1;
  const compare = (a: Ordered, b: Ordered) =>
    direction * (a.lastUpdateTime.getTime() - b.lastUpdateTime.getTime()) ||
    (a.key < b.key ? -1 : Number(a.key > b.key));
  const last = page.last === '' ? undefined : placeOf(page.last, items);
  const after = items.filter((item) => last === undefined || compare(item, last) > 0);
  const found = after.toSorted(compare).slice(0, page.limit);
  const end = found.at(-1);
  const more = after.length > found.length && end !== undefined;
  return { items: found, next: more ? cursorAt(end) : undefined };
}

/** The `last` of the page after this item. Neither tags nor digests have a `~`. */
export function cursorAt({ key, lastUpdateTime }: Ordered): string {
  return `${lastUpdateTime.getTime()}~${key}`;
}

/** Undefined for what {@link cursorAt} did not make. */
export function parseCursor(last: string): Ordered | undefined {
  const [, milliseconds, key] = /^(\d{1,13})~([\w.:-]+)$/.exec(last) ?? [];
  if (milliseconds === undefined || key === undefined) return undefined;
  return { key, lastUpdateTime: new Date(Number(milliseconds)) };
}

function placeOf(last: string, items: readonly Ordered[]): Ordered {
  const place = parseCursor(last) ?? items.find((item) => item.key === last);
  if (place !== undefined) return place;
  throw noSuchLast(last);
}

/** The refusal of a `last` that is nothing that is there or was given. */
export function noSuchLast(last: string): RegistryError {
  return new RegistryError('UNSUPPORTED', {
    status: 400,
    message: 'there is no such last to go on after',
    detail: { last },
  });
}

/** The refusal to sort more than the registry holds in memory at a time. */
export function tooManyToSort(what: 'tags' | 'manifests', max: number): RegistryError {
  return new RegistryError('UNSUPPORTED', {
    status: 400,
    message: `the repository has more than ${max} ${what}: too many to list by time, use orderby=none`,
    detail: { max },
  });
}
