import { LRUCache } from 'lru-cache';
import type { RoleAssignmentsConfig } from '../config.ts';
import type { RoleDefinition } from '../domain/role-assignment.ts';
import type { Clock } from '../ports/clock.ts';
import { type RoleAssignments, RolesUnavailable } from '../ports/role-assignments.ts';
import { type ArmAnswer, type ArmHttp, armHttp, armRetryLimits } from './arm-http.ts';
import { parsePage, parseRoleAssignment, parseRoleDefinition } from './arm-json.ts';
import { managedIdentity } from './credentials.ts';

const apiVersion = 'api-version=2022-04-01';
const guidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const maxPages = 100;
const maxDefinitions = 200;
/** For so long a role's definition is believed without asking again. */
const definitionTtlMs = 2 * 3_600_000;

interface KnownDefinition {
  readonly definition: Promise<RoleDefinition | undefined>;
  readonly askedAtMs: number;
}

/**
 * Azure Resource Manager, asked as the app's managed identity, which needs
 * `Microsoft.Authorization/*` read on the registry's resource: its role Reader has it. Definitions
 * are remembered for two hours.
 */
export function connectArm(
  config: RoleAssignmentsConfig,
  clock: Clock,
  limits = armRetryLimits,
): RoleAssignments {
  const { resourceId, armEndpoint, clientId } = config;
  const http = armHttp(armEndpoint, managedIdentity(clientId), limits);
  const authorization = `${resourceId}/providers/Microsoft.Authorization`;
  const definitions = new LRUCache<string, KnownDefinition>({ max: maxDefinitions });

  return {
    async assignedTo(objectId) {
      if (!guidPattern.test(objectId)) throw new RolesUnavailable('an object id must be a GUID');
      const filter = encodeURIComponent(`assignedTo('${objectId}')`);
      const first = `${authorization}/roleAssignments?${apiVersion}&$filter=${filter}`;
      const assignments = (await readPages(http, first)).map(parseRoleAssignment);
      return assignments.filter((each) => each !== undefined);
    },

    definition(roleDefinitionId) {
      const guid = roleDefinitionId.slice(roleDefinitionId.lastIndexOf('/') + 1).toLowerCase();
      if (!guidPattern.test(guid)) return Promise.resolve(undefined);
      const nowMs = clock.now().getTime();
      const known = definitions.get(guid);
      if (known !== undefined && nowMs - known.askedAtMs < definitionTtlMs) return known.definition;
      // Asked for at the registry's resource, where the app may read, whatever scope the id names.
      const path = `${authorization}/roleDefinitions/${guid}?${apiVersion}`;
      const definition = readDefinition(http, path);
      definitions.set(guid, { definition, askedAtMs: nowMs });
      definition.catch(() => {
        if (definitions.get(guid)?.definition === definition) definitions.delete(guid);
      });
      return definition;
    },
  };
}

async function readPages(http: ArmHttp, first: string): Promise<unknown[]> {
  const values: unknown[] = [];
  let target: string | undefined = first;
  for (let pages = 0; target !== undefined; pages += 1) {
    if (pages === maxPages) throw new RolesUnavailable(`more than ${maxPages} pages of roles`);
    const answer: ArmAnswer = await http(target);
    const page = answer.status === 200 ? parsePage(answer.json) : undefined;
    if (page === undefined) throw unexpected(answer);
    values.push(...page.values);
    target = page.nextLink;
  }
  return values;
}

async function readDefinition(http: ArmHttp, path: string): Promise<RoleDefinition | undefined> {
  const answer = await http(path);
  if (answer.status === 404) return undefined;
  const definition = answer.status === 200 ? parseRoleDefinition(answer.json) : undefined;
  if (definition === undefined) throw unexpected(answer);
  return definition;
}

function unexpected({ status, json }: ArmAnswer): RolesUnavailable {
  return new RolesUnavailable(`Azure Resource Manager answered ${status} about roles`, {
    cause: JSON.stringify(json).slice(0, 1000),
  });
}
