import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { newPhysicalName } from '../../shared/domain/physical-name.ts';
import {
  blobLinkKey,
  intentKey,
  keysUnder,
  manifestKey,
  parentOfKey,
  referrerKey,
  repositoryOfPartition,
  repositoryPartition,
  tagKey,
  tagOfKey,
  uploadKey,
  workKey,
} from '../../shared/registry/rows/row-keys.ts';
import { anyDigest, anyRepository, anyTag } from './arbitraries.ts';

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

describe('the partition of a repository', () => {
  test('is a bijection that keeps the order of names', () => {
    fc.assert(
      fc.property(anyRepository, anyRepository, (one, other) => {
        expect(repositoryOfPartition(repositoryPartition(one))).toBe(one);
        expect(compare(repositoryPartition(one), repositoryPartition(other))).toBe(
          compare(one, other),
        );
      }),
      { numRuns: 2000 },
    );
  });

  test('holds nothing that a key of Table Storage may not', () => {
    fc.assert(
      fc.property(anyRepository, (repository) => {
        expect(repositoryPartition(repository)).toMatch(/^[!-~]+$/);
        expect(repositoryPartition(repository)).not.toMatch(/[/\\#?%'":;~!]/);
      }),
    );
  });
});

describe('row keys', () => {
  const due = fc.date({
    min: new Date('2020-01-01'),
    max: new Date('2100-01-01'),
    noInvalidDate: true,
  });

  test('are short enough and hold nothing that a key may not', () => {
    const name = newPhysicalName(new Date());
    fc.assert(
      fc.property(anyDigest, anyDigest, anyTag, due, (one, other, tag, date) => {
        const keys = [
          blobLinkKey(one),
          intentKey(one, name),
          manifestKey(one),
          tagKey(tag),
          tagOfKey(one, tag),
          parentOfKey(one, other),
          referrerKey(one, other),
          uploadKey('0'.repeat(32)),
          workKey(date, 'n', `${one}:${name}`),
        ];
        expect(new Set(keys).size).toBe(keys.length);
        for (const key of keys) {
          expect(key).toMatch(/^[!-~]{1,511}$/);
          expect(key).not.toMatch(/[/\\#?]/);
        }
      }),
    );
  });

  test('of one kind are one range, and no other kind lies in it', () => {
    const within = (key: string, prefix: `${string}:`) => {
      const { from, before } = keysUnder(prefix);
      return from <= key && key < before;
    };
    fc.assert(
      fc.property(anyTag, anyDigest, anyDigest, (tag, one, other) => {
        expect(within(tagKey(tag), 't:')).toBe(true);
        expect(within(tagOfKey(one, tag), `g:${one}:`)).toBe(true);
        expect(within(parentOfKey(one, other), `p:${one}:`)).toBe(true);
        expect(within(referrerKey(one, other), `r:${one}:`)).toBe(true);
        expect(within(parentOfKey(other, one), `p:${one}:`)).toBe(one === other);
        for (const key of [manifestKey(one), tagOfKey(one, tag), uploadKey('a')]) {
          expect(within(key, 't:')).toBe(false);
        }
      }),
    );
  });

  test('of tags are in the order of tags', () => {
    fc.assert(
      fc.property(anyTag, anyTag, (one, other) => {
        expect(compare(tagKey(one), tagKey(other))).toBe(compare(one, other));
      }),
    );
  });

  test('of work are in the order of their due, to the second', () => {
    const second = (date: Date) => Math.floor(date.getTime() / 1000);
    fc.assert(
      fc.property(due, due, anyDigest, (one, other, digest) => {
        fc.pre(second(one) !== second(other));
        expect(compare(workKey(one, 'b', digest), workKey(other, 'b', digest))).toBe(
          Math.sign(second(one) - second(other)),
        );
      }),
    );
    expect(workKey(new Date('2026-11-24T16:09:03.123Z'), 'u', 'id')).toBe('z:20261124T160903:u:id');
  });
});
