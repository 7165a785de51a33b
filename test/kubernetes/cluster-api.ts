import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type http from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { makeTestCertificate } from '../harness/certificate.ts';

export interface StoredSecret {
  readonly metadata: {
    readonly name: string;
    readonly resourceVersion: string;
    readonly labels?: Record<string, string>;
  };
  readonly type: string;
  readonly data: Readonly<Record<string, string>>;
}

export interface TestClusterApi {
  /** What a pod of the namespace `team` finds in its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** With ca.crt, namespace and token. */
  readonly serviceAccountFolder: string;
  /** By name, all in the namespace `team`. */
  readonly secrets: Map<string, StoredSecret>;
  /** Names in `imagePullSecrets`, by service account. */
  readonly serviceAccounts: Map<string, string[]>;
  /** Method and path of every request, in order. */
  readonly asked: string[];
  /** Called before each write is looked at, as another writer in between. */
  beforeWrite: (() => void) | undefined;
  /** Methods that the service account may not use on Secrets. */
  readonly forbidden: Set<string>;
  /** From now on only this token is taken. */
  renewToken(): Promise<void>;
  put(name: string, data: Readonly<Record<string, string>>, type?: string): void;
  stop(): Promise<void>;
}

/**
 * Stands in for the API server of Kubernetes on loopback: Secrets and service accounts of one
 * namespace over TLS, for a bearer token, with the conflict of optimistic concurrency (Kubernetes
 * API conventions, "Concurrency Control and Consistency") and errors as `Status` objects.
 */
export async function startTestClusterApi(): Promise<TestClusterApi> {
  const certificate = await makeTestCertificate();
  const folder = await mkdtemp(join(tmpdir(), 'lighter-service-account-'));
  let token = 'token-of-the-pod-1';
  let version = 1;
  await Promise.all([
    writeFile(join(folder, 'ca.crt'), certificate.certificate),
    writeFile(join(folder, 'namespace'), 'team'),
    writeFile(join(folder, 'token'), token),
  ]);

  const server = https.createServer(
    { cert: certificate.certificate, key: await readFile(certificate.keyFile) },
    (request, response) => {
      void text(request).then((body) => {
        const [status, json] = answer(request, body);
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(json));
      });
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');

  const api: TestClusterApi = {
    env: {
      KUBERNETES_SERVICE_HOST: '127.0.0.1',
      KUBERNETES_SERVICE_PORT: String(address.port),
    },
    serviceAccountFolder: folder,
    secrets: new Map(),
    serviceAccounts: new Map([['default', []]]),
    asked: [],
    beforeWrite: undefined,
    forbidden: new Set(),
    async renewToken() {
      token = `token-of-the-pod-${(version += 1)}`;
      await writeFile(join(folder, 'token'), token);
    },
    put(name, data, type = 'kubernetes.io/dockerconfigjson') {
      const metadata = { name, resourceVersion: String((version += 1)) };
      api.secrets.set(name, { metadata, type, data });
    },
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
      await Promise.all([certificate.remove(), rm(folder, { recursive: true, force: true })]);
    },
  };

  function answer(request: http.IncomingMessage, body: string): [number, object] {
    const { method = '', url = '', headers } = request;
    api.asked.push(`${method} ${url}`);
    if (headers.authorization !== `Bearer ${token}`) return [401, status('Unauthorized')];
    const [, kind, name] = /^\/api\/v1\/namespaces\/team\/(\w+)(?:\/([\w-]+))?$/.exec(url) ?? [];
    if (kind === 'serviceaccounts' && name !== undefined && method === 'PATCH') {
      return patch(name, headers['content-type'], body);
    }
    if (kind !== 'secrets') return [404, status('the server could not find the resource')];
    if (api.forbidden.has(method)) {
      return [403, status(`secrets "${name ?? ''}" is forbidden: User cannot ${method} it`)];
    }
    if (method === 'GET' && name !== undefined) {
      const found = api.secrets.get(name);
      return found === undefined
        ? [404, status(`secrets "${name}" not found`)]
        : [200, { apiVersion: 'v1', kind: 'Secret', ...found }];
    }
    api.beforeWrite?.();
    return write(method, name, JSON.parse(body));
  }

  function write(method: string, name: string | undefined, given: StoredSecret): [number, object] {
    const stored = api.secrets.get(given.metadata.name);
    if (method === 'POST' && stored !== undefined) return [409, status('already exists')];
    if (method === 'PUT' && stored?.metadata.resourceVersion !== given.metadata.resourceVersion) {
      return [409, status('the object has been modified; please apply your changes')];
    }
    if (method === 'PUT' && name !== given.metadata.name) return [400, status('another name')];
    const metadata = { ...given.metadata, resourceVersion: String((version += 1)) };
    const { type, data } = given;
    api.secrets.set(metadata.name, { metadata, type, data });
    return [method === 'POST' ? 201 : 200, given];
  }

  function patch(name: string, type: string | undefined, body: string): [number, object] {
    const names = api.serviceAccounts.get(name);
    if (names === undefined) return [404, status(`serviceaccounts "${name}" not found`)];
    if (type !== 'application/strategic-merge-patch+json') return [415, status('unsupported')];
    const { imagePullSecrets }: { imagePullSecrets: { name: string }[] } = JSON.parse(body);
    const added = imagePullSecrets.map((each) => each.name);
    api.serviceAccounts.set(name, [...new Set([...names, ...added])]);
    return [200, {}];
  }

  return api;
}

const status = (message: string) => ({
  kind: 'Status',
  apiVersion: 'v1',
  status: 'Failure',
  message,
});
