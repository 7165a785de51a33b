import { readFile } from 'node:fs/promises';
import { ask, complaint, jsonFields, textField } from './http.ts';
import { describe, Problem } from './problem.ts';

/** Gives a fresh token that says who we are. Throws a Problem. */
export type Identity = () => Promise<string>;

/** What every Lighter accepts (docs/identity.md, "Which Entra tokens are accepted"). */
const audience = 'https://containerregistry.azure.net';

export interface ManagedIdentityOptions {
  /** The Instance Metadata Service; `http://169.254.169.254` on Azure. */
  readonly endpoint: string;
  /** Of a user-assigned identity; undefined where the machine has only one. */
  readonly clientId: string | undefined;
}

/**
 * The managed identity of the machine, such as the kubelet's (Azure documentation, "How to use
 * managed identities for Azure resources on an Azure VM to acquire an access token").
 */
export function managedIdentity({ endpoint, clientId }: ManagedIdentityOptions): Identity {
  const url = new URL('/metadata/identity/oauth2/token', endpoint);
  url.searchParams.set('api-version', '2018-02-01');
  url.searchParams.set('resource', audience);
  if (clientId !== undefined) url.searchParams.set('client_id', clientId);
  return async () => {
    const answer = await ask('the identity endpoint', url, { headers: { metadata: 'true' } });
    const token = textField(jsonFields(answer.text), 'access_token');
    if (answer.status === 200 && token !== undefined) return token;
    const whose = clientId === undefined ? 'this machine' : `client id ${clientId}`;
    throw new Problem(`the identity endpoint has no token for ${whose}: ${complaint(answer)}`);
  };
}

export interface WorkloadIdentityOptions {
  /** Where Entra is; `https://login.microsoftonline.com/` in the public cloud. */
  readonly authority: string;
  readonly tenantId: string;
  readonly clientId: string;
}

/**
 * An Entra application or user-assigned identity that trusts the cluster (Microsoft Entra Workload
 * ID): the token that `assertion` gives is traded for one of Entra's ("Access token request with a
 * federated credential").
 */
export function workloadIdentity(options: WorkloadIdentityOptions, assertion: Identity): Identity {
  const url = new URL(`${options.tenantId}/oauth2/v2.0/token`, options.authority);
  return async () => {
    const answer = await ask('Entra', url, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: options.clientId,
        scope: `${audience}/.default`,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: await assertion(),
      }),
    });
    const token = textField(jsonFields(answer.text), 'access_token');
    if (answer.status === 200 && token !== undefined) return token;
    throw new Problem(`Entra refuses client id ${options.clientId}: ${complaint(answer)}`);
  };
}

/** A service account's projected token. Kubernetes renews the file, so it is read every time. */
export function tokenFile(path: string): Identity {
  return async () => {
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      throw new Problem(`the service account's token cannot be read: ${describe(error)}`);
    });
    if (text.trim() === '') throw new Problem(`the service account's token ${path} is empty`);
    return text.trim();
  };
}
