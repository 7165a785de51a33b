import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { grant, permissionsOfAccess } from '../../../shared/auth/grant.ts';
import { allows, patternsAllowing } from '../../../shared/auth/permissions.ts';
import { ConditionError } from '../../../shared/domain/condition.ts';
import { evaluate, type Truth } from '../../../shared/domain/condition-evaluation.ts';
import { parseCondition } from '../../../shared/domain/condition-parser.ts';
import { repositoriesWhere } from '../../../shared/domain/condition-repositories.ts';
import { matchesPattern } from '../../../shared/domain/repository-pattern.ts';
import { matchesAction, matchesWildcards } from '../../../shared/domain/role-wildcard.ts';
import type { ResourceScope } from '../../../shared/domain/scope.ts';
import { builtInRole } from './azure-roles.ts';
import { permissionsBy, repository } from './judging.ts';

const name = '@Request[Microsoft.ContainerRegistry/registries/repositories:name]';
const registries = 'Microsoft.ContainerRegistry/registries';
const actionNames = [
  `${registries}/pull/read`,
  `${registries}/repositories/content/read`,
  `${registries}/repositories/content/write`,
];

/** A condition's text, and what it comes to, by another way than the code's. */
interface Sample {
  readonly text: string;
  /** The truths it may have when each part that is not known is taken for true and for false. */
  readonly truths: (repository: string, action: string, unknown: boolean) => boolean;
}

const segment = fc.constantFrom('a', 'b', 'ab', 'team');
const repositoryName = fc
  .array(segment, { minLength: 1, maxLength: 3 })
  .map((all) => all.join('/'));
const value = fc.oneof(
  repositoryName,
  repositoryName.map((text) => `${text}/`),
  repositoryName.map((text) => text.toUpperCase()),
  fc.stringMatching(/^[ab/*?T]{0,6}$/),
);

function like(pattern: string, text: string, flags: string): boolean {
  const escaped = pattern.replaceAll(/[.+^${}()|[\]\\/]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, flags).test(text);
}

const tests: Record<string, (value: string, name: string, ignoreCase: boolean) => boolean> = {
  Equals: (one, other, ignoreCase) => (ignoreCase ? one.toLowerCase() : one) === other,
  StartsWith: (one, other, ignoreCase) => other.startsWith(ignoreCase ? one.toLowerCase() : one),
  Like: (one, other, ignoreCase) => like(one, other, ignoreCase ? 'i' : ''),
};

const comparison: fc.Arbitrary<Sample> = fc
  .record({
    quantifier: fc.constantFrom('', 'ForAnyOfAny', 'ForAllOfAny', 'ForAnyOfAll', 'ForAllOfAll'),
    not: fc.boolean(),
    operator: fc.constantFrom(...Object.keys(tests)),
    ignoreCase: fc.boolean(),
    values: fc.array(value, { minLength: 1, maxLength: 3 }),
  })
  .map(({ quantifier, not, operator, ignoreCase, values }) => {
    const used = quantifier === '' ? values.slice(0, 1) : values;
    const strings = used.map((each) => `'${each}'`).join(', ');
    const prefix = quantifier === '' ? '' : `${quantifier}Values:`;
    const suffix = ignoreCase ? 'IgnoreCase' : '';
    const right = quantifier === '' ? strings : `{${strings}}`;
    return {
      text: `${name} ${prefix}String${not ? 'Not' : ''}${operator}${suffix} ${right}`,
      truths: (where: string) => {
        const each = used.map((one) => tests[operator]?.(one, where, ignoreCase) !== not);
        return quantifier.endsWith('All') ? !each.includes(false) : each.includes(true);
      },
    };
  });

const actionMatch: fc.Arbitrary<Sample> = fc
  .constantFrom(...actionNames, `${registries}/*`, '*/content/*', '*/WRITE', 'nothing')
  .map((pattern) => ({
    text: `ActionMatches{'${pattern}'}`,
    truths: (_, action) => like(pattern, action, 'i'),
  }));

const notKnown: fc.Arbitrary<Sample> = fc.constant({
  text: '@Environment[isPrivateLink] BoolEquals true',
  truths: (_repository, _action, unknown) => unknown,
});

/**
 * With `unknown` a part that is not known may be in it, once at most: then both ways are all ways.
 */
function condition(depth: number, mayBeUnknown: boolean): fc.Arbitrary<Sample> {
  const leaf = fc.oneof(
    { arbitrary: comparison, weight: 5 },
    { arbitrary: actionMatch, weight: 3 },
    ...(mayBeUnknown ? [{ arbitrary: notKnown, weight: 3 }] : []),
  );
  if (depth === 0) return leaf;
  const negation = fc
    .tuple(condition(depth - 1, mayBeUnknown), fc.constantFrom('!', 'NOT '))
    .map(([{ text, truths }, not]) => ({
      text: `${not}(${text})`,
      truths: (...given: Parameters<Sample['truths']>) => !truths(...given),
    }));
  const joined = fc
    .tuple(
      fc.array(condition(depth - 1, false), { minLength: 1, maxLength: 2 }),
      condition(depth - 1, mayBeUnknown),
      fc.constantFrom('AND', '&&', 'OR', '||'),
    )
    .map(([known, last, joiner]) => {
      const all = [...known, last];
      const isAnd = joiner === 'AND' || joiner === '&&';
      return {
        text: all.map(({ text }) => `(${text})`).join(` ${joiner}\n`),
        truths: (...given: Parameters<Sample['truths']>) => {
          const each = all.map(({ truths }) => truths(...given));
          return isAnd ? !each.includes(false) : each.includes(true);
        },
      };
    });
  return fc.oneof(leaf, negation, joined, joined);
}

const evaluated = (text: string, where: string, action: string): Truth =>
  evaluate(parseCondition(text), {
    matchesAction: (pattern) => matchesAction(pattern, action),
    repository: repository(where),
  });

describe('a condition', () => {
  test('is evaluated as a naive reading has it, parts that are not known included', () => {
    const seen = new Set<Truth>();
    fc.assert(
      fc.property(
        condition(3, true),
        repositoryName,
        fc.constantFrom(...actionNames),
        ({ text, truths }, where, action) => {
          const both = [truths(where, action, true), truths(where, action, false)];
          const expected = both[0] === both[1] ? both[0] : 'unknown';
          const truth = evaluated(text, where, action);
          seen.add(truth);
          expect(truth, text).toBe(expected);
        },
      ),
      { numRuns: 3000 },
    );
    expect(seen).toEqual(new Set([true, false, 'unknown']));
  });

  test('is true for all repositories that certainly match its patterns, and for no others than may', () => {
    let exact = 0;
    fc.assert(
      fc.property(
        condition(3, true),
        repositoryName,
        fc.constantFrom(...actionNames),
        ({ text }, where, action) => {
          const matches = (pattern: string) => matchesAction(pattern, action);
          const { certain, possible } = repositoriesWhere(parseCondition(text), matches);
          const truth = evaluated(text, where, action);
          if (matchesPattern(certain, repository(where))) expect(truth, text).toBe(true);
          if (truth === true) expect(matchesPattern(possible, repository(where)), text).toBe(true);
          if (certain.join() === possible.join()) exact += 1;
        },
      ),
      { numRuns: 3000 },
    );
    expect(exact).toBeGreaterThan(500);
  });

  test.each(['AcrPush', 'Container Registry Repository Writer'])(
    'on %s gives, by name or by pattern, never more than it says',
    (role) => {
      const prefix = role === 'AcrPush' ? `${registries}` : `${registries}/repositories`;
      const operation = role === 'AcrPush' ? `${prefix}/push/write` : `${prefix}/content/write`;
      fc.assert(
        fc.property(condition(3, true), repositoryName, ({ text, truths }, where) => {
          const permissions = permissionsBy(builtInRole(role), { condition: text });
          const permitted = truths(where, operation, true) && truths(where, operation, false);
          const here = repository(where);
          if (!permitted) expect(allows(permissions, 'push', here), text).toBe(false);

          const ask = (asked: string): ResourceScope[] =>
            grant([{ type: 'repository', name: asked, actions: ['push'] }], permissions);
          const byName = allows(permissionsOfAccess(ask(where)), 'push', here);
          expect(byName, text).toBe(allows(permissions, 'push', here));
          const byPattern = allows(permissionsOfAccess(ask('*')), 'push', here);
          if (byPattern) expect(byName, text).toBe(true);
          if (matchesPattern(patternsAllowing(permissions, 'push'), here)) {
            expect(byName, text).toBe(true);
          }
        }),
        { numRuns: 1500 },
      );
    },
  );

  test('of a right that a role on the registry gives is exact when it is about the name alone', () => {
    fc.assert(
      fc.property(comparison, repositoryName, ({ text, truths }, where) => {
        const permissions = permissionsBy(builtInRole('AcrPush'), { condition: text });
        expect(allows(permissions, 'push', repository(where)), text).toBe(truths(where, '', true));
      }),
      { numRuns: 1500 },
    );
  });
});

describe('parsing', () => {
  const fails = (text: string) => {
    try {
      parseCondition(text);
    } catch (error) {
      expect(error).toBeInstanceOf(ConditionError);
    }
  };

  test('throws nothing but its own error, whatever it is given', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fails), { numRuns: 300 });
  });

  test('throws nothing but its own error for shuffled pieces of conditions', () => {
    const piece = fc.constantFrom(
      '(',
      ')',
      '{',
      '}',
      ',',
      '!',
      '&&',
      '||',
      ' AND ',
      ' OR ',
      ' NOT ',
      "'a'",
      "'",
      ' ',
      '\n',
      name,
      '@Request[',
      '@Environment[x]',
      'ActionMatches',
      'SubOperationMatches',
      'Exists ',
      'StringEquals ',
      'StringLike',
      'ForAnyOfAnyValues:StringEquals',
      '1',
      'true',
      '"',
      '\\',
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 30 }).map((all) => all.join('')),
        fails,
      ),
      { numRuns: 5000 },
    );
  });

  test('takes no longer for hostile text than its length allows', () => {
    const hostile = [
      `@R[${'['.repeat(16_000)}`,
      `@R[${'[]'.repeat(8_000)}`,
      ' '.repeat(16_000),
      `${"'a',".repeat(4_000)}`,
      `${name} StringLike '${'*a'.repeat(7_000)}'`,
      `${name} ForAnyOfAnyValues:StringEquals {${"'a',".repeat(3_900)}'b'}`,
    ];
    const before = performance.now();
    for (const text of hostile) fails(text);
    expect(performance.now() - before).toBeLessThan(1000);
  });
});

test('wildcards match as a regular expression does', () => {
  const text = fc.stringMatching(/^[ab/]{0,8}$/);
  fc.assert(
    fc.property(fc.stringMatching(/^[ab/*?]{0,8}$/), text, (pattern, against) => {
      expect(matchesWildcards(pattern, against, '?')).toBe(like(pattern, against, ''));
    }),
    { numRuns: 3000 },
  );
});
