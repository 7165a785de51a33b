import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAuthorization } from '../../shared/auth/credential.ts';

const basic = (pair: string | Buffer) => `Basic ${Buffer.from(pair).toString('base64')}`;

describe('the Authorization header', () => {
  test('is no credential when it is absent', () => {
    expect(parseAuthorization(null)).toEqual({ kind: 'none' });
  });

  test('gives a user name and a password that contains colons', () => {
    expect(parseAuthorization(basic('me:a:b:c'))).toEqual({
      kind: 'basic',
      username: 'me',
      password: 'a:b:c',
    });
  });

  test('gives every user name without a colon and every password, as UTF-8', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }).filter((name) => !name.includes(':')),
        fc.string({ unit: 'grapheme' }),
        (username, password) => {
          expect(parseAuthorization(basic(`${username}:${password}`))).toEqual({
            kind: 'basic',
            username,
            password,
          });
        },
      ),
    );
  });

  test('keeps a byte order mark that is part of the user name', () => {
    expect(parseAuthorization(basic('\uFEFFme:x'))).toMatchObject({ username: '\uFEFFme' });
  });

  test.each(['basic', 'BASIC', 'bAsIc'])('takes the scheme in any case: %s', (scheme) => {
    const header = `${scheme} ${Buffer.from('me:secret').toString('base64')}`;
    expect(parseAuthorization(header)).toMatchObject({ kind: 'basic', username: 'me' });
  });

  test('takes Basic whose base64 is not padded', () => {
    const header = basic('me:secret').replace(/=+$/, '');
    expect(parseAuthorization(header)).toMatchObject({ kind: 'basic', password: 'secret' });
  });

  test('gives a bearer token', () => {
    expect(parseAuthorization('Bearer abc.d-e_f.ghi')).toEqual({
      kind: 'bearer',
      token: 'abc.d-e_f.ghi',
    });
  });

  test.each([
    ['nothing', ''],
    ['a scheme alone', 'Basic'],
    ['a scheme and a space', 'Bearer '],
    ['a pair without a colon', basic('me')],
    ['bytes that are not UTF-8', basic(Buffer.from([0x6d, 0xff, 0x3a, 0x78]))],
    ['characters that are not base64', 'Basic me:secret'],
    ['two credentials joined by a comma', `${basic('me:x')}, ${basic('you:y')}`],
    ['another scheme', 'Negotiate abcdef'],
    ['a bearer token with a space in it', 'Bearer abc def'],
  ])('is malformed when it holds %s', (_what, header) => {
    expect(parseAuthorization(header)).toEqual({ kind: 'malformed' });
  });

  test('is parsed whatever it holds', () => {
    const anything = fc.oneof(
      fc.string({ unit: 'binary-ascii' }),
      fc.string().map((text) => `Basic ${text}`),
      fc.string().map((text) => `Bearer ${text}`),
      fc.uint8Array().map((bytes) => basic(Buffer.from(bytes))),
    );
    fc.assert(
      fc.property(anything, (header) => {
        expect(['basic', 'bearer', 'malformed']).toContain(parseAuthorization(header).kind);
      }),
    );
  });
});
