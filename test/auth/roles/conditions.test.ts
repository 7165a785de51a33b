import { describe, expect, test } from 'vitest';
import { grant } from '../../../shared/auth/grant.ts';
import { allows } from '../../../shared/auth/permissions.ts';
import { ConditionError } from '../../../shared/domain/condition.ts';
import { evaluate } from '../../../shared/domain/condition-evaluation.ts';
import { parseCondition } from '../../../shared/domain/condition-parser.ts';
import { matchesAction } from '../../../shared/domain/role-wildcard.ts';
import { parseScopes } from '../../../shared/domain/scope.ts';
import { builtInRole, customRole } from './azure-roles.ts';
import { actionsIn, judged, permissionsBy, repository } from './judging.ts';

const name = '@Request[Microsoft.ContainerRegistry/registries/repositories:name]';
const contentRead = 'Microsoft.ContainerRegistry/registries/repositories/content/read';

const decide = (condition: string, where: string, action = contentRead) =>
  evaluate(parseCondition(condition), {
    matchesAction: (pattern) => matchesAction(pattern, action),
    repository: repository(where),
  });

describe('a comparison of the name', () => {
  test.each([
    [`StringEquals 'a/b'`, 'a/b', true],
    [`StringEquals 'a/b'`, 'a/bc', false],
    [`StringEquals 'A/b'`, 'a/b', false],
    [`StringEqualsIgnoreCase 'A/b'`, 'a/b', true],
    [`StringNotEquals 'a/b'`, 'a/b', false],
    [`StringNotEquals 'a/b'`, 'a', true],
    [`StringNotEqualsIgnoreCase 'A/B'`, 'a/b', false],
    [`StringStartsWith 'a/'`, 'a/b', true],
    [`StringStartsWith 'a/'`, 'a', false],
    [`StringStartsWith 'A/'`, 'a/b', false],
    [`StringStartsWithIgnoreCase 'A/'`, 'a/b', true],
    [`StringNotStartsWith 'a/'`, 'a/b', false],
    [`StringNotStartsWithIgnoreCase 'A/'`, 'b', true],
    [`StringLike 'a/*'`, 'a/b/c', true],
    [`StringLike 'a?b'`, 'a/b', true],
    [`StringLike 'a?b'`, 'ab', false],
    [`StringLike '*/prod/*'`, 'x/prod/y', true],
    [`StringLike 'A*'`, 'a/b', false],
    [`StringLikeIgnoreCase 'A*'`, 'a/b', true],
    [`StringNotLike '*/prod/*'`, 'x/prod/y', false],
    [`StringNotLikeIgnoreCase 'A*'`, 'b', true],
    [`ForAnyOfAnyValues:StringEquals {'a', 'b'}`, 'b', true],
    [`ForAnyOfAnyValues:StringEquals {'a', 'b'}`, 'c', false],
    [`ForAllOfAnyValues:StringStartsWith {'a', 'b'}`, 'bc', true],
    [`ForAnyOfAllValues:StringNotEquals {'a', 'b'}`, 'b', false],
    [`ForAnyOfAllValues:StringNotEquals {'a', 'b'}`, 'c', true],
    [`ForAllOfAllValues:StringLike {'a*', '*c'}`, 'abc', true],
    // As Azure has it: it differs from one of the two.
    [`ForAnyOfAnyValues:StringNotEquals {'a', 'b'}`, 'a', true],
  ])('%s of %s is %s', (comparison, where, expected) => {
    expect(decide(`${name} ${comparison}`, where)).toBe(expected);
  });
});

describe('the language', () => {
  test.each([
    [`${name} StringEquals 'a' && ${name} StringLike '*'`, true],
    [`${name} StringEquals 'a' AND ${name} StringEquals 'b'`, false],
    [`${name} StringEquals 'b' || ${name} StringEquals 'a'`, true],
    [`${name} StringEquals 'b' or ${name} StringEquals 'c'`, false],
    [`!(${name} StringEquals 'a')`, false],
    [`NOT ${name} StringEquals 'b'`, true],
    [`!!((${name}StringEquals'a'))`, true],
    [`ActionMatches{'${contentRead}'}`, true],
    [`ActionMatches { 'microsoft.containerregistry/registries/REPOSITORIES/*' }`, true],
    [`ActionMatches{'Microsoft.ContainerRegistry/registries/pull/read'}`, false],
    [`SubOperationMatches{'Blob.List'}`, false],
    [`NOT SubOperationMatches{'Blob.List'}`, true],
    [`@Request[microsoft.containerregistry/registries/repositories:NAME] StringEquals 'a'`, true],
  ])('%s is %s for a', (condition, expected) => {
    expect(decide(condition, 'a')).toBe(expected);
  });

  test.each([
    `@Environment[isPrivateLink] BoolEquals true`,
    `@Environment[UtcNow] DateTimeGreaterThan '2026-01-01T00:00:00.0Z'`,
    `@Principal[Microsoft.Directory/CustomSecurityAttributes/Id:Team_Name] StringEquals 'a'`,
    `@Resource[Microsoft.ContainerRegistry/registries/repositories:name] StringEquals 'a'`,
    `@Resource[Microsoft.Storage/blobs/tags:Project<$key_case_sensitive$>] StringEquals 'a'`,
    `Exists ${name}`,
    `${name} StringSoundsLike 'a'`,
    `${name} StringEquals {'a'}`,
    `${name} StringEquals ${name}`,
    `'a' StringEquals ${name}`,
    `${name} ForAnyOfAnyValues:GuidEquals {18d7d88d-d35e-4fb5-a5c3-7773c20a72d9}`,
    `${name} NumericEquals 1.5`,
  ])('has %s, which is not known here and decides nothing', (condition) => {
    expect(decide(condition, 'a')).toBe('unknown');
    expect(decide(`NOT ${condition}`, 'a')).toBe('unknown');
    expect(decide(`${condition} AND ${name} StringEquals 'b'`, 'a')).toBe(false);
    expect(decide(`${condition} AND ${name} StringEquals 'a'`, 'a')).toBe('unknown');
    expect(decide(`${condition} OR ${name} StringEquals 'a'`, 'a')).toBe(true);
    expect(decide(`${condition} OR ${name} StringEquals 'b'`, 'a')).toBe('unknown');
  });

  test.each([
    '',
    '   ',
    'true',
    '()',
    `(${name} StringEquals 'a'`,
    `${name} StringEquals 'a')`,
    `${name} StringEquals`,
    `${name} StringEquals 'a' ${name}`,
    `${name} StringEquals 'a`,
    `${name} StringEquals "a"`,
    `${name} StringEquals 'a\\'b'`,
    `${name} StringEquals 'a''b'`,
    `${name} ForAnyOfAnyValues:StringEquals {}`,
    `${name} ForAnyOfAnyValues:StringEquals {'a',}`,
    `${name} ForAnyOfAnyValues:StringEquals {'a' 'b'}`,
    `@Request[ StringEquals 'a'`,
    `@Request StringEquals 'a'`,
    `ActionMatches{}`,
    `ActionMatches{a}`,
    `ActionMatches{'a','b'}`,
    `ActionMatches('a')`,
    `NOT`,
    `AND ${name} StringEquals 'a'`,
    `${name} StringEquals 'a' AND`,
    `${name} StringEquals 'a' & ${name} StringEquals 'a'`,
    `${name} StringEquals 'a'; ${name} StringEquals 'a'`,
    `${name} StringEquals 'a' OR ${name} StringEquals 'b' AND ${name} StringEquals 'c'`,
    '('.repeat(5_000),
    '!'.repeat(5_000),
    `${name} StringEquals '${'a'.repeat(20_000)}'`,
  ])('has no %s', (condition) => {
    expect(() => parseCondition(condition)).toThrow(ConditionError);
  });
});

test('of AND beside OR without parentheses the refusal says what is missing', () => {
  const [a, b] = [`${name} StringEquals 'a'`, `${name} StringEquals 'b'`];
  for (const mixed of [`${a} AND ${b} OR ${a}`, `(${a} || ${b} && ${a})`]) {
    expect(() => parseCondition(mixed)).toThrow('AND beside OR without parentheses');
  }
});

/** The form in which Azure's portal writes a condition for one action. */
const portal = (action: string, expression: string) =>
  `((!(ActionMatches{'${action}'})) OR (${expression}))`;

describe('a role under a condition as the portal writes it', () => {
  const writer = builtInRole('Container Registry Repository Writer');
  const registries = 'Microsoft.ContainerRegistry/registries';

  test('has the guarded action where the condition holds, and the others everywhere', () => {
    const condition = portal(
      `${registries}/repositories/content/write`,
      `${name} StringStartsWith 'team/'`,
    );
    const permissions = permissionsBy(writer, { condition });
    expect(actionsIn(permissions, 'team/app')).toEqual([
      'pull',
      'push',
      'metadata_read',
      'metadata_write',
    ]);
    expect(actionsIn(permissions, 'other')).toEqual(['pull', 'metadata_read', 'metadata_write']);
  });

  test('of all its actions: one prefix, as a pattern that fits into a token', () => {
    const guarded = ['content/read', 'content/write', 'metadata/read', 'metadata/write']
      .map((each) => `!(ActionMatches{'${registries}/repositories/${each}'})`)
      .join(' AND ');
    const condition = `(\n (\n  ${guarded}\n )\n OR\n (\n  ${name} StringStartsWith 'team/'\n )\n)`;
    const permissions = permissionsBy(writer, { condition });
    expect(permissions.rules).toEqual([
      { pattern: 'team/*', actions: ['pull', 'push', 'metadata_read', 'metadata_write'] },
    ]);
  });

  test('of the right to assign roles, as Owners have it: what it guards is not asked about here', () => {
    const condition =
      `((!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})) OR ` +
      `(@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAllValues:GuidNotEquals ` +
      `{8e3af657-a8ff-443c-a75c-2fe8c4bcb635, 18d7d88d-d35e-4fb5-a5c3-7773c20a72d9})) AND ` +
      `((!(ActionMatches{'Microsoft.Authorization/roleAssignments/delete'})) OR ` +
      `(@Resource[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAllValues:GuidNotEquals ` +
      `{8e3af657-a8ff-443c-a75c-2fe8c4bcb635}))`;
    expect(permissionsBy(builtInRole('Owner'), { condition })).toEqual(
      permissionsBy(builtInRole('Owner')),
    );
  });

  test('binds a role on the registry by what is said of repositories', () => {
    const condition = portal(contentRead, `${name} StringEquals 'a'`);
    const permissions = permissionsBy(builtInRole('AcrPull'), { condition });
    expect(actionsIn(permissions, 'a')).toContain('pull');
    expect(actionsIn(permissions, 'b')).not.toContain('pull');
    expect(permissions.catalog).toBe(false);
  });

  test('gives no more for an action of another name than it says of the role’s own', () => {
    const condition = `ActionMatches{'${contentRead}'} OR ${name} StringEquals 'a'`;
    const permissions = permissionsBy(builtInRole('AcrPull'), { condition });
    expect(actionsIn(permissions, 'a')).toContain('pull');
    expect(actionsIn(permissions, 'b')).not.toContain('pull');
  });

  test('allows signing only where both of its actions are allowed', () => {
    const condition = portal(`${registries}/trustedCollections/write`, `${name} StringEquals 'a'`);
    const permissions = permissionsBy(builtInRole('AcrImageSigner'), { condition });
    expect(actionsIn(permissions, 'a')).toEqual(['sign']);
    expect(actionsIn(permissions, 'b')).toEqual([]);
  });
});

describe('a condition on the name', () => {
  const owner = builtInRole('Owner');

  test('gives nothing on the registry as a whole', () => {
    const permissions = permissionsBy(owner, { condition: `${name} StringLike '*'` });
    expect(permissions.rules.map(({ pattern }) => pattern)).toEqual(['*']);
    expect(permissions.catalog).toBe(false);
    expect(permissions.management).toEqual([]);
  });

  test('that no pattern can say is kept and asked of each repository', () => {
    const condition = `${name} StringStartsWith 'team/' AND ${name} StringNotLike '*/secret'`;
    const permissions = permissionsBy(builtInRole('AcrPull'), { condition });
    expect(allows(permissions, 'pull', repository('team/app'))).toBe(true);
    expect(allows(permissions, 'pull', repository('team/secret'))).toBe(false);
    expect(allows(permissions, 'pull', repository('other/app'))).toBe(false);
    const granted = (scope: string) => grant(parseScopes([scope]), permissions);
    expect(granted('repository:team/app:pull')).toEqual([
      { type: 'repository', name: 'team/app', actions: ['pull'] },
    ]);
    expect(granted('repository:team/secret:pull')).toEqual([]);
    expect(granted('repository:team/*:pull')).toEqual([]);
    expect(granted('repository:*:*')).toEqual([]);
  });

  test('that patterns can say in part gives those to a request for all', () => {
    const condition = `${name} StringEquals 'a' OR ${name} StringLike '*/public'`;
    const permissions = permissionsBy(builtInRole('AcrPull'), { condition });
    expect(grant(parseScopes(['repository:*:pull']), permissions)).toEqual([
      { type: 'repository', name: 'a', actions: ['pull'] },
    ]);
    expect(allows(permissions, 'pull', repository('x/public'))).toBe(true);
  });

  test.each([
    `${name} StringEquals 'Team'`,
    `${name} StringStartsWith 'Team/'`,
    `${name} StringEquals 'a*'`,
  ])('that no name fulfils leaves no rule: %s', (condition) => {
    expect(permissionsBy(builtInRole('AcrPull'), { condition }).rules).toEqual([]);
  });
});

describe('an assignment whose condition is not understood gives nothing', () => {
  const nothing = { rules: [], catalog: false, management: [] };

  test.each([
    'nonsense',
    `${name} StringEquals 'a' AND`,
    `@Environment[isPrivateLink] BoolEquals true`,
    `@Resource[Microsoft.ContainerRegistry/registries/repositories:name] StringEquals 'a'`,
  ])('%s', (condition) => {
    expect(permissionsBy(builtInRole('Owner'), { condition })).toEqual(nothing);
  });

  test.each(['1.0', '', '3.0'])('in version "%s"', (version) => {
    const condition = `${name} StringLike '*'`;
    expect(permissionsBy(builtInRole('Owner'), { condition, version })).toEqual(nothing);
    expect(judged(builtInRole('Owner'), { condition, version }).outcome).toBe(
      'condition-not-understood',
    );
  });

  test('but where the part that is not understood makes no difference, it is decided', () => {
    const condition = `${name} StringEquals 'a' OR @Environment[isPrivateLink] BoolEquals true`;
    const permissions = permissionsBy(builtInRole('AcrPull'), { condition });
    expect(permissions.rules).toEqual([{ pattern: 'a', actions: ['pull', 'metadata_read'] }]);
  });

  test('neither does a condition of the role itself', () => {
    const [permission] = customRole({ actions: ['*'] }).permissions;
    if (permission === undefined) throw new Error('no permission');
    const under = (text: string) => ({
      ...customRole({}),
      permissions: [{ ...permission, condition: { text, version: '2.0' } }],
    });
    expect(permissionsBy(under('nonsense'))).toEqual(nothing);
    const both = permissionsBy(under(`${name} StringStartsWith 'a/'`), {
      condition: `${name} StringStartsWith 'a/b/'`,
    });
    expect(both.rules.map(({ pattern }) => pattern)).toEqual(['a/b/*']);
  });
});
