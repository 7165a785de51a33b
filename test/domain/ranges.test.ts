import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseContentRange, parseRange, rangeLength } from '../../shared/http/byte-range.ts';

const size = fc.integer({ min: 1, max: 1_000_000 });
const position = fc.integer({ min: 0, max: 2_000_000 });

describe('Range', () => {
  test('`first-last` is those bytes, cut at the end of the body', () => {
    fc.assert(
      fc.property(size, position, position, (sizeBytes, a, b) => {
        const [first, last] = a < b ? [a, b] : [b, a];
        const parsed = parseRange(`bytes=${first}-${last}`, sizeBytes);
        if (first >= sizeBytes) expect(parsed).toEqual({ kind: 'unsatisfiable' });
        else {
          expect(parsed).toEqual({
            kind: 'ranges',
            ranges: [{ first, last: Math.min(last, sizeBytes - 1) }],
            redirectable: true,
          });
        }
      }),
    );
  });

  test('`first-` and `-length` reach to the end', () => {
    fc.assert(
      fc.property(size, position, (sizeBytes, at) => {
        const open = parseRange(`bytes=${at}-`, sizeBytes);
        const suffix = parseRange(`bytes=-${at}`, sizeBytes);
        const end = sizeBytes - 1;
        expect(open).toMatchObject(
          at > end ? { kind: 'unsatisfiable' } : { ranges: [{ first: at, last: end }] },
        );
        expect(suffix).toMatchObject(
          at === 0
            ? { kind: 'unsatisfiable' }
            : { ranges: [{ first: Math.max(0, sizeBytes - at), last: end }], redirectable: false },
        );
      }),
    );
  });

  test('of a body of no bytes is never satisfied', () => {
    for (const range of ['0-0', '0-', '-1', '5-9']) {
      expect(parseRange(`bytes=${range}`, 0)).toEqual({ kind: 'unsatisfiable' });
    }
  });

  test('may be anything at all: every range that comes back lies within the body', () => {
    const unit = fc.constantFrom(...Array.from('0123456789-,= bytes'));
    const header = fc.oneof(
      fc.string({ unit }),
      fc.string({ unit }).map((text) => `bytes=${text}`),
      fc.string(),
      fc.constantFrom(`bytes=${'9'.repeat(400)}-`, `bytes=-${'9'.repeat(400)}`, null),
    );
    fc.assert(
      fc.property(header, fc.nat(), (text, sizeBytes) => {
        const parsed = parseRange(text, sizeBytes);
        if (parsed.kind !== 'ranges') return;
        expect(parsed.ranges.length).toBeGreaterThan(0);
        expect(parsed.ranges.length).toBeLessThanOrEqual(16);
        for (const { first, last } of parsed.ranges) {
          expect(0 <= first && first <= last && last < sizeBytes).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('Content-Range', () => {
  test('is understood with a unit and without', () => {
    fc.assert(
      fc.property(position, position, (first, length) => {
        const last = first + length;
        const expected = { first, last };
        for (const text of [
          `${first}-${last}`,
          `bytes ${first}-${last}/*`,
          `bytes=${first}-${last}`,
          ` ${first}-${last}/${last + 1} `,
        ]) {
          expect(parseContentRange(text)).toEqual(expected);
        }
        expect(rangeLength(expected)).toBe(length + 1);
        if (length > 0) expect(parseContentRange(`${last}-${first}`)).toBeUndefined();
      }),
    );
  });

  test('may be anything at all: what comes back are safe integers in order', () => {
    const unit = fc.constantFrom(...Array.from('0123456789-/* bytes='));
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit }), fc.string()), (text) => {
        const range = parseContentRange(text);
        if (range === undefined) return;
        expect(Number.isSafeInteger(range.first) && Number.isSafeInteger(range.last)).toBe(true);
        expect(range.first).toBeLessThanOrEqual(range.last);
      }),
      { numRuns: 1000 },
    );
  });
});
