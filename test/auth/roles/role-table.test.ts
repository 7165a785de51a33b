import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import type { Permissions } from '../../../shared/auth/permissions.ts';
import { builtInRole, customRole } from './azure-roles.ts';
import { actionsIn, permissionsBy } from './judging.ts';

const roles = [
  'Owner',
  'Contributor',
  'Reader',
  'AcrPush',
  'AcrPull',
  'AcrDelete',
  'AcrImageSigner',
];

const may = (action: string) => (permissions: Permissions) =>
  actionsIn(permissions, 'team/app').some((each) => each === action);
const manages =
  (...wanted: string[]) =>
  (permissions: Permissions) =>
    wanted.every((each) => permissions.management?.some((action) => action === each) ?? false);

/** The table of docs/permissions.md: rights against the roles, in the order of `roles`. */
const table: readonly [string, (permissions: Permissions) => boolean, string][] = [
  ['access the resource manager', manages('read'), 'yes yes yes no  no  no  no'],
  ['create and delete the registry', manages('write', 'delete'), 'yes yes no  no  no  no  no'],
  ['push an image', may('push'), 'yes yes no  yes no  no  no'],
  ['pull an image', may('pull'), 'yes yes yes yes yes no  no'],
  ['delete image data', may('delete'), 'yes yes no  no  no  yes no'],
  ['change policies', manages('write'), 'yes yes no  no  no  no  no'],
  ['sign images', may('sign'), 'no  no  no  no  no  no  yes'],
];

describe.each(table)('to %s', (right, holds, row) => {
  const cells = row.split(/ +/);
  test.each(roles.map((role, index) => [role, cells[index]]))('%s: %s', (role = '', cell) => {
    expect(holds(permissionsBy(builtInRole(role))) ? 'yes' : 'no', right).toBe(cell);
  });
});

test('docs/permissions.md has the same table', async () => {
  const text = await readFile(new URL('../../../docs/permissions.md', import.meta.url), 'utf8');
  const written = text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  expect(written).toContainEqual(['right \\ role', ...roles]);
  for (const [right, , row] of table) {
    const cells = row.split(/ +/).map((cell) => (cell === 'no' ? '' : cell));
    expect(written).toContainEqual([right, ...cells]);
  }
});

describe('roles on repositories', () => {
  test.each([
    ['Container Registry Repository Reader', ['pull', 'metadata_read']],
    ['Container Registry Repository Writer', ['pull', 'push', 'metadata_read', 'metadata_write']],
    [
      'Container Registry Repository Contributor',
      ['pull', 'push', 'delete', 'metadata_read', 'metadata_write'],
    ],
    ['Container Registry Repository Catalog Lister', []],
  ])('%s may %s', (role, expected) => {
    expect(actionsIn(permissionsBy(builtInRole(role)), 'team/app')).toEqual(expected);
  });

  test.each([
    ['Container Registry Repository Catalog Lister', true],
    ['Container Registry Repository Contributor', false],
    ['AcrPull', true],
    ['Reader', true],
    ['AcrDelete', false],
    ['AcrImageSigner', false],
  ])('%s lists the catalogue: %s', (role, expected) => {
    expect(permissionsBy(builtInRole(role)).catalog).toBe(expected);
  });
});

describe('a custom role', () => {
  const registries = 'Microsoft.ContainerRegistry/registries';
  const of = (permission: Parameters<typeof customRole>[0]) =>
    actionsIn(permissionsBy(customRole(permission)), 'team/app');

  test.each([
    [
      { actions: [`${registries}/*`] },
      ['pull', 'push', 'delete', 'metadata_read', 'metadata_write'],
    ],
    [{ actions: [`${registries}/p*`] }, ['pull', 'push', 'metadata_read']],
    [{ actions: ['*/READ'] }, ['pull', 'metadata_read']],
    [{ actions: ['microsoft.containerregistry/registries/Push/Write'] }, ['push']],
    [
      { actions: ['*'], notActions: ['*/delete'] },
      ['pull', 'push', 'metadata_read', 'metadata_write'],
    ],
    [{ actions: ['*'], notActions: ['*'] }, []],
    [{ actions: ['Microsoft.Web/*'] }, []],
    [{ actions: [registries] }, []],
    [{ actions: [`${registries}/pull`] }, []],
    [{ actions: [`${registries}/pull/read/x`] }, []],
    [{ dataActions: ['*'], notDataActions: ['*/content/*'] }, ['metadata_read', 'metadata_write']],
  ])('of %o may %o', (permission, expected) => {
    expect(of(permission)).toEqual(expected);
  });

  test('holds a data action only among its data actions, and an action only among its actions', () => {
    expect(of({ actions: [`${registries}/repositories/content/read`] })).toEqual([]);
    expect(of({ dataActions: [`${registries}/pull/read`] })).toEqual([]);
  });

  test('signs with both the action and its data action, and not with one', () => {
    const [action, dataAction] = [
      `${registries}/sign/write`,
      `${registries}/trustedCollections/write`,
    ];
    expect(of({ actions: [action], dataActions: [dataAction] })).toEqual(['sign']);
    expect(of({ actions: [action] })).toEqual([]);
    expect(of({ dataActions: [dataAction] })).toEqual([]);
  });

  test('takes away only what the same element of its permissions gives', () => {
    const definition = customRole({});
    const [first] = customRole({ actions: ['*'], notActions: ['*/push/*'] }).permissions;
    const [second] = customRole({ actions: [`${registries}/push/write`] }).permissions;
    if (first === undefined || second === undefined) throw new Error('no permissions');
    expect(actionsIn(permissionsBy({ ...definition, permissions: [first] }), 'a')).not.toContain(
      'push',
    );
    expect(
      actionsIn(permissionsBy({ ...definition, permissions: [first, second] }), 'a'),
    ).toContain('push');
  });
});
