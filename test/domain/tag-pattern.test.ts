import fc from 'fast-check';
import { expect, test } from 'vitest';
import { matchesTagPattern, parseTagPattern } from '../../shared/domain/tag-pattern.ts';

const pattern = (text: string) => {
  const parsed = parseTagPattern(text);
  if (parsed === undefined) throw new Error(`refused: ${text}`);
  return parsed;
};

test('a pattern is about the whole tag', () => {
  expect(matchesTagPattern(pattern('v\\d+'), 'v12')).toBe(true);
  expect(matchesTagPattern(pattern('v\\d+'), 'v12-rc')).toBe(false);
  expect(matchesTagPattern(pattern('a|b'), 'ab')).toBe(false);
  expect(matchesTagPattern(pattern('release-[a-z.*+]{2,}'), 'release-x.')).toBe(true);
});

test.each([
  '(a+)+',
  '(a|aa)*',
  '(?:x){3}',
  '.*.*.*.*',
  '(a)\\1',
  '(?=a)a',
  '(?<!a)b',
  '(?<n>a)\\k<n>',
  '(',
  'a'.repeat(201),
  `${'a?'.repeat(40)}b`,
  `${'(?:a|a)'.repeat(27)}b`,
  `${'a{0,9}'.repeat(20)}b`,
  'a{0,128}a{0,128}a{0,128}a{0,128}b',
])('%s is refused', (text) => {
  expect(parseTagPattern(text)).toBeUndefined();
});

test.each([
  'v?\\d+\\.\\d+\\.\\d+(?:-rc)?',
  '(?:dev|test|pr)-\\d+(?:\\.\\d+)?',
  '\\d{4}-\\d{2}-\\d{2}',
  '[0-9a-f]{7,40}',
  'latest|stable|edge|nightly|main|v\\d+',
  'a+?b*?c??',
])('%s is accepted', (text) => {
  expect(parseTagPattern(text)).toBe(text);
});

test('what is accepted decides about any tag in no time', () => {
  const parts = fc.constantFrom(
    'a',
    '.',
    '*',
    '+',
    '(',
    ')',
    '|',
    '[ab]',
    '{2,}',
    '?',
    '\\d',
    '{1,9}',
  );
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 12 }), (list) => {
      const parsed = parseTagPattern(list.join(''));
      if (parsed === undefined) return;
      const startedAt = performance.now();
      matchesTagPattern(parsed, `${'a'.repeat(127)}!`);
      expect(performance.now() - startedAt).toBeLessThan(1000);
    }),
    { numRuns: 2000 },
  );
});
