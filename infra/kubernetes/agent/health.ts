import { once } from 'node:events';
import { createServer } from 'node:http';
import { Problem } from './problem.ts';

export interface Health {
  /** What `GET /healthz` answers: 200, or 503 with the problem. */
  readonly set: (problem: string | undefined) => void;
  readonly stop: () => void;
}

/** A probe for Kubernetes; not ready until told otherwise. Rejects when the port is taken. */
export async function serveHealth(address: string, port: number): Promise<Health> {
  let state: string | undefined = 'nothing has been done yet';
  const server = createServer((request, response) => {
    const isKnown = request.method === 'GET' && request.url === '/healthz';
    const status = !isKnown ? 404 : state === undefined ? 200 : 503;
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
    response.end(isKnown ? `${state ?? 'ok'}\n` : '');
  });
  server.listen(port, address);
  await once(server, 'listening').catch((error: unknown) => {
    throw new Problem(`the port ${address}:${port} for the probe is taken`, { cause: error });
  });
  return { set: (problem) => (state = problem), stop: () => server.close() };
}
