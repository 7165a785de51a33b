import http from 'node:http';

/** The http server inside `@azure/functions` to which the host forwards requests. */
export interface HttpProxyServer {
  /** Hands a request over as if it had been forwarded through a socket. */
  forward(request: object, response: http.ServerResponse): void;
  /** The server's limit for receiving a whole request, 0 for none. */
  readonly requestTimeoutMs: number;
}

/**
 * Runs `start`, in which the library makes its http server, and keeps hold of that server. It never
 * listens: requests are handed to it in the process, which saves a second trip through the network
 * stack, and nobody else can reach it.
 */
export async function captureHttpProxyServer(
  start: () => Promise<unknown>,
): Promise<HttpProxyServer | undefined> {
  const { createServer } = http;
  const servers: http.Server[] = [];
  Object.assign(http, {
    createServer: (...parameters: Parameters<typeof createServer>) => {
      const server = createServer(...parameters);
      servers.push(server);
      return Object.assign(server, {
        listen: (onListening: () => void) => queueMicrotask(onListening),
        address: () => ({ address: '127.0.0.1', family: 'IPv4', port: 1 }),
      });
    },
  });
  try {
    await start();
  } finally {
    Object.assign(http, { createServer });
  }
  const server = servers[0];
  if (server === undefined) return undefined;
  return {
    forward: (request, response) => server.emit('request', request, response),
    get requestTimeoutMs() {
      return server.requestTimeout;
    },
  };
}
