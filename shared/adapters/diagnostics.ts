import type { Config } from '../config.ts';
import type { Diagnostics } from '../ports/diagnostics.ts';
import { EntraUnavailable } from '../ports/entra.ts';
import { RolesUnavailable } from '../ports/role-assignments.ts';
import { StorageUnavailable } from '../ports/table-store.ts';
import { armHttp, armRetryLimits } from './arm-http.ts';
import { managedIdentity } from './credentials.ts';
import { entraHttp } from './entra-http.ts';
import { issuerV2 } from './entra-issuers.ts';

const timeoutMs = 4_000;

/** What is not configured is not asked, and counts as unavailable. */
export function connectDiagnostics({
  storage,
  entra,
  roleAssignments,
}: Pick<Config, 'storage' | 'entra' | 'roleAssignments'>): Diagnostics {
  return {
    async storageTime() {
      const date = await dateOf(storage.blobUrl);
      if (!Number.isNaN(date.getTime())) return date;
      throw new StorageUnavailable('Blob Storage sent no Date');
    },

    async askEntra() {
      if (entra === undefined) throw new EntraUnavailable('Entra is not configured');
      const url = `${issuerV2(entra)}/.well-known/openid-configuration`;
      const { status } = await entraHttp(timeoutMs)(url);
      if (status !== 200) throw new EntraUnavailable(`${url} answered ${status}`);
    },

    async askArm() {
      if (roleAssignments === undefined) throw new RolesUnavailable('ARM is not configured');
      const { resourceId, armEndpoint, clientId } = roleAssignments;
      const http = armHttp(armEndpoint, managedIdentity(clientId), armRetryLimits);
      const assignments = `${resourceId}/providers/Microsoft.Authorization/roleAssignments`;
      const { status } = await http(`${assignments}?api-version=2022-04-01&$filter=atScope()`);
      if (status === 401 || status === 403) return 'denied';
      if (status === 200) return 'permitted';
      throw new RolesUnavailable(`Azure Resource Manager answered ${status} about roles`);
    },
  };
}

/** Without a credential: the answer is a refusal, and has the date. */
async function dateOf(blobUrl: string): Promise<Date> {
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await fetch(`${blobUrl}/?comp=list`, { method: 'HEAD', signal });
    return new Date(response.headers.get('date') ?? '');
  } catch (cause) {
    throw new StorageUnavailable('no answer from Blob Storage', { cause });
  }
}
