import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  algorithmOf,
  digestOf,
  parseDigest,
  parseDigestAlgorithm,
} from '../../shared/domain/digest.ts';
import { anyDigest, hex } from './arbitraries.ts';

describe('a digest', () => {
  test('of either algorithm is taken as it is', () => {
    fc.assert(
      fc.property(anyDigest, (text) => {
        expect(parseDigest(text)).toBe(text);
        expect(algorithmOf(parseDigest(text) ?? digestOf('sha256', ''))).toBe(text.split(':')[0]);
      }),
    );
  });

  test('is nothing else: not of another length, algorithm, case, or with anything around it', () => {
    const lengths: Readonly<Record<string, number>> = { sha256: 64, sha512: 128 };
    const algorithm = fc.constantFrom('sha256', 'sha512', 'sha384', 'SHA256', 'md5', '');
    const digits = fc.oneof(hex(64), hex(128), fc.string({ maxLength: 140, unit: 'binary' }));
    fc.assert(
      fc.property(algorithm, digits, (name, rest) => {
        const isHex = Array.from(rest).every((digit) => '0123456789abcdef'.includes(digit));
        const valid = isHex && rest.length === lengths[name];
        expect(parseDigest(`${name}:${rest}`) !== undefined).toBe(valid);
      }),
    );
    fc.assert(
      fc.property(anyDigest, fc.string({ minLength: 1 }), fc.boolean(), (text, more, before) => {
        expect(parseDigest(before ? more + text : text + more)).toBeUndefined();
      }),
    );
    fc.assert(
      fc.property(
        anyDigest.filter((text) => /[a-f]/.test(text.slice(7))),
        (text) => {
          expect(parseDigest(text.slice(0, 7) + text.slice(7).toUpperCase())).toBeUndefined();
        },
      ),
    );
    expect(parseDigest(`sha256:${'a'.repeat(64)}\n`)).toBeUndefined();
  });
});

test('the algorithms are sha256 and sha512', () => {
  for (const known of ['sha256', 'sha512']) expect(parseDigestAlgorithm(known)).toBe(known);
  for (const unknown of ['sha384', 'SHA256', '', '__proto__', 'constructor', 'sha256 ']) {
    expect(parseDigestAlgorithm(unknown)).toBeUndefined();
  }
});
