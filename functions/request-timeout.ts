import http from 'node:http';

/**
 * Lifts the 300 s that Node gives a server to receive a whole request. The library's own HTTP
 * server, which it makes when streaming is on, has no setting for it and would end every longer
 * upload with a 408. Call it before the library makes that server.
 */
export function liftRequestTimeout(): void {
  const createServer = http.createServer;
  http.createServer = new Proxy(createServer, {
    apply(target, thisArgument, parameters: Parameters<typeof createServer>) {
      const server = Reflect.apply(target, thisArgument, parameters);
      server.requestTimeout = 0;
      return server;
    },
  });
}
