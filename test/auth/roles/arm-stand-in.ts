import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { decodeJwt } from 'jose';

/** A role definition's properties, of which the tests need these. */
export interface TestRole {
  readonly guid: string;
  readonly roleName: string;
  readonly permissions: readonly Record<string, unknown>[];
}

export interface TestAssignment {
  readonly scope: string;
  readonly role: string;
  readonly condition?: string | null;
  readonly conditionVersion?: string | null;
}

/** What happens to requests in place of an answer. */
export type ArmFault =
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string }
  | 'cut'
  | 'silence';

export interface TestArm {
  readonly endpoint: string;
  /** Method and target of every request, in order. */
  readonly asked: string[];
  /** Assignments by object id, as Azure would find them: also those below the scope asked about. */
  readonly assignments: Map<string, readonly TestAssignment[]>;
  readonly roles: Map<string, TestRole>;
  /** Faults for the next requests, in order; `always` for all of them. */
  readonly faults: ArmFault[];
  always: ArmFault | undefined;
  delayMs: number;
  pageSize: number;
  /** What a page's `nextLink` is made from; the stand-in's own address unless set. */
  nextLinkOrigin: string | undefined;
  stop(): Promise<void>;
}

const provider = '/providers/Microsoft.Authorization';

/**
 * Stands in for Azure Resource Manager on loopback: role assignments by `assignedTo`, in pages, and
 * role definitions (Azure documentation, "Role Assignments - List For Scope", "Role Definitions -
 * Get", version 2022-04-01). Like Azure, it answers 401 without a token made for it, and ignores
 * case in paths.
 */
export async function startTestArm(
  resourceId: string,
  roles: readonly TestRole[],
): Promise<TestArm> {
  const server = http.createServer((request, response) => {
    arm.asked.push(`${request.method} ${request.url}`);
    void answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const endpoint = `http://127.0.0.1:${address.port}`;

  const arm: TestArm = {
    endpoint,
    asked: [],
    assignments: new Map(),
    roles: new Map(roles.map((role) => [role.guid, role])),
    faults: [],
    always: undefined,
    delayMs: 0,
    pageSize: 100,
    nextLinkOrigin: undefined,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };

  async function answer(request: http.IncomingMessage, response: http.ServerResponse) {
    const fault = arm.faults.shift() ?? arm.always;
    if (fault === 'silence') return;
    if (fault === 'cut') return void request.socket.destroy();
    if (arm.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, arm.delayMs));
    const [status, body, headers] =
      fault === undefined
        ? respond(request)
        : [fault.status, fault.body ?? refusal('Fault', 'as the test wants it'), fault.headers];
    response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  }

  function respond(request: http.IncomingMessage): [number, unknown, Record<string, string>?] {
    const url = new URL(request.url ?? '/', endpoint);
    if (!hasToken(request)) return [401, refusal('AuthenticationFailed', 'no token for this')];
    if (url.searchParams.get('api-version') !== '2022-04-01') {
      return [400, refusal('InvalidApiVersionParameter', 'another version')];
    }
    const base = `${resourceId}${provider}`.toLowerCase();
    const path = decodeURIComponent(url.pathname).toLowerCase();
    if (path === `${base}/roleassignments`) return listAssignments(url);
    const guid = path.startsWith(`${base}/roledefinitions/`) ? path.slice(-36) : '';
    const role = arm.roles.get(guid);
    if (role === undefined) return [404, refusal('RoleDefinitionDoesNotExist', 'no such role')];
    return [200, definitionOf(role)];
  }

  function hasToken(request: http.IncomingMessage): boolean {
    const [, token] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? [];
    return token !== undefined && decodeJwt(token).aud === endpoint;
  }

  function listAssignments(url: URL): [number, unknown] {
    const filter = url.searchParams.get('$filter') ?? '';
    // Without those of what lies below; the test that asks only wants to know whether it may.
    if (filter === 'atScope()') return [200, { value: [] }];
    const [, objectId = ''] = /^assignedTo\('([0-9a-f-]{36})'\)$/.exec(filter) ?? [];
    const all = arm.assignments.get(objectId);
    if (all === undefined) return [400, refusal('UnsupportedQuery', filter)];
    const skip = Number(url.searchParams.get('$skipToken') ?? '0');
    const end = skip + arm.pageSize;
    const next = new URL(url.pathname + url.search, arm.nextLinkOrigin ?? endpoint);
    next.searchParams.set('$skipToken', String(end));
    const value = all.slice(skip, end).map((each) => assignmentOf(each, objectId, arm.roles));
    return [200, { value, ...(end < all.length && { nextLink: next.href }) }];
  }

  return arm;
}

function assignmentOf(
  {
    scope,
    role,
    condition = null,
    conditionVersion = condition === null ? null : '2.0',
  }: TestAssignment,
  principalId: string,
  roles: TestArm['roles'],
): object {
  const name = randomUUID();
  const guid = [...roles.values()].find(({ roleName }) => roleName === role)?.guid ?? role;
  return {
    properties: {
      roleDefinitionId: `/subscriptions/0b1f6471-1bf0-4dda-aec3-111122223333${provider}/roleDefinitions/${guid}`,
      principalId,
      principalType: 'Group',
      scope,
      condition,
      conditionVersion,
      createdOn: '2025-01-01T00:00:00.0000000Z',
      delegatedManagedIdentityResourceId: null,
    },
    id: `${scope === '/' ? '' : scope}${provider}/roleAssignments/${name}`,
    type: 'Microsoft.Authorization/roleAssignments',
    name,
  };
}

function definitionOf({ guid, roleName, permissions }: TestRole): object {
  return {
    properties: {
      roleName,
      type: 'BuiltInRole',
      description: roleName,
      assignableScopes: ['/'],
      permissions,
    },
    id: `${provider}/roleDefinitions/${guid}`,
    type: 'Microsoft.Authorization/roleDefinitions',
    name: guid,
  };
}

function refusal(code: string, message: string): object {
  return { error: { code, message } };
}
