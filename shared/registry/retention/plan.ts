import type { Digest } from '../../domain/digest.ts';
import type { Tag } from '../../domain/reference.ts';
import { matchesTagPattern, type TagPattern } from '../../domain/tag-pattern.ts';
import type { RetentionRule } from '../../policy/keeping-rules.ts';

/** A manifest as retention sees it. Times are in ms since 1970. */
export interface RetainedManifest {
  readonly digest: Digest;
  readonly etag: string;
  readonly state: 'pending' | 'live' | 'deleted' | 'purging';
  /** A lock keeps it. */
  readonly isKept: boolean;
  readonly subjects: readonly Digest[];
  /** The latest it can have lost its last tag; if it never had one, been pushed or named. */
  readonly untaggedSinceMs: number;
  /** The indexes that name it; known of those that have no tag. */
  readonly parents: readonly Digest[];
}

export interface RetainedTag {
  readonly tag: Tag;
  readonly digest: Digest;
  readonly etag: string;
  /** A lock or a rule of immutability keeps it. */
  readonly isKept: boolean;
  readonly updatedMs: number;
  /** When its manifest was last pulled, as far as that is known. */
  readonly pulledMs: number | undefined;
}

export interface RetainedRepository {
  readonly manifests: readonly RetainedManifest[];
  readonly tags: readonly RetainedTag[];
}

/** What is to be decided by. */
export interface RetentionPolicy {
  /** Those whose patterns fit the repository. */
  readonly rules: readonly RetentionRule[];
  /** A manifest that goes takes along what refers to it. */
  readonly deleteReferrers: boolean;
  /** What is deleted can be restored, and needs its children for it. */
  readonly softDelete: boolean;
  readonly nowMs: number;
  readonly dayMs: number;
  /** Since when pulls are sampled; undefined: not yet, and no rule about pulls holds. */
  readonly pullsSinceMs: number | undefined;
}

export interface PlannedTag {
  readonly tag: Tag;
  readonly digest: Digest;
  readonly etag: string;
  readonly rule: string;
}

export interface PlannedManifest {
  readonly digest: Digest;
  readonly etag: string;
  readonly rule: string;
  readonly reason: 'untagged' | 'referrer';
  /** Of a referrer, the subject it goes with. */
  readonly subject: Digest | undefined;
  /** What must be gone before it: the indexes that name it, its subjects. */
  readonly after: readonly Digest[];
}

export interface RetentionPlan {
  readonly tags: readonly PlannedTag[];
  /** In an order in which each comes after all it must. */
  readonly manifests: readonly PlannedManifest[];
}

/**
 * What retention would delete of a repository, and by which rule. A tag goes when all that one of
 * the rules says of it is true, and no rule protects it. A manifest goes when it has been without a
 * tag for as long as a rule says, refers to nothing, and every index that names it is gone or goes
 * with it; or when it has no tag and refers to something that goes or is being deleted, and to
 * nothing that stays, if referrers go with their subjects. One whose subject never came, stays.
 */
export function planRetention(
  repository: RetainedRepository,
  policy: RetentionPolicy,
): RetentionPlan {
  return { tags: planTags(repository.tags, policy), manifests: planManifests(repository, policy) };
}

type TagRule = RetentionRule['tags'][number];

function planTags(tags: readonly RetainedTag[], policy: RetentionPolicy): PlannedTag[] {
  const patterns = policy.rules.flatMap(({ protect }) => protect);
  const isProtected = matcher(patterns);
  const going = new Map<Tag, PlannedTag>();
  for (const rule of policy.rules) {
    for (const tagRule of rule.tags) {
      for (const { tag, digest, etag, isKept } of tagsOfRule(tags, tagRule, policy)) {
        if (isKept || isProtected(tag) || going.has(tag)) continue;
        going.set(tag, { tag, digest, etag, rule: rule.name });
      }
    }
  }
  return [...going.values()];
}

/** Of tags of the same time, those later in the order of their names count as newer. */
function tagsOfRule(
  tags: readonly RetainedTag[],
  { match, olderThanDays, notPulledForDays, keepNewest }: TagRule,
  { nowMs, dayMs, pullsSinceMs = Infinity }: RetentionPolicy,
): RetainedTag[] {
  const isLongAgo = (ms: number, days: number | undefined) =>
    days === undefined || ms <= nowMs - days * dayMs;
  const matching = match === undefined ? tags : tags.filter(({ tag }) => matcher([match])(tag));
  const oldOnes =
    keepNewest === undefined
      ? matching
      : matching
          .toSorted((a, b) => b.updatedMs - a.updatedMs || (a.tag < b.tag ? 1 : -1))
          .slice(keepNewest);
  return oldOnes.filter(
    ({ updatedMs, pulledMs = 0 }) =>
      isLongAgo(updatedMs, olderThanDays) &&
      isLongAgo(Math.max(updatedMs, pulledMs, pullsSinceMs), notPulledForDays),
  );
}

function matcher(patterns: readonly TagPattern[]): (tag: Tag) => boolean {
  return (tag) => patterns.some((pattern) => matchesTagPattern(pattern, tag));
}

function planManifests(
  { manifests, tags }: RetainedRepository,
  policy: RetentionPolicy,
): PlannedManifest[] {
  const tagged = new Set(tags.map(({ digest }) => digest));
  const known = new Map(manifests.map((manifest) => [manifest.digest, manifest]));
  const rule = untaggedRule(policy.rules);
  const going = new Map<Digest, RetainedManifest>();
  for (const manifest of manifests) {
    const { digest, state, isKept, subjects, untaggedSinceMs } = manifest;
    if (state !== 'live' || isKept || tagged.has(digest)) continue;
    const isDue = rule !== undefined && untaggedSinceMs <= policy.nowMs - rule.days * policy.dayMs;
    if (subjects.length === 0 ? isDue : policy.deleteReferrers) going.set(digest, manifest);
  }
  const stays = (digest: Digest) => {
    const state = known.get(digest)?.state;
    return (state === 'live' || state === 'pending') && !going.has(digest);
  };
  const holdsChildren = (digest: Digest) =>
    stays(digest) ||
    known.get(digest)?.state === 'deleted' ||
    (policy.softDelete && going.has(digest));
  const ends = (digest: Digest) => known.has(digest) && !stays(digest);
  removeUntilStable(going, ({ parents, subjects }) => {
    if (parents.some(holdsChildren)) return true;
    return subjects.length > 0 && (subjects.some(stays) || !subjects.some(ends));
  });
  return inOrder(going).map(({ digest, etag, parents, subjects }) => {
    const root = rootOf(digest, going);
    return {
      digest,
      etag,
      rule: root === undefined || rule === undefined ? 'deleteReferrers' : rule.name,
      reason: subjects.length === 0 ? 'untagged' : 'referrer',
      subject: subjects.find(ends),
      after: [...parents, ...subjects].filter((each) => going.has(each)),
    };
  });
}

/** The shortest time that a rule gives manifests without tags. */
function untaggedRule(rules: readonly RetentionRule[]) {
  return rules
    .flatMap(({ name, untaggedAfterDays: days }) => (days === undefined ? [] : [{ name, days }]))
    .toSorted((a, b) => a.days - b.days)[0];
}

/** What one that stays holds, stays, too. */
function removeUntilStable(
  going: Map<Digest, RetainedManifest>,
  isHeld: (manifest: RetainedManifest) => boolean,
): void {
  for (let before = -1; before !== going.size;) {
    before = going.size;
    for (const manifest of going.values()) if (isHeld(manifest)) going.delete(manifest.digest);
  }
}

/** Whose going it is that lets this one go: an untagged manifest that refers to nothing. */
function rootOf(digest: Digest, going: ReadonlyMap<Digest, RetainedManifest>): Digest | undefined {
  for (let at: Digest | undefined = digest; at !== undefined;) {
    const manifest = going.get(at);
    if (manifest === undefined) return undefined;
    if (manifest.subjects.length === 0) return at;
    at = manifest.subjects.find((subject) => going.has(subject));
  }
  return undefined;
}

function inOrder(going: ReadonlyMap<Digest, RetainedManifest>): RetainedManifest[] {
  const ordered = new Map<Digest, RetainedManifest>();
  const stack = [...going.values()].toReversed();
  const entered = new Set<Digest>();
  for (let manifest = stack.at(-1); manifest !== undefined; manifest = stack.at(-1)) {
    const { digest, parents, subjects } = manifest;
    const first = [...parents, ...subjects].flatMap((each) => {
      const before = going.get(each);
      return before === undefined || ordered.has(each) || entered.has(each) ? [] : [before];
    });
    entered.add(digest);
    if (first.length > 0) stack.push(...first);
    else {
      ordered.set(digest, manifest);
      stack.pop();
    }
  }
  return [...ordered.values()];
}
