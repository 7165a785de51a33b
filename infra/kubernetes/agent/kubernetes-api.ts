import { readFile } from 'node:fs/promises';
import https from 'node:https';
import { text } from 'node:stream/consumers';
import { describe, Problem } from './problem.ts';

/** The API of the cluster that this pod runs in, as the pod's service account. */
export interface KubernetesApi {
  /** The pod's own. */
  readonly namespace: string;
  /** A request with a JSON answer. Throws a Problem when none comes within 20 seconds. */
  readonly request: (
    method: string,
    path: string,
    body?: unknown,
    contentType?: string,
  ) => Promise<KubernetesAnswer>;
}

export interface KubernetesAnswer {
  readonly status: number;
  readonly text: string;
}

export interface InClusterOptions {
  /** `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT`. */
  readonly host: string | undefined;
  readonly port: string | undefined;
  /** With `ca.crt`, `namespace` and `token`, which Kubernetes renews: it is read every time. */
  readonly folder: string;
}

/**
 * Kubernetes documentation, "Accessing the Kubernetes API from a Pod". Throws a Problem outside a
 * cluster.
 */
export async function inCluster({ host, port, folder }: InClusterOptions): Promise<KubernetesApi> {
  if (host === undefined || port === undefined) {
    throw new Problem('this runs in a pod only: KUBERNETES_SERVICE_HOST is not set');
  }
  const read = (name: string) =>
    readFile(`${folder}/${name}`, 'utf8').catch((error: unknown) => {
      throw new Problem(`the pod's service account cannot be read: ${describe(error)}`);
    });
  const [ca, namespace] = await Promise.all([read('ca.crt'), read('namespace')]);
  return {
    namespace: namespace.trim(),
    request: async (method, path, body, contentType = 'application/json') => {
      const token = (await read('token')).trim();
      const payload = body === undefined ? undefined : JSON.stringify(body);
      return send({
        host: host.replaceAll(/[[\]]/g, ''),
        port,
        ca,
        method,
        path,
        payload,
        headers: {
          authorization: `Bearer ${token}`,
          accept: 'application/json',
          ...(payload !== undefined && { 'content-type': contentType }),
        },
      });
    },
  };
}

interface Sent extends https.RequestOptions {
  readonly payload: string | undefined;
}

// fetch cannot be given a certificate authority.
async function send({ payload, ...options }: Sent): Promise<KubernetesAnswer> {
  try {
    return await new Promise((resolve, reject) => {
      const request = https.request(
        { ...options, signal: AbortSignal.timeout(20_000) },
        (response) => {
          text(response).then(
            (answer) => resolve({ status: response.statusCode ?? 0, text: answer }),
            reject,
          );
        },
      );
      request.on('error', reject);
      request.end(payload);
    });
  } catch (error) {
    throw new Problem(`the Kubernetes API gives no answer: ${describe(error)}`, { cause: error });
  }
}
