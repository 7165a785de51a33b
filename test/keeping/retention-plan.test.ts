import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Digest, digestOf } from '../../shared/domain/digest.ts';
import { parsePolicy } from '../../shared/policy/policy-document.ts';
import {
  planRetention,
  type RetainedManifest,
  type RetainedRepository,
  type RetainedTag,
  type RetentionPolicy,
} from '../../shared/registry/retention/plan.ts';
import { tagNamed } from '../faults/in-process.ts';

const day = 1000;
const now = 100 * day;

const digestNo = (n: number): Digest => digestOf('sha256', n.toString(16).padStart(64, '0'));

function rulesOf(retention: object[]): RetentionPolicy['rules'] {
  const parsed = parsePolicy({ retention });
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
  return parsed.policy.retention;
}

const policyOf = (
  rules: RetentionPolicy['rules'],
  rest: Partial<RetentionPolicy> = {},
): RetentionPolicy => ({
  rules,
  deleteReferrers: false,
  softDelete: false,
  nowMs: now,
  dayMs: day,
  pullsSinceMs: 0,
  ...rest,
});

const manifest = (n: number, fields: Partial<RetainedManifest> = {}): RetainedManifest => ({
  digest: digestNo(n),
  etag: String(n),
  state: 'live',
  isKept: false,
  subjects: [],
  untaggedSinceMs: 0,
  parents: [],
  ...fields,
});

const tag = (name: string, n: number, fields: Partial<RetainedTag> = {}): RetainedTag => ({
  tag: tagNamed(name),
  digest: digestNo(n),
  etag: name,
  isKept: false,
  updatedMs: 0,
  pulledMs: undefined,
  ...fields,
});

const rule = { name: 'r', repositories: ['*'] };
const untagged = rulesOf([{ ...rule, untaggedAfterDays: 10 }]);

const tagsGoing = (tags: RetainedTag[], policy: RetentionPolicy) =>
  planRetention({ manifests: [], tags }, policy)
    .tags.map((each) => each.tag)
    .toSorted();
const manifestsGoing = (repository: RetainedRepository, policy: RetentionPolicy) =>
  planRetention(repository, policy).manifests.map(({ digest }) => Number(`0x${digest.slice(-6)}`));

describe('tags', () => {
  const old = { updatedMs: now - 30 * day };

  test('go by age, all of a pattern, never what is protected, locked or immutable', () => {
    const rules = rulesOf([
      { ...rule, tags: [{ match: 'ci-.*', olderThanDays: 30 }], protect: ['ci-release'] },
    ]);
    const tags = [
      tag('ci-1', 1, old),
      tag('ci-2', 1, { updatedMs: now - 30 * day + 1 }),
      tag('ci-release', 1, old),
      tag('ci-locked', 1, { ...old, isKept: true }),
      tag('latest', 1, old),
    ];
    expect(tagsGoing(tags, policyOf(rules))).toEqual(['ci-1']);
  });

  test('go when they were not pulled for so long, counted from when pulls began to be known', () => {
    const rules = rulesOf([{ ...rule, tags: [{ notPulledForDays: 10 }] }]);
    const tags = [
      tag('never', 1, old),
      tag('lately', 1, { ...old, pulledMs: now - 10 * day + 1 }),
      tag('once', 1, { ...old, pulledMs: now - 10 * day }),
      tag('fresh', 1, { updatedMs: now }),
    ];
    expect(tagsGoing(tags, policyOf(rules))).toEqual(['never', 'once']);
    expect(tagsGoing(tags, policyOf(rules, { pullsSinceMs: now - 9 * day }))).toEqual([]);
    expect(tagsGoing(tags, policyOf(rules, { pullsSinceMs: undefined }))).toEqual([]);
  });

  test('the newest stay, of those that match, and all that is said must be true', () => {
    const tags = [1, 2, 3, 4].map((n) => tag(`v${n}`, n, { updatedMs: n * day }));
    const other = tag('other', 5, { updatedMs: 99 * day });
    const keep = rulesOf([{ ...rule, tags: [{ match: 'v.*', keepNewest: 2 }] }]);
    expect(tagsGoing([...tags, other], policyOf(keep))).toEqual(['v1', 'v2']);
    const both = rulesOf([{ ...rule, tags: [{ match: 'v.*', keepNewest: 2, olderThanDays: 99 }] }]);
    expect(tagsGoing([...tags, other], policyOf(both))).toEqual(['v1']);
  });

  test('a rule protects what another would take', () => {
    const rules = rulesOf([
      { ...rule, tags: [{ olderThanDays: 1 }] },
      { ...rule, name: 'p', untaggedAfterDays: 1, protect: ['v\\d+'] },
    ]);
    expect(tagsGoing([tag('v1', 1, old), tag('x', 1, old)], policyOf(rules))).toEqual(['x']);
  });
});

describe('manifests', () => {
  test('without a tag go after so many days, others, pending and locked ones do not', () => {
    const repository = {
      manifests: [
        manifest(1),
        manifest(2, { untaggedSinceMs: now - 10 * day + 1 }),
        manifest(3),
        manifest(4, { isKept: true }),
        manifest(5, { state: 'pending' }),
      ],
      tags: [tag('latest', 3)],
    };
    expect(manifestsGoing(repository, policyOf(untagged))).toEqual([1]);
  });

  test('one whose tag goes today begins to be untagged today', () => {
    const rules = rulesOf([{ ...rule, tags: [{ olderThanDays: 1 }], untaggedAfterDays: 1 }]);
    const plan = planRetention({ manifests: [manifest(1)], tags: [tag('a', 1)] }, policyOf(rules));
    expect([plan.tags.length, plan.manifests.length]).toEqual([1, 0]);
  });

  test('children stay with their index and go with it, after it; not where it can be restored', () => {
    const children = [manifest(1, { parents: [digestNo(3)] }), manifest(3)];
    const going = { manifests: children, tags: [] };
    expect(manifestsGoing(going, policyOf(untagged))).toEqual([3, 1]);
    expect(manifestsGoing(going, policyOf(untagged, { softDelete: true }))).toEqual([3]);
    const kept = { manifests: children, tags: [tag('a', 3)] };
    expect(manifestsGoing(kept, policyOf(untagged))).toEqual([]);
    const restorable = { manifests: [children[0]!, manifest(3, { state: 'deleted' })], tags: [] };
    expect(manifestsGoing(restorable, policyOf(untagged))).toEqual([]);
    const purged = { manifests: [children[0]!, manifest(3, { state: 'purging' })], tags: [] };
    expect(manifestsGoing(purged, policyOf(untagged))).toEqual([1]);
  });

  test('A18 referrers stay whose subject stays or never came, and go with it where the policy says', () => {
    const together = policyOf(untagged, { deleteReferrers: true });
    const [signature, signed] = [manifest(1, { subjects: [digestNo(2)] }), manifest(2)];
    const tagged = [tag('signed', 2)];
    expect(manifestsGoing({ manifests: [signature], tags: [] }, together)).toEqual([]);
    expect(manifestsGoing({ manifests: [signature, signed], tags: tagged }, together)).toEqual([]);
    const untaggedOnes = { manifests: [signature, signed], tags: [] };
    expect(manifestsGoing(untaggedOnes, policyOf(untagged))).toEqual([2]);
    expect(manifestsGoing(untaggedOnes, together)).toEqual([2, 1]);
    const locked = { manifests: [{ ...signature, isKept: true }, signed], tags: [] };
    expect(manifestsGoing(locked, together)).toEqual([2]);
    const named = { manifests: [signature, signed], tags: [tag('signature', 1)] };
    expect(manifestsGoing(named, together)).toEqual([2]);
  });
});

describe('whatever a repository holds', () => {
  const size = 8;
  /** Whatever is named has a higher number: digests have no cycles. */
  const repository = fc
    .array(
      fc.record({
        state: fc.constantFrom('live', 'live', 'live', 'live', 'pending', 'deleted', 'purging'),
        isKept: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
        untaggedSinceMs: fc.constantFrom(0, now - 10 * day, now - 5 * day, now),
        parents: fc.array(fc.integer({ min: 1, max: size + 2 }), { maxLength: 2 }),
        subjects: fc.array(fc.integer({ min: 1, max: size + 2 }), { maxLength: 1 }),
        tags: fc.integer({ min: 0, max: 2 }),
        tag: fc.record({
          isKept: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
          updatedMs: fc.integer({ min: 0, max: 100 }).map((n) => n * day),
          pulledMs: fc.option(
            fc.integer({ min: 0, max: 100 }).map((n) => n * day),
            { nil: undefined },
          ),
        }),
      }),
      { maxLength: size },
    )
    .map((all): RetainedRepository => {
      const higher = (n: number, others: number[]) =>
        [...new Set(others)].filter((other) => other > n).map(digestNo);
      return {
        manifests: all.map(({ state, isKept, untaggedSinceMs, parents, subjects }, n) =>
          manifest(n, {
            state,
            isKept,
            untaggedSinceMs,
            parents: higher(n, parents),
            subjects: higher(n, subjects),
          }),
        ),
        tags: all.flatMap(({ tags, tag: fields, state }, n) =>
          state === 'live'
            ? Array.from({ length: tags }, (_, i) => tag(`${i === 0 ? 'a' : 'b'}${n}`, n, fields))
            : [],
        ),
      };
    });
  const policy = fc.record({
    deleteReferrers: fc.boolean(),
    softDelete: fc.boolean(),
    keepNewest: fc.integer({ min: 1, max: 4 }),
    olderThanDays: fc.option(fc.integer({ min: 1, max: 50 }), { nil: undefined }),
    notPulledForDays: fc.option(fc.integer({ min: 1, max: 50 }), { nil: undefined }),
  });

  test('nothing that is protected, locked, tagged or held goes, and all comes in order', () => {
    fc.assert(
      fc.property(repository, policy, (held, { deleteReferrers, softDelete, ...conditions }) => {
        const rules = rulesOf([
          {
            ...rule,
            tags: [JSON.parse(JSON.stringify({ match: '[a-b].*', ...conditions }))],
            untaggedAfterDays: 10,
            protect: ['a[0-3]'],
          },
        ]);
        const plan = planRetention(held, policyOf(rules, { deleteReferrers, softDelete }));

        for (const planned of plan.tags) {
          const before = held.tags.find((each) => each.tag === planned.tag);
          expect(before).toMatchObject({ isKept: false });
          expect(planned.tag).not.toMatch(/^a[0-3]$/);
          const newer = held.tags.filter(({ updatedMs }) => updatedMs >= before!.updatedMs);
          expect(newer.length).toBeGreaterThan(conditions.keepNewest);
        }

        const going = new Set(plan.manifests.map(({ digest }) => digest));
        const state = new Map(held.manifests.map((each) => [each.digest, each.state]));
        const stays = (digest: Digest) =>
          ['live', 'pending'].includes(state.get(digest) ?? '') && !going.has(digest);
        const tagged = new Set(held.tags.map(({ digest }) => digest));
        const seen = new Set<Digest>();
        for (const { digest, after, reason } of plan.manifests) {
          const before = held.manifests.find((each) => each.digest === digest)!;
          expect(before).toMatchObject({ state: 'live', isKept: false });
          expect(tagged.has(digest)).toBe(false);
          expect(before.parents.filter(stays)).toEqual([]);
          expect(before.subjects.filter(stays)).toEqual([]);
          if (reason === 'untagged') {
            expect(before.untaggedSinceMs).toBeLessThanOrEqual(now - 10 * day);
          } else expect(deleteReferrers).toBe(true);
          for (const each of after) expect(seen.has(each)).toBe(true);
          for (const each of [...before.parents, ...before.subjects]) {
            if (going.has(each)) expect(after).toContain(each);
          }
          seen.add(digest);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
