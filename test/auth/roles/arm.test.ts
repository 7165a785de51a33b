import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { connectArm } from '../../../shared/adapters/arm.ts';
import { ConfigError, readConfig } from '../../../shared/config.ts';
import { type RoleAssignments, RolesUnavailable } from '../../../shared/ports/role-assignments.ts';
import {
  startTestManagedIdentity,
  type TestManagedIdentity,
} from '../../harness/managed-identity.ts';
import { type MovableClock, movableClock } from '../registry-tables.ts';
import { startTestArm, type TestArm } from './arm-stand-in.ts';
import { builtInRoles } from './azure-roles.ts';
import { resourceGroup, resourceId, subscription } from './judging.ts';

const limits = { tries: 3, firstDelayMs: 5, tryTimeoutMs: 1_000, deadlineMs: 3_000 };

let identity: TestManagedIdentity;
let arm: TestArm;
let clock: MovableClock;
let azure: RoleAssignments;
const objectId = randomUUID();

beforeAll(async () => {
  identity = await startTestManagedIdentity();
});
afterAll(() => identity.stop());
beforeEach(async () => {
  arm = await startTestArm(resourceId, builtInRoles);
  clock = movableClock();
  azure = connectWith();
});
afterEach(() => arm.stop());

function connectWith(chosen: Partial<typeof limits> = {}): RoleAssignments {
  const config = { resourceId, armEndpoint: arm.endpoint, clientId: undefined };
  return connectArm(config, clock, { ...limits, ...chosen });
}

/** What a question comes to that has no answer. */
async function unavailable(question: Promise<unknown>): Promise<RolesUnavailable> {
  const outcome: unknown = await question.catch((error: unknown) => error);
  if (!(outcome instanceof RolesUnavailable)) throw new Error(`came to ${JSON.stringify(outcome)}`);
  return outcome;
}

describe('asking Azure Resource Manager for assignments', () => {
  test('sends the documented request with the app’s own token', async () => {
    arm.assignments.set(objectId, []);
    await expect(azure.assignedTo(objectId)).resolves.toEqual([]);
    expect(arm.asked.map(decodeURIComponent)).toEqual([
      `GET ${resourceId}/providers/Microsoft.Authorization/roleAssignments` +
        `?api-version=2022-04-01&$filter=assignedTo('${objectId}')`,
    ]);
  });

  test('asks as the user-assigned identity that is configured', async () => {
    arm.assignments.set(objectId, []);
    const config = { resourceId, armEndpoint: arm.endpoint, clientId: 'the-apps-identity' };
    await connectArm(config, clock, limits).assignedTo(objectId);
    expect(identity.clientIds).toContain('the-apps-identity');
  });

  test('reads scope, role and condition', async () => {
    arm.assignments.set(objectId, [
      { scope: resourceGroup, role: 'AcrPull' },
      { scope: resourceId, role: 'Reader', condition: 'x', conditionVersion: '1.0' },
      { scope: subscription, role: 'Reader', condition: '', conditionVersion: null },
    ]);
    const found = await azure.assignedTo(objectId);
    expect(found.map(({ scope, condition }) => ({ scope, condition }))).toEqual([
      { scope: resourceGroup, condition: undefined },
      { scope: resourceId, condition: { text: 'x', version: '1.0' } },
      { scope: subscription, condition: undefined },
    ]);
    expect(found[0]?.roleDefinitionId).toMatch(/7f951dda-4ed3-4680-a7ca-43fe172d538d$/);
  });

  test('follows every page', async () => {
    arm.pageSize = 3;
    const scopes = Array.from({ length: 10 }, (_, index) => `${resourceId}/slots/${index}`);
    arm.assignments.set(
      objectId,
      scopes.map((scope) => ({ scope, role: 'Reader' })),
    );
    const found = await azure.assignedTo(objectId);
    expect(found.map(({ scope }) => scope)).toEqual(scopes);
    expect(arm.asked).toHaveLength(4);
  });

  test.each(['http://169.254.169.254', 'https://management.azure.com.evil.example', 'ftp://x'])(
    'does not follow a page to %s',
    async (elsewhere) => {
      arm.pageSize = 1;
      arm.nextLinkOrigin = elsewhere;
      arm.assignments.set(objectId, Array(2).fill({ scope: resourceId, role: 'Reader' }));
      expect((await unavailable(azure.assignedTo(objectId))).message).toContain('another place');
      expect(arm.asked).toHaveLength(1);
    },
  );

  test('follows no redirect: it would carry the token', async () => {
    const other = await startTestArm(resourceId, []);
    try {
      arm.always = { status: 307, headers: { location: `${other.endpoint}/x` } };
      await unavailable(azure.assignedTo(objectId));
      expect(other.asked).toEqual([]);
    } finally {
      await other.stop();
    }
  });

  test('gives up on pages without an end', async () => {
    arm.pageSize = 1;
    arm.assignments.set(objectId, Array(500).fill({ scope: resourceId, role: 'Reader' }));
    await unavailable(azure.assignedTo(objectId));
    expect(arm.asked.length).toBeLessThanOrEqual(100);
  });

  test.each(["x') or assignedTo('y", '', `${objectId}'`, '../x'])(
    'asks nothing about what is no object id: %s',
    async (text) => {
      await unavailable(azure.assignedTo(text));
      expect(arm.asked).toEqual([]);
    },
  );

  test('repeats what had no answer, and waits as long as it is asked to when that is short', async () => {
    arm.assignments.set(objectId, []);
    arm.faults.push('cut', { status: 429, headers: { 'retry-after': '1' } });
    const before = performance.now();
    await expect(azure.assignedTo(objectId)).resolves.toEqual([]);
    expect(performance.now() - before).toBeGreaterThan(990);
    expect(arm.asked).toHaveLength(3);
  });

  test('throttled for longer, says so at once and for how long', async () => {
    arm.always = { status: 429, headers: { 'retry-after': '17' } };
    const error = await unavailable(azure.assignedTo(objectId));
    expect(error).toMatchObject({ throttled: true, retryAfterSeconds: 17 });
    expect(arm.asked).toHaveLength(1);
  });

  test.each([500, 502, 503, 504, 408])('tries three times at %i, and no more', async (status) => {
    arm.always = { status };
    expect((await unavailable(azure.assignedTo(objectId))).throttled).toBe(false);
    expect(arm.asked).toHaveLength(3);
  });

  test.each([400, 401, 403, 404])(
    'takes %i for an answer that says nothing of roles',
    async (status) => {
      arm.always = { status };
      expect((await unavailable(azure.assignedTo(objectId))).message).toContain(String(status));
      expect(arm.asked).toHaveLength(1);
    },
  );

  test.each(['<html>', '', '[]', '{}', '{"value":{}}', '{"value":[],"nextLink":5}', 'null'])(
    'takes the body %s for no answer',
    async (body) => {
      arm.always = { status: 200, body };
      await unavailable(azure.assignedTo(objectId));
    },
  );

  test('waits for silence no longer than it was told', async () => {
    arm.always = 'silence';
    const before = performance.now();
    await unavailable(connectWith({ tryTimeoutMs: 100, tries: 2 }).assignedTo(objectId));
    expect(performance.now() - before).toBeLessThan(1000);
  });

  test.each([
    ['a condition that is no text', { condition: { text: 'x' } }],
    ['no scope', { scope: undefined }],
    ['a role that is no text', { roleDefinitionId: 7 }],
  ])('leaves out an assignment with %s', async (_, wrong) => {
    const properties = { scope: resourceId, roleDefinitionId: '/x/y', condition: null };
    const value = [
      { id: 'right', properties },
      { id: 'wrong', properties: { ...properties, ...wrong } },
    ];
    arm.always = { status: 200, body: JSON.stringify({ value }) };
    expect((await azure.assignedTo(objectId)).map(({ id }) => id)).toEqual(['right']);
  });
});

describe('asking for a role’s definition', () => {
  const pull = '7f951dda-4ed3-4680-a7ca-43fe172d538d';
  const id = `/subscriptions/x/providers/Microsoft.Authorization/roleDefinitions/${pull.toUpperCase()}`;

  test('asks at the registry’s resource, whatever scope the id names', async () => {
    await expect(azure.definition(id)).resolves.toMatchObject({
      roleName: 'AcrPull',
      permissions: [{ actions: ['Microsoft.ContainerRegistry/registries/pull/read'] }],
    });
    expect(arm.asked).toEqual([
      `GET ${resourceId}/providers/Microsoft.Authorization/roleDefinitions/${pull}?api-version=2022-04-01`,
    ]);
  });

  test('asks once in two hours, also when many ask at once', async () => {
    await Promise.all(Array.from({ length: 20 }, () => azure.definition(id)));
    clock.advance(7199);
    await azure.definition(id);
    expect(arm.asked).toHaveLength(1);
    clock.advance(2);
    await azure.definition(id);
    expect(arm.asked).toHaveLength(2);
  });

  test('does not remember a failure', async () => {
    arm.faults.push({ status: 403 });
    await unavailable(azure.definition(id));
    await expect(azure.definition(id)).resolves.toMatchObject({ roleName: 'AcrPull' });
  });

  test.each([`/x/${randomUUID()}`, '/x/../../y', 'x', ''])('knows no role %s', async (unknown) => {
    await expect(azure.definition(unknown)).resolves.toBeUndefined();
  });

  test.each([
    ['notActions', 'x'],
    ['notDataActions', [5]],
    ['condition', 5],
  ])('whose %s cannot be read gives nothing of that element', async (field, value) => {
    const permissions = [{ actions: ['*'], [field]: value }, { actions: ['a'] }];
    arm.always = { status: 200, body: JSON.stringify({ id, properties: { permissions } }) };
    expect((await azure.definition(id))?.permissions.map(({ actions }) => actions)).toEqual([
      ['a'],
    ]);
  });
});

describe('the settings', () => {
  const read = (settings: Record<string, string>) =>
    readConfig({
      LIGHTER_STORAGE_BLOB_URL: 'https://a.blob.core.windows.net',
      LIGHTER_STORAGE_TABLE_URL: 'https://a.table.core.windows.net',
      LIGHTER_PUBLIC_URL: 'https://registry.example.com',
      ...settings,
    }).roleAssignments;

  test('turn roles on with the resource’s id', () => {
    expect(read({})).toBeUndefined();
    expect(
      read({ LIGHTER_RESOURCE_ID: `${resourceId}/`, LIGHTER_STORAGE_CLIENT_ID: 'id' }),
    ).toEqual({ resourceId, armEndpoint: 'https://management.azure.com', clientId: 'id' });
  });

  test.each(['https://management.usgovcloudapi.net', 'http://127.0.0.1:81', 'http://localhost:81'])(
    'may name %s',
    (LIGHTER_ARM_ENDPOINT) => {
      expect(read({ LIGHTER_RESOURCE_ID: resourceId, LIGHTER_ARM_ENDPOINT })?.armEndpoint).toBe(
        LIGHTER_ARM_ENDPOINT,
      );
    },
  );

  test.each([
    'http://management.azure.com',
    'http://127.0.0.1.evil.example:81',
    'http://127.0.0.1:81@evil.example',
    'https://management.azure.com/path',
    'https://user:pw@management.azure.com',
  ])('may not name %s', (LIGHTER_ARM_ENDPOINT) => {
    expect(() => read({ LIGHTER_ARM_ENDPOINT })).toThrow(ConfigError);
  });

  test.each(['x', subscription, `${resourceId}/../y`])('refuse the resource %s', (id) => {
    expect(() => read({ LIGHTER_RESOURCE_ID: id })).toThrow(ConfigError);
  });
});
