import fc from 'fast-check';
import { type Digest, parseDigest } from '../../shared/domain/digest.ts';
import { parseTag, type Tag } from '../../shared/domain/reference.ts';
import { parseRepositoryName, type RepositoryName } from '../../shared/domain/repository-name.ts';

const characters = (alphabet: string) => fc.constantFrom(...Array.from(alphabet));

export const hex = (length: number): fc.Arbitrary<string> =>
  fc.string({ unit: characters('0123456789abcdef'), minLength: length, maxLength: length });

/** A valid digest of either algorithm. */
export const anyDigest: fc.Arbitrary<Digest> = fc
  .oneof(
    hex(64).map((digits) => `sha256:${digits}`),
    hex(128).map((digits) => `sha512:${digits}`),
  )
  .map((text) => parsed(parseDigest(text), text));

const alphanumeric = fc.string({
  unit: characters('abcxyz0189'),
  minLength: 1,
  maxLength: 4,
});
const separator = fc.constantFrom('.', '_', '__', '-', '--', '---');

/** Text made after the grammar of the specification: components of runs joined by separators. */
export const nameText: fc.Arbitrary<string> = fc
  .array(
    fc
      .tuple(alphanumeric, fc.array(fc.tuple(separator, alphanumeric), { maxLength: 3 }))
      .map(([first, rest]) => first + rest.flat().join('')),
    { minLength: 1, maxLength: 5 },
  )
  .map((components) => components.join('/'));

export const anyRepository: fc.Arbitrary<RepositoryName> = nameText.map((text) =>
  parsed(parseRepositoryName(text), text),
);

export const anyTag: fc.Arbitrary<Tag> = fc
  .tuple(characters('abzABZ019_'), fc.string({ unit: characters('abzABZ019_.-'), maxLength: 127 }))
  .map(([first, rest]) => parsed(parseTag(first + rest), first + rest));

/** Names a parser must let through: a refusal is the failure of the test that draws them. */
function parsed<T>(value: T | undefined, text: string): T {
  if (value === undefined) throw new Error(`refused, although it is valid: ${text}`);
  return value;
}
