import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import https from 'node:https';
import { makeTestCertificate, trustCertificate } from '../harness/certificate.ts';

/** What happens to a request in place of the issuer's answer. */
export type Fault = (response: ServerResponse, request: IncomingMessage) => void;

export const cut: Fault = (_response, request) => void request.destroy();
export const silent: Fault = () => undefined;
export const json =
  (value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Fault =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(value));
  };
export const redirect =
  (location: string): Fault =>
  (response) =>
    void response.writeHead(302, { location }).end();

/** Where a stand-in of an issuer answers: on loopback, over TLS. */
export interface IssuerServer {
  /** `https://127.0.0.1:<port>` */
  readonly origin: string;
  /** PEM of its certificate, for other processes: NODE_EXTRA_CA_CERTS. */
  readonly certFile: string;
  /** Paths that were asked for, in order. */
  readonly asked: string[];
  /** By what the path of a request ends with. */
  readonly faults: Map<string, Fault>;
  stop(): Promise<void>;
}

/** This thread trusts the server until it stops. `answer` is called where no fault is set. */
export async function startIssuerServer(
  answer: (pathname: string, request: IncomingMessage, response: ServerResponse) => void,
): Promise<IssuerServer> {
  const certificate = await makeTestCertificate();
  const distrust = trustCertificate(certificate.certificate);
  const asked: string[] = [];
  const faults = new Map<string, Fault>();
  const server = https.createServer(
    { cert: certificate.certificate, key: await readFile(certificate.keyFile) },
    (request, response) => {
      const { pathname } = new URL(request.url ?? '/', 'https://127.0.0.1');
      asked.push(pathname);
      const fault = [...faults].find(([suffix]) => pathname.endsWith(suffix))?.[1];
      if (fault === undefined) answer(pathname, request, response);
      else fault(response, request);
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the issuer has no port');

  return {
    origin: `https://127.0.0.1:${address.port}`,
    certFile: certificate.certFile,
    asked,
    faults,
    async stop() {
      distrust();
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
      await certificate.remove();
    },
  };
}
