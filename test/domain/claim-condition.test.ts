import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { claimsFit, fitsPattern } from '../../shared/domain/claim-condition.ts';

describe('a pattern', () => {
  test('fits what a regular expression in its place would fit', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '*', '/', '.', '\n'), maxLength: 12 });
    fc.assert(
      fc.property(text, text, (given, pattern) => {
        const escaped = pattern.replace(/[\\^$.|?+()[\]{}/]/g, String.raw`\$&`);
        const expression = new RegExp(`^${escaped.replaceAll('*', '[^]*')}$`);
        expect(fitsPattern(given, pattern)).toBe(expression.test(given));
      }),
      { numRuns: 5_000 },
    );
  });

  test('takes no time to speak of, however many stars it has', () => {
    const startedMs = performance.now();
    expect(fitsPattern('a'.repeat(16_000), `${'*a'.repeat(250)}*b`)).toBe(false);
    expect(fitsPattern('a'.repeat(16_000), `${'a*'.repeat(250)}`)).toBe(true);
    expect(performance.now() - startedMs).toBeLessThan(50);
  });

  test.each([
    ['', '', true],
    ['', '*', true],
    ['a', '', false],
    ['a', 'a*a', false],
    ['aa', 'a*a', true],
    ['aba', 'ab*ba', false],
  ])('%j, %j: %s', (text, pattern, expected) => {
    expect(fitsPattern(text, pattern)).toBe(expected);
  });
});

describe('conditions', () => {
  const claims = {
    text: 'x',
    number: 1.5,
    yes: true,
    list: ['a', 2, false, ['nested'], { b: 1 }],
    deep: { 'a/b': { 'm~n': ['p', { q: 'r' }] } },
    '/odd': 'name',
    '': 'empty',
  };

  test.each<[string, Record<string, string | string[]>, boolean]>([
    ['none', {}, true],
    ['a text', { text: 'x' }, true],
    ['a number', { number: '1.5' }, true],
    ['a boolean', { yes: 'true' }, true],
    ['one of several', { text: ['y', 'x'] }, true],
    ['none of several', { text: ['y', 'z'] }, false],
    ['both of two', { text: 'x', yes: 'true' }, true],
    ['one of two', { text: 'x', yes: 'false' }, false],
    ['an element', { list: 'a' }, true],
    ['an element that is a number', { list: '2' }, true],
    ['a list in a list', { list: 'nested' }, false],
    ['an object', { deep: '*' }, false],
    ['a pointer', { '/deep/a~1b/m~0n': 'p' }, true],
    ['a pointer into a list', { '/deep/a~1b/m~0n/1/q': 'r' }, true],
    ['a pointer with an odd index', { '/deep/a~1b/m~0n/01/q': 'r' }, false],
    ['a claim whose name begins with a slash', { '/~1odd': 'name' }, true],
    ['a claim without a name', { '/': 'empty' }, true],
    ['a claim that is not there', { other: '*' }, false],
    ['a property of all objects', { toString: '*' }, false],
    ['a property of texts', { '/text/length': '1' }, false],
  ])('%s: %s', (_what, conditions, expected) => {
    expect(claimsFit(claims, conditions)).toBe(expected);
  });
});
