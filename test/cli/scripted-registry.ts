import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { onTestFinished } from 'vitest';

export interface Said {
  readonly status?: number;
  readonly body: object;
}

/** A registry that says what a test wants; it ends with the test. Its requests, and its address. */
export async function scriptedRegistry(answer: (request: IncomingMessage) => Said) {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${new URL(request.url ?? '', 'http://r').pathname}`);
    request.resume();
    const { status = 200, body } = answer(request);
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  return { host: `127.0.0.1:${port}`, requests };
}
