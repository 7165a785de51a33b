import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isResourceId, scopeCovers } from '../../../shared/domain/role-assignment.ts';
import { builtInRole } from './azure-roles.ts';
import { permissionsBy, resourceGroup, resourceId, subscription } from './judging.ts';

describe('an assignment counts', () => {
  test.each([
    ['on the registry itself', resourceId],
    ['in other letters', resourceId.toUpperCase()],
    ['on its resource group', resourceGroup],
    ['on its subscription', subscription],
    [
      'on a management group, which Azure lists only above a resource',
      '/providers/Microsoft.Management/managementGroups/root',
    ],
    ['on everything', '/'],
  ])('%s', (_, scope) => {
    expect(permissionsBy(builtInRole('AcrPull'), { scope }).rules).not.toEqual([]);
  });
});

describe('an assignment gives nothing', () => {
  test.each([
    ['on a sibling', `${resourceGroup}/providers/Microsoft.Web/sites/lighter2`],
    [
      'on a resource whose name begins the same',
      `${resourceGroup}/providers/Microsoft.Web/sites/light`,
    ],
    [
      'on a resource of another type',
      `${resourceGroup}/providers/Microsoft.Storage/storageAccounts/lighter`,
    ],
    ['below the registry', `${resourceId}/slots/staging`],
    ['on another resource group', `${subscription}/resourceGroups/registry`],
    ['on another subscription', '/subscriptions/0b1f6471-1bf0-4dda-aec3-111122223334'],
    ['on half an id', `${subscription}/resourceGroups/registry-rg/providers/Microsoft.Web/si`],
    ['on nothing', ''],
    ['on subscriptions in general', '/subscriptions'],
    ['on a path with empty segments', `/${subscription}`],
    [
      'on something in a management group',
      '/providers/Microsoft.Management/managementGroups/root/x/y',
    ],
    ['on another provider', '/providers/Microsoft.Billing/billingAccounts/1'],
  ])('%s', (_, scope) => {
    const owner = permissionsBy(builtInRole('Owner'), { scope });
    expect(owner).toEqual({ rules: [], catalog: false, management: [] });
  });
});

describe('whether a scope covers the registry', () => {
  const segment = fc.stringMatching(/^[A-Za-z0-9._-]{1,8}$/);
  const segments = resourceId.split('/').slice(1);

  test('is whether it is a whole number of its segments, a subscription at least', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: segments.length }), fc.boolean(), (count, upper) => {
        const scope = `/${segments.slice(0, count).join('/')}`;
        const covers = scopeCovers(upper ? scope.toUpperCase() : scope, resourceId);
        expect(covers).toBe(count === 0 || count >= 2);
      }),
    );
  });

  test('is false when any segment differs or there are more', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: segments.length }),
        fc.nat(),
        segment,
        fc.boolean(),
        (count, where, other, replaces) => {
          const scope = segments.slice(0, count);
          const index = where % count;
          fc.pre(scope[index]?.toLowerCase() !== other.toLowerCase());
          const changed = replaces ? scope.with(index, other) : [...segments, other];
          expect(scopeCovers(`/${changed.join('/')}`, resourceId)).toBe(false);
        },
      ),
    );
  });

  test('is false for every part of its text that ends or begins within a segment', () => {
    const ends = segments.map((_, index) => `/${segments.slice(0, index + 1).join('/')}`.length);
    for (let length = 2; length < resourceId.length; length += 1) {
      if (ends.includes(length)) continue;
      expect(scopeCovers(resourceId.slice(0, length), resourceId), String(length)).toBe(false);
    }
  });
});

describe('the id of a resource', () => {
  test.each([
    resourceId,
    `${resourceId}/slots/staging`,
    `${subscription}/resourceGroups/My.Group_(1)/providers/Microsoft.Web/sites/a`,
  ])('may be %s', (id) => expect(isResourceId(id)).toBe(true));

  test.each([
    '',
    '/',
    subscription,
    resourceGroup,
    `${resourceGroup}/providers/Microsoft.Web/sites`,
    `${resourceId}/slots`,
    `${resourceId}?x=1`,
    `${resourceId}#x`,
    `${resourceGroup}/providers/Microsoft.Web/sites/..`,
    `${resourceGroup}/providers/Microsoft.Web/../../x`,
    `${resourceGroup}/providers/Microsoft.Web/sites/a b`,
    `${resourceGroup}/providers/Microsoft.Web/sites/a%2fb`,
    `https://management.azure.com${resourceId}`,
  ])('is not %s', (id) => expect(isResourceId(id)).toBe(false));
});
