import type { Digest } from '../../domain/digest.ts';
import type { Tag } from '../../domain/reference.ts';
import { RegistryError } from '../../errors.ts';
import type { Operation, RowProperties } from '../../ports/table-store.ts';
import {
  type Attributes,
  attributesOf,
  disallowed,
  isKept,
  manifestUnreadable,
} from '../rows/attributes.ts';
import { inSeconds, type Registry } from '../registry.ts';
import { tagKey, tagOfKey, workKey } from '../rows/row-keys.ts';
import type { TagRow } from '../rows/row-types.ts';

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
 * The operations that point a tag somewhere, at most three, each conditional on the tag being what
 * was read. They belong in one transaction with one that asserts the target's manifest is live.
 * What the row holds beside, such as locks, stays. Throws the refusal of a tag locked against
 * writing, unless it points there already: then there is nothing to do.
 */
export function pointTag(
  registry: Registry,
  tag: Tag,
  current: TagRow | undefined,
  target: TagTarget,
): Operation[] {
  const attributes = attributesOf(current?.properties ?? {});
  if (!attributes.writeEnabled) {
    if (current?.digest === target.digest) return [];
    throw disallowed('writeEnabled', { tag });
  }
  const now = registry.clock.now();
  const properties = {
    created: now,
    ...current?.properties,
    digest: target.digest,
    mediaType: target.mediaType,
    size: target.sizeBytes,
    updated: now,
    [manifestUnreadable]: target.unreadable,
  };
  const rowKey = tagKey(tag);
  if (current === undefined) {
    return [
      { kind: 'insert', rowKey, properties },
      { kind: 'upsert', rowKey: tagOfKey(target.digest, tag), properties: {} },
    ];
  }
  const replaced: Operation = { kind: 'replace', rowKey, etag: current.etag, properties };
  if (current.digest === target.digest) return [replaced];
  return [
    replaced,
    {
      kind: 'upsert',
      rowKey: tagOfKey(target.digest, tag),
      properties: tagOfProperties(attributes),
    },
    { kind: 'delete', rowKey: tagOfKey(current.digest, tag), etag: '*' },
  ];
}

/** What the reverse row of a tag says: whether the tag keeps its manifest from being deleted. */
export function tagOfProperties(attributes: Attributes): RowProperties {
  return isKept(attributes) ? { locked: true } : {};
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
