import { once } from 'node:events';
import http from 'node:http';

export interface TestMetadataService {
  /** `http://127.0.0.1:<port>` */
  readonly endpoint: string;
  /** Query of every request, in order. */
  readonly asked: URLSearchParams[];
  /** What it answers in place of a token. */
  fault: { readonly status: number; readonly json: unknown } | undefined;
  stop(): Promise<void>;
}

/**
 * Stands in for the Instance Metadata Service of an Azure virtual machine (Azure documentation,
 * "How to use managed identities … to acquire an access token"): it wants the header `Metadata`,
 * and all it says is text, the times included.
 */
export async function startTestMetadataService(
  tokenOf: (clientId: string | null) => Promise<string>,
): Promise<TestMetadataService> {
  const server = http.createServer((request, response) => {
    void answer(request).then(([status, json]) => {
      response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
      response.end(JSON.stringify(json));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');

  const service: TestMetadataService = {
    endpoint: `http://127.0.0.1:${address.port}`,
    asked: [],
    fault: undefined,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };

  async function answer(request: http.IncomingMessage): Promise<[number, unknown]> {
    const url = new URL(request.url ?? '/', service.endpoint);
    service.asked.push(url.searchParams);
    if (service.fault !== undefined) return [service.fault.status, service.fault.json];
    if (request.headers['metadata'] !== 'true') {
      return [400, refusal('bad_request_102', 'Required metadata header not specified')];
    }
    if (url.pathname !== '/metadata/identity/oauth2/token') return [404, {}];
    const resource = url.searchParams.get('resource');
    if (url.searchParams.get('api-version') !== '2018-02-01' || resource === null) {
      return [400, refusal('invalid_request', 'api-version or resource')];
    }
    const expiresOn = Math.floor(Date.now() / 1000) + 24 * 3600;
    return [
      200,
      {
        access_token: await tokenOf(url.searchParams.get('client_id')),
        client_id: url.searchParams.get('client_id') ?? '',
        expires_in: '86399',
        expires_on: String(expiresOn),
        not_before: String(expiresOn - 86400),
        resource,
        token_type: 'Bearer',
      },
    ];
  }

  return service;
}

const refusal = (error: string, description: string) => ({
  error,
  error_description: description,
});
