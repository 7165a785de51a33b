import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseReference, parseTag } from '../../shared/domain/reference.ts';
import { parseRepositoryName } from '../../shared/domain/repository-name.ts';
import { matchesPattern } from '../../shared/domain/repository-pattern.ts';
import { anyDigest, anyRepository, anyTag, nameText } from './arbitraries.ts';

const isAlphanumeric = (character: string | undefined) =>
  character !== undefined && 'abcdefghijklmnopqrstuvwxyz0123456789'.includes(character);

/** The grammar of the specification, read character by character. */
function isComponent(text: string): boolean {
  if (!isAlphanumeric(text[0]) || !isAlphanumeric(text.at(-1))) return false;
  let separator = '';
  for (const character of text) {
    if (isAlphanumeric(character)) {
      const isSeparator = ['', '.', '_', '__'].includes(separator) || /^-+$/.test(separator);
      if (!isSeparator) return false;
      separator = '';
    } else if ('._-'.includes(character)) separator += character;
    else return false;
  }
  return true;
}

const isName = (text: string) => text.length <= 255 && text.split('/').every(isComponent);

describe('a repository name', () => {
  test('made after the grammar is taken as it is', () => {
    fc.assert(
      fc.property(nameText, (text) => {
        expect(parseRepositoryName(text)).toBe(text);
      }),
    );
  });

  test('is exactly what the grammar says', () => {
    const unit = fc.constantFrom(...Array.from('ab0._-/A ~é'));
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 12 }), (text) => {
        expect(parseRepositoryName(text) !== undefined).toBe(isName(text));
      }),
      { numRuns: 2000 },
    );
  });

  test('has 255 characters at most', () => {
    expect(parseRepositoryName('a'.repeat(255))).toBeDefined();
    expect(parseRepositoryName('a'.repeat(256))).toBeUndefined();
    expect(parseRepositoryName(`${'a/'.repeat(127)}a`)).toBeDefined();
  });

  test.each(['blobs', 'manifests', 'tags/list', 'a/blobs/uploads', 'v2', 'referrers'])(
    'may be %s',
    (text) => {
      expect(parseRepositoryName(text)).toBe(text);
    },
  );

  test('that is malformed is refused in no time, however it is made', () => {
    for (const part of ['a', 'a-', 'a--', 'a_', 'a/', 'a.', '-', 'a__a', '0']) {
      for (const end of ['', '!', '-', '/', '\n']) {
        const text = (part.repeat(255) + end).slice(-255);
        const startedAt = performance.now();
        parseRepositoryName(text);
        expect(performance.now() - startedAt).toBeLessThan(50);
      }
    }
  });
});

describe('a reference', () => {
  test('is a tag or a digest, and says which', () => {
    fc.assert(
      fc.property(anyTag, (tag) => {
        expect(parseReference(tag)).toEqual({ kind: 'tag', tag });
      }),
    );
    fc.assert(
      fc.property(anyDigest, (digest) => {
        expect(parseReference(digest)).toEqual({ kind: 'digest', digest });
      }),
    );
  });

  test('is exactly 1 to 128 of its characters, not beginning with a dot or a dash', () => {
    const unit = fc.constantFrom(...Array.from('aZ0_.-: /é\n'));
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 10 }), (text) => {
        const valid =
          text !== '' &&
          !'.-'.includes(text[0] ?? '') &&
          Array.from(text).every((character) => 'aZ0_.-'.includes(character));
        expect(parseTag(text) !== undefined).toBe(valid);
        expect(parseReference(text) !== undefined).toBe(valid);
      }),
      { numRuns: 1000 },
    );
    expect(parseTag('a'.repeat(128))).toBeDefined();
    expect(parseTag('a'.repeat(129))).toBeUndefined();
  });
});

describe('a pattern', () => {
  test('without a star is one repository, `*` is all of them', () => {
    fc.assert(
      fc.property(anyRepository, anyRepository, (one, other) => {
        expect(matchesPattern([one], other)).toBe(one === other);
        expect(matchesPattern(['*'], other)).toBe(true);
        expect(matchesPattern([], other)).toBe(false);
      }),
    );
  });

  test('that ends in `/*` is what lies below, not itself and not a neighbour', () => {
    fc.assert(
      fc.property(anyRepository, anyRepository, (folder, name) => {
        const below = parseRepositoryName(`${folder}/${name}`);
        fc.pre(below !== undefined);
        expect(matchesPattern([`${folder}/*`], below)).toBe(true);
        expect(matchesPattern([`${folder}/*`], folder)).toBe(false);
        const neighbour = parseRepositoryName(`${folder}0/${name}`);
        if (neighbour) expect(matchesPattern([`${folder}/*`], neighbour)).toBe(false);
      }),
    );
  });
});
