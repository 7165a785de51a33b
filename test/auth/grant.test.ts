import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { grant, permissionsOfAccess } from '../../shared/auth/grant.ts';
import { allows, type Permissions } from '../../shared/auth/permissions.ts';
import { parseRepositoryName, type RepositoryName } from '../../shared/domain/repository-name.ts';
import { actions, parseScopes } from '../../shared/domain/scope.ts';

const nothing: Permissions = { rules: [], catalog: false };
const everything: Permissions = { rules: [{ pattern: '*', actions }], catalog: true };
const team: Permissions = {
  rules: [
    { pattern: 'team/*', actions: ['pull'] },
    { pattern: 'team/app', actions: ['push'] },
  ],
  catalog: false,
};

const granted = (permissions: Permissions, ...scopes: string[]) =>
  grant(parseScopes(scopes), permissions);

describe('what is granted of a request', () => {
  test('is all of it when it is all permitted', () => {
    expect(granted(everything, 'repository:team/app:pull,push')).toEqual([
      { type: 'repository', name: 'team/app', actions: ['pull', 'push'] },
    ]);
  });

  test('is the permitted part of it, which is no error', () => {
    expect(granted(team, 'repository:team/lib:pull,push,delete')).toEqual([
      { type: 'repository', name: 'team/lib', actions: ['pull'] },
    ]);
  });

  test('is the union of what several rules permit', () => {
    expect(granted(team, 'repository:team/app:pull,push')).toEqual([
      { type: 'repository', name: 'team/app', actions: ['pull', 'push'] },
    ]);
  });

  test('is nothing, without an error, for who has no permissions', () => {
    expect(granted(nothing, 'repository:a:pull registry:catalog:*')).toEqual([]);
  });

  test('covers each of several scopes, in one list or repeated', () => {
    const expected = [
      { type: 'repository', name: 'a', actions: ['pull', 'push'] },
      { type: 'repository', name: 'b', actions: ['pull'] },
    ];
    expect(granted(everything, 'repository:a:pull,push repository:b:pull')).toEqual(expected);
    expect(granted(everything, 'repository:a:pull,push', 'repository:b:pull')).toEqual(expected);
  });

  test('is every action when `*` is asked for', () => {
    expect(granted(everything, 'repository:a:*')).toEqual([
      { type: 'repository', name: 'a', actions: [...actions] },
    ]);
    expect(granted(team, 'repository:team/app:*')).toEqual([
      { type: 'repository', name: 'team/app', actions: ['pull', 'push'] },
    ]);
  });

  test('is every repository when `acr purge` asks `registry:catalog:* repository:*:*`', () => {
    expect(granted(everything, 'registry:catalog:* repository:*:*')).toEqual([
      { type: 'registry', name: 'catalog', actions: ['*'] },
      { type: 'repository', name: '*', actions: [...actions] },
    ]);
  });

  test('is the permitted patterns when `repository:*:*` asks for more', () => {
    expect(granted(team, 'repository:*:*')).toEqual([
      { type: 'repository', name: 'team/*', actions: ['pull'] },
      { type: 'repository', name: 'team/app', actions: ['push'] },
    ]);
  });

  test('understands the names that old releases of the Azure CLI use', () => {
    expect(granted(everything, 'repository:a:metadataRead,metadataWrite')).toEqual([
      { type: 'repository', name: 'a', actions: ['metadata_read', 'metadata_write'] },
    ]);
  });

  test('leaves the catalogue out for who may not list it', () => {
    expect(granted(team, 'registry:catalog:*')).toEqual([]);
  });

  test.each([
    'repository:UPPER:pull',
    'repository:a/../b:pull',
    'repository:a//b:pull',
    'repository:te*am:pull',
    'repository:*/app:pull',
    'repository:a:administer',
    'artifact-repository:repo:pull',
    'registry:everything:*',
    'registry:catalog:pull',
  ])('leaves out %s', (scope) => {
    expect(granted(everything, scope)).toEqual([]);
  });

  test('takes a docker plug-in for a repository', () => {
    expect(granted(everything, 'repository(plugin):team/plug:pull')).toEqual([
      { type: 'repository', name: 'team/plug', actions: ['pull'] },
    ]);
  });
});

describe('a grant', () => {
  const segment = fc.constantFrom('a', 'b', 'ab', 'team');
  const name = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
  const pattern = fc.oneof(
    name,
    name.map((prefix) => `${prefix}*`),
    name.map((prefix) => `${prefix}/*`),
    fc.constant('*'),
  );
  const rule = fc.record({ pattern, actions: fc.subarray([...actions], { minLength: 1 }) });
  const permissions = fc.record({ rules: fc.array(rule, { maxLength: 4 }), catalog: fc.boolean() });
  const scope = fc.record({
    type: fc.constantFrom('repository', 'registry'),
    name: fc.oneof(pattern, fc.constant('catalog')),
    actions: fc.subarray([...actions, '*', 'other'], { minLength: 1 }),
  });
  const scopes = fc.array(scope, { maxLength: 4 });
  const repository = name.map((text): RepositoryName => {
    const parsed = parseRepositoryName(text);
    if (parsed === undefined) throw new Error(text);
    return parsed;
  });

  test('permits exactly what was both asked for and permitted', () => {
    fc.assert(
      fc.property(
        permissions,
        scopes,
        repository,
        fc.constantFrom(...actions),
        (holds, asked, where, action) => {
          const outcome = permissionsOfAccess(grant(asked, holds));
          const expected =
            allows(holds, action, where) && allows(permissionsOfAccess(asked), action, where);
          expect(allows(outcome, action, where)).toBe(expected);
          expect(outcome.catalog).toBe(holds.catalog && permissionsOfAccess(asked).catalog);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('of a grant is never wider than the first', () => {
    fc.assert(
      fc.property(
        permissions,
        scopes,
        scopes,
        repository,
        fc.constantFrom(...actions),
        (holds, first, second, where, action) => {
          const once = permissionsOfAccess(grant(first, holds));
          const again = permissionsOfAccess(grant(second, once));
          if (allows(again, action, where)) expect(allows(once, action, where)).toBe(true);
          if (again.catalog) expect(once.catalog).toBe(true);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('scope parameters', () => {
  test('are parsed whatever they hold', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary-ascii' })), (parameters) => {
        for (const { type, name } of grant(parseScopes(parameters), everything)) {
          expect(`${type}:${name}`).toMatch(/^(?:repository:[a-z0-9._/*-]+|registry:catalog)$/);
        }
      }),
    );
  });
});
