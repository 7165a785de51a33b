import type { Digest } from '../../domain/digest.ts';
import type { Tag } from '../../domain/reference.ts';
import { RegistryError } from '../../errors.ts';
import type { Operation, RowProperties } from '../../ports/table-store.ts';
import { attributesOf, disallowed, isKept, manifestUnreadable } from '../rows/attributes.ts';
import { inSeconds, type Registry } from '../registry.ts';
import { manifestWithheld } from '../rows/quarantine.ts';
import { tagKey, tagOfKey, workKey } from '../rows/row-keys.ts';
import type { TagRow } from '../rows/row-types.ts';
import { immutable, isFlagged, type IsHeld, tagImmutable } from './immutability.ts';
import { dropOrder, orderedAt, orderTime, reorder } from './tag-order.ts';

/** What the client demands of a tag before it is written (RFC 9110, 13.1.1 and 13.1.2). */
export type TagCondition =
  | { readonly kind: 'none' }
  /**
   * `If-Match`: the tag points to one of these digests; to anything, when the list is empty (`*`).
   */
  | { readonly kind: 'match'; readonly digests: readonly Digest[] }
  /** `If-None-Match: *`: the tag does not exist. */
  | { readonly kind: 'absent' };

/** What a tag shall point to. */
export interface TagTarget {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly sizeBytes: number;
  /** Whether it is locked against reading, as its row says, which the transaction asserts. */
  readonly unreadable: boolean;
  /** Whether it is in quarantine, by the same row. */
  readonly withheld: boolean;
}

/** Throws 412 when the tag is not as the client demands. */
export function checkCondition(
  condition: TagCondition,
  tag: Tag,
  current: TagRow | undefined,
): void {
  const holds =
    condition.kind === 'none' ||
    (condition.kind === 'absent' && current === undefined) ||
    (condition.kind === 'match' &&
      current !== undefined &&
      (condition.digests.length === 0 || condition.digests.includes(current.digest)));
  if (holds) return;
  throw new RegistryError('DENIED', {
    status: 412,
    message:
      condition.kind === 'absent'
        ? 'the tag exists already'
        : 'the tag is not what If-Match expects',
    detail: { tag, digest: current?.digest ?? null },
  });
}

/**
 * The operations that point a tag somewhere, at most seven, conditional on the tag being what was
 * read. They belong in one transaction with one that asserts the target's manifest is live. What
 * the row holds beside, such as locks, stays. Throws the refusal of a tag locked against writing,
 * unless it points there already: then there is nothing to do; and that of one that is held.
 */
export function pointTag(
  registry: Registry,
  tag: Tag,
  current: TagRow | undefined,
  target: TagTarget,
  isHeld: IsHeld,
): Operation[] {
  const attributes = attributesOf(current?.properties ?? {});
  if (!attributes.writeEnabled) {
    if (current?.digest === target.digest) return [];
    throw disallowed('writeEnabled', { tag });
  }
  const moves = current !== undefined && current.digest !== target.digest;
  if (moves && isHeld(tag)) throw tagImmutable({ tag, digest: current.digest });
  const now = registry.clock.now();
  const { [immutable]: _, ...kept } = current?.properties ?? {};
  const properties = {
    created: now,
    ...kept,
    digest: target.digest,
    mediaType: target.mediaType,
    size: target.sizeBytes,
    updated: now,
    [manifestUnreadable]: target.unreadable,
    [manifestWithheld]: target.withheld,
    [orderedAt]: now,
    ...(isHeld(tag) && { [immutable]: true }),
  };
  const rowKey = tagKey(tag);
  return [
    current === undefined
      ? { kind: 'insert', rowKey, properties }
      : { kind: 'replace', rowKey, etag: current.etag, properties },
    {
      kind: 'upsert',
      rowKey: tagOfKey(target.digest, tag),
      properties: reverseProperties(properties),
    },
    ...(moves
      ? [{ kind: 'delete', rowKey: tagOfKey(current.digest, tag), etag: '*' } as const]
      : []),
    ...reorder(tag, current?.properties, properties),
  ];
}

/**
 * What the reverse row of a tag says, by the properties of its row: all that a deletion of its
 * manifest must know of it.
 */
export function reverseProperties(properties: RowProperties): RowProperties {
  const time = orderTime(properties);
  return {
    ...(isKept(attributesOf(properties)) && { locked: true }),
    ...(isFlagged(properties) && { [immutable]: true }),
    ...(time !== undefined && { [orderedAt]: time }),
  };
}

/**
 * The operations that delete a tag, at most four: its row under `etag`, its reverse row under
 * `reverseEtag`, and those that put it in the order of time, which are found by `properties`, of
 * the one or the other.
 */
export function removeTag(
  tag: Tag,
  digest: Digest,
  row: {
    readonly etag: string;
    readonly reverseEtag: string;
    readonly properties: RowProperties;
  },
): Operation[] {
  return [
    { kind: 'delete', rowKey: tagKey(tag), etag: row.etag },
    { kind: 'delete', rowKey: tagOfKey(digest, tag), etag: row.reverseEtag },
    ...dropOrder(tag, orderTime(row.properties)),
  ];
}

/**
 * One work row for each manifest that tags are moved away from, however many: a row counts once in
 * a transaction.
 */
export function leftBehind(
  registry: Registry,
  current: readonly (TagRow | undefined)[],
  target: TagTarget,
): Operation[] {
  const digests = new Set(current.flatMap((tag) => (tag === undefined ? [] : [tag.digest])));
  digests.delete(target.digest);
  return [...digests].map((digest) => untaggedWork(registry, digest));
}

/** Asks the sweep to look whether a manifest that lost a tag has any left. */
export function untaggedWork(registry: Registry, digest: Digest): Operation {
  const due = inSeconds(registry, registry.seconds.unfinishedWork);
  return { kind: 'upsert', rowKey: workKey(due, 'm', digest), properties: {} };
}
