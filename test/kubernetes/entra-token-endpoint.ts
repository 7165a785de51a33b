import { once } from 'node:events';
import http from 'node:http';
import { text } from 'node:stream/consumers';

export interface TestTokenEndpoint {
  /** For `AZURE_AUTHORITY_HOST`. */
  readonly authority: string;
  /** Path and form of every request, in order. */
  readonly asked: { readonly path: string; readonly form: Record<string, string> }[];
  /** The assertion it takes. */
  assertion: string;
  stop(): Promise<void>;
}

/**
 * Stands in for Entra's token endpoint where an application has a federated credential (Microsoft
 * identity platform, "Access token request with a federated credential").
 */
export async function startTestTokenEndpoint(
  accessToken: () => Promise<string>,
): Promise<TestTokenEndpoint> {
  const server = http.createServer((request, response) => {
    void answer(request).then(([status, json]) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(json));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');

  const endpoint: TestTokenEndpoint = {
    authority: `http://127.0.0.1:${address.port}/`,
    asked: [],
    assertion: '',
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };

  async function answer(request: http.IncomingMessage): Promise<[number, object]> {
    const form = Object.fromEntries(new URLSearchParams(await text(request)));
    endpoint.asked.push({ path: request.url ?? '', form });
    if (form['client_assertion'] !== endpoint.assertion) {
      const description =
        "AADSTS700213: No matching federated identity record found for presented assertion subject 'system:serviceaccount:team:puller'.\r\nTrace ID: 1";
      return [401, { error: 'invalid_client', error_description: description }];
    }
    return [200, { token_type: 'Bearer', expires_in: 86399, access_token: await accessToken() }];
  }

  return endpoint;
}
