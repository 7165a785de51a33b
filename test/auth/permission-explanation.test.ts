import { beforeEach, describe, expect, test } from 'vitest';
import { explainPermissions } from '../../shared/auth/permission-explanation.ts';
import { type Action, actions } from '../../shared/domain/scope.ts';
import { parseRepositoryName } from '../../shared/domain/repository-name.ts';
import type { RoleRight } from '../../shared/domain/role-rights.ts';
import type { App } from '../../shared/http/app.ts';
import { type MovableClock, movableClock } from './registry-tables.ts';
import { clearSettings, policyOf } from './repository-tokens/settings.ts';
import { signInApp } from './sign-in-app.ts';
import { testTables } from './test-tables.ts';

const tables = testTables();
let app: App;
let clock: MovableClock;

const rules = [
  { repositories: ['team/*'], actions: ['content/read', 'content/write'] },
  { repositories: ['*'], actions: ['metadata/read'] },
];
const policy = {
  anonymousPull: ['public/*'],
  scopeMaps: [{ name: 'Builds', rules }],
  federation: [
    {
      name: 'github',
      issuer: 'https://token.example.com',
      audience: 'registry.example.com',
      claims: { sub: 'repo:org/app:*' },
      rules,
    },
  ],
};

beforeEach(async () => {
  await clearSettings(tables);
  clock = movableClock();
  app = signInApp(tables, { clock, adminPassword: 'secret', anonymousPull: 'open' });
  await app.authority.policy.overwrite(policyOf(policy));
});

async function explain(principal: string, right: RoleRight, repository?: string) {
  const name = repository === undefined ? undefined : parseRepositoryName(repository);
  return explainPermissions(app.authority, principal, right, name);
}

/** The verdict of the source that is the principal's own. */
async function verdict(principal: string, right: RoleRight, repository?: string) {
  const explanation = await explain(principal, right, repository);
  return [explanation?.allowed, explanation?.reasons[0]?.verdict];
}

async function makeToken(settings = { scopeMap: 'builds', enabled: true }, expiresAt?: Date) {
  await app.authority.repositoryTokens.put('CI', settings);
  await app.authority.repositoryTokens.generatePassword('ci', 'password1', expiresAt);
}

describe('a repository token', () => {
  test('may do what its scope map says, which is named', async () => {
    await makeToken();
    expect(await explain('token:ci', 'push', 'team/app')).toEqual({
      allowed: true,
      reasons: [
        { source: 'scope-map', token: 'CI', scopeMap: 'builds', verdict: 'grants' },
        { source: 'anonymous-pull', verdict: 'lacks-right' },
      ],
    });
  });

  test.each<[RoleRight, string | undefined, boolean, string]>([
    ['pull', 'team/app', true, 'grants'],
    ['pull', 'other', false, 'other-repositories'],
    ['pull', undefined, false, 'other-repositories'],
    ['sign', 'team/app', true, 'grants'],
    ['delete', 'team/app', false, 'lacks-right'],
    ['metadata_read', undefined, true, 'grants'],
    ['catalog', undefined, true, 'grants'],
    ['catalog', 'team/app', true, 'grants'],
    ['manage_write', undefined, false, 'lacks-right'],
  ])('%s in %s: %s, %s', async (right, repository, allowed, expected) => {
    await makeToken();
    expect(await verdict('token:ci', right, repository)).toEqual([allowed, expected]);
    // What is explained is what is decided.
    const name = parseRepositoryName(repository ?? 'any/other');
    const permissions = await app.authority.permissionsOf({ kind: 'repository-token', name: 'ci' });
    if (right === 'catalog') expect(permissions.catalog).toBe(allowed);
    else if (name !== undefined && isAction(right)) {
      const { allows } = await import('../../shared/auth/permissions.ts');
      expect(allows(permissions, right, name)).toBe(allowed);
    }
  });

  test('is told apart from one that is not there, is off, has no password, or no map', async () => {
    expect(await verdict('token:ci', 'pull', 'team/app')).toEqual([false, 'unknown-token']);
    await app.authority.repositoryTokens.put('ci', { scopeMap: 'builds', enabled: true });
    expect(await verdict('token:ci', 'pull', 'team/app')).toEqual([false, 'no-valid-password']);
    await makeToken(undefined, new Date(clock.now().getTime() + 60_000));
    expect(await verdict('token:ci', 'pull', 'team/app')).toEqual([true, 'grants']);
    clock.advance(60);
    expect(await verdict('token:ci', 'pull', 'team/app')).toEqual([false, 'no-valid-password']);
    await makeToken({ scopeMap: 'gone', enabled: true });
    expect(await verdict('token:ci', 'pull', 'team/app')).toEqual([false, 'unknown-scope-map']);
    await makeToken({ scopeMap: 'builds', enabled: false });
    expect(await verdict('token:ci', 'pull', 'team/app')).toEqual([false, 'disabled']);
  });
});

describe('a federation rule', () => {
  test('is explained for whoever it accepts', async () => {
    expect(await explain('federation:GitHub', 'push', 'team/app')).toMatchObject({
      allowed: true,
      reasons: [
        { source: 'federation-rule', rule: 'github', issuer: 'https://token.example.com' },
        {},
      ],
    });
    expect(await verdict('federation:github', 'delete', 'team/app')).toEqual([
      false,
      'lacks-right',
    ]);
    expect(await verdict('federation:github', 'pull', 'x')).toEqual([false, 'other-repositories']);
    expect(await verdict('federation:gitlab', 'pull', 'x')).toEqual([false, 'unknown-rule']);
  });
});

describe('everybody', () => {
  test.each([
    ['public/x', true, { openedBy: 'policy', verdict: 'grants' }],
    ['open', true, { openedBy: 'configuration', verdict: 'grants' }],
    ['closed', false, { verdict: 'other-repositories' }],
  ])('pulls %s: %s', async (repository, allowed, reason) => {
    const expected = { allowed, reasons: [{ source: 'anonymous-pull', ...reason }] };
    expect(await explain('anonymous', 'pull', repository)).toEqual(expected);
  });

  test.each(actions)('may %s as the explanation says', async (action) => {
    const permissions = await app.authority.permissionsOf({ kind: 'anonymous' });
    const isAllowed = permissions.rules.some((rule) => rule.actions.includes(action));
    expect(await explain('anonymous', action, 'public/x')).toMatchObject({ allowed: isAllowed });
  });

  test('includes a token without rights of its own', async () => {
    expect(await explain('token:nobody', 'pull', 'public/x')).toMatchObject({ allowed: true });
    expect(await explain('anonymous', 'push', 'public/x')).toMatchObject({ allowed: false });
  });
});

test('the admin may do all while the account is on', async () => {
  expect(await verdict('admin', 'manage_delete')).toEqual([true, 'grants']);
  app = signInApp(tables, {});
  expect(await verdict('admin', 'pull', 'team/app')).toEqual([false, 'off']);
});

test('an object id is answered by the roles, which are not asked about here', async () => {
  const id = crypto.randomUUID();
  expect(await verdict(id, 'pull', 'team/app')).toEqual([false, 'not-asked']);
});

test.each([
  '',
  'ci',
  'token:',
  'token:a/b',
  'user:ci',
  'federation:',
  `token:${crypto.randomUUID()}`,
])('%j is nobody', async (principal) =>
  expect(await explain(principal, 'pull', 'team/app')).toBeUndefined(),
);

function isAction(right: string): right is Action {
  return actions.some((action) => action === right);
}
