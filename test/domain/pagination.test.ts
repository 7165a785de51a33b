import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RegistryError } from '../../shared/errors.ts';
import { nextLink, parsePage } from '../../shared/http/pagination.ts';
import { anyRepository } from './arbitraries.ts';

const queryOf = (n: string) => new URLSearchParams({ n });

test('n is a number of at most nine digits, lowered to the maximum', () => {
  fc.assert(
    fc.property(fc.nat({ max: 999_999_999 }), fc.nat(), (n, max) => {
      expect(parsePage(queryOf(String(n)), max).limit).toBe(Math.min(n, max));
    }),
  );
  expect(parsePage(new URLSearchParams(), 7)).toEqual({ limit: 7, last: '' });
});

test('anything else as n is refused', () => {
  fc.assert(
    fc.property(
      fc.string().filter((text) => !/^\d{1,9}$/.test(text)),
      (n) => {
        expect(() => parsePage(queryOf(n), 100)).toThrow(RegistryError);
      },
    ),
  );
});

test('a Link leads to a page with the same parameters, whatever they hold', () => {
  fc.assert(
    fc.property(anyRepository, fc.string(), fc.string(), (repository, last, artifactType) => {
      const path = `/v2/${repository}/tags/list`;
      const header = nextLink(path, { n: '5', last, artifactType })['Link'] ?? '';
      const target = /^<([^<>\s]+)>; rel="next"$/.exec(header)?.[1];
      const url = new URL(target ?? '', 'http://registry');
      expect(url.pathname).toBe(path);
      const wellFormed = { last: last.toWellFormed(), artifactType: artifactType.toWellFormed() };
      expect(Object.fromEntries(url.searchParams)).toEqual({ n: '5', ...wellFormed });
    }),
  );
});
