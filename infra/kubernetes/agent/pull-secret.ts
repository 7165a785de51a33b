import { loginIn, withLogin } from './docker-config.ts';
import { complaint, jsonFields, textField } from './http.ts';
import { tokenTimes } from './jwt.ts';
import type { KubernetesAnswer, KubernetesApi } from './kubernetes-api.ts';
import { Problem } from './problem.ts';
import type { Credential } from './registry.ts';

const type = 'kubernetes.io/dockerconfigjson';
const key = '.dockerconfigjson';
const maxAttempts = 5;

export interface PullSecret {
  readonly namespace: string;
  readonly name: string;
}

/**
 * Puts a registry's credential into a Secret for `imagePullSecrets`, made when it is missing; what
 * else is in it is kept. Who changes it at the same time is not overwritten: the change is made
 * again on theirs (`resourceVersion`). Throws a Problem.
 */
export async function writePullSecret(
  api: KubernetesApi,
  secret: PullSecret,
  host: string,
  credential: Credential,
): Promise<void> {
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    const current = await read(api, secret);
    const answer =
      current === undefined
        ? await create(api, secret, host, credential)
        : await replace(api, secret, current, host, credential);
    if (answer.status === 200 || answer.status === 201) return;
    if (answer.status !== 409) throw refused('written', secret, answer);
  }
  throw new Problem(`the Secret ${pathOf(secret)} is changed by others all the time`);
}

/** How long the credential in the Secret still works by the clock here; 0 without one. */
export async function pullSecretLifetime(
  api: KubernetesApi,
  secret: PullSecret,
  host: string,
): Promise<number> {
  const current = await read(api, secret);
  const login = current === undefined ? undefined : loginIn(current.config, host);
  const { expiresAt = 0 } = tokenTimes(login?.password ?? '');
  return Math.max(0, expiresAt - Date.now() / 1000);
}

/** Names the Secret in a service account, so that its pods need not name it themselves. */
export async function useInServiceAccount(
  api: KubernetesApi,
  { namespace, name }: PullSecret,
  serviceAccount: string,
): Promise<void> {
  const answer = await api.request(
    'PATCH',
    `/api/v1/namespaces/${namespace}/serviceaccounts/${serviceAccount}`,
    { imagePullSecrets: [{ name }] },
    // Merges the list by name (Kubernetes documentation, "Strategic merge patch").
    'application/strategic-merge-patch+json',
  );
  if (answer.status === 200) return;
  throw refused('changed', { namespace, name: serviceAccount }, answer, 'service account');
}

interface Current {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly config: string;
}

async function read(api: KubernetesApi, secret: PullSecret): Promise<Current | undefined> {
  const answer = await api.request('GET', urlOf(secret));
  if (answer.status === 404) return undefined;
  if (answer.status !== 200) throw refused('read', secret, answer);
  const fields = jsonFields(answer.text);
  if (fields['type'] !== type) {
    throw new Problem(
      `the Secret ${pathOf(secret)} is of the type ${String(fields['type'])}, not ${type}`,
    );
  }
  const encoded = textField({ ...Object(fields['data']) }, key) ?? '';
  return { fields, config: Buffer.from(encoded, 'base64').toString() };
}

const create = (api: KubernetesApi, secret: PullSecret, host: string, credential: Credential) =>
  api.request('POST', urlOf({ ...secret, name: '' }), {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: secret.name, labels: { 'app.kubernetes.io/managed-by': 'lighter-agent' } },
    type,
    data: dataOf('', host, credential),
  });

// With the resourceVersion that was read, so that a change in between is a conflict.
const replace = (
  api: KubernetesApi,
  secret: PullSecret,
  { fields, config }: Current,
  host: string,
  credential: Credential,
) => api.request('PUT', urlOf(secret), { ...fields, data: dataOf(config, host, credential) });

const dataOf = (config: string, host: string, credential: Credential) => ({
  [key]: Buffer.from(withLogin(config, host, credential)).toString('base64'),
});

const pathOf = ({ namespace, name }: PullSecret) => `${namespace}/${name}`;

const urlOf = ({ namespace, name }: PullSecret) =>
  `/api/v1/namespaces/${namespace}/secrets${name === '' ? '' : `/${name}`}`;

function refused(verb: string, secret: PullSecret, answer: KubernetesAnswer, what = 'Secret') {
  const said = complaint({ ...answer, headers: new Headers() });
  return new Problem(`the ${what} ${pathOf(secret)} cannot be ${verb}: ${said}`);
}
