import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import { makeTestCertificate } from '../harness/certificate.ts';

export interface HttpsFront {
  /** `https://127.0.0.1:<port>` */
  readonly url: string;
  /** PEM of its certificate, for a client to trust. */
  readonly certificate: string;
  /** Method and target of every request that came, in order. */
  readonly asked: string[];
  /** Where requests go from now on. */
  forwardTo(url: string): void;
  stop(): Promise<void>;
}

/**
 * TLS in front of a registry, for clients that speak HTTPS only, as Azure's front end is. The
 * target of a request, its encoding included, goes on as it came.
 */
export async function startHttpsFront(): Promise<HttpsFront> {
  const certificate = await makeTestCertificate();
  const asked: string[] = [];
  let upstream: string | undefined;
  const server = https.createServer(
    { cert: certificate.certificate, key: await readFile(certificate.keyFile) },
    (request, response) => {
      asked.push(`${request.method} ${request.url}`);
      const { hostname, port } = new URL(upstream ?? 'http://nowhere');
      const forwarded = http.request(
        { hostname, port, method: request.method, path: request.url, headers: request.headers },
        (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(response);
        },
      );
      forwarded.on('error', () => response.destroy());
      request.pipe(forwarded);
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `https://127.0.0.1:${address.port}`,
    certificate: certificate.certificate,
    asked,
    forwardTo: (url) => (upstream = url),
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
      await certificate.remove();
    },
  };
}
