import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseScopes, type ResourceScope } from '../../shared/domain/scope.ts';
import { anyRepository } from './arbitraries.ts';

const anyActions = fc.uniqueArray(fc.constantFrom('pull', 'push', 'delete', '*'), { minLength: 1 });
const anyScope = fc.record({
  type: fc.constantFrom('repository', 'registry', 'repository(plugin)'),
  name: fc.oneof(
    anyRepository,
    fc.constantFrom('*', 'catalog', 'team/*'),
    anyRepository.map((name) => `host:5000/${name}`),
  ),
  actions: anyActions,
});
const format = ({ type, name, actions }: ResourceScope) => `${type}:${name}:${actions.join(',')}`;

describe('scopes', () => {
  test('come back as they were written, whether in one parameter or several', () => {
    const distinct = fc.uniqueArray(anyScope, {
      selector: ({ type, name }) => `${type}:${name}`,
      maxLength: 10,
    });
    fc.assert(
      fc.property(distinct, (scopes) => {
        expect(parseScopes(scopes.map(format))).toEqual(scopes);
        expect(parseScopes([scopes.map(format).join(' ')])).toEqual(scopes);
      }),
    );
  });

  test('of one resource are merged, each action once', () => {
    fc.assert(
      fc.property(anyScope, anyActions, (scope, more) => {
        const [merged, ...rest] = parseScopes([format(scope), format({ ...scope, actions: more })]);
        expect(rest).toEqual([]);
        expect(merged?.actions).toEqual([...new Set([...scope.actions, ...more])]);
      }),
    );
  });

  test('that make no sense are dropped and disturb no others', () => {
    const nonsense = fc
      .oneof(
        fc.constantFrom('', ':', '::', 'repository', 'repository:', 'a:b', 'Ä:b:c'),
        fc.string(),
      )
      .filter((text) => text.split(/\s+/).every((part) => part.split(':').length < 3));
    fc.assert(
      fc.property(anyScope, nonsense, nonsense, (scope, before, after) => {
        expect(parseScopes([before, format(scope), after])).toEqual([scope]);
      }),
    );
  });

  test('may be anything at all: what comes back is well formed and not more than was sent', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { maxLength: 20 }), (parameters) => {
        for (const { type, name, actions } of parseScopes(parameters)) {
          expect(type).not.toBe('');
          expect(name).not.toBe('');
          for (const action of actions) expect(parameters.join(' ')).toContain(action);
        }
      }),
    );
  });

  test('beyond the hundredth are not looked at', () => {
    const many = Array.from({ length: 5000 }, (_, at) => `repository:r${at}:pull`);
    expect(parseScopes([many.join(' ')])).toHaveLength(100);
    const startedAt = performance.now();
    parseScopes([`${'a('.repeat(50_000)}:${':'.repeat(50_000)}`]);
    expect(performance.now() - startedAt).toBeLessThan(500);
  });
});
