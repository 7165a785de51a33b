import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { UnsecuredJWT } from 'jose';

export interface TestManagedIdentity {
  /** How many tokens were handed out. */
  readonly tokenCount: number;
  /** The client ids that were asked for; undefined is the system-assigned identity. */
  readonly clientIds: readonly (string | undefined)[];
  /** Ends it and restores the environment. */
  stop(): Promise<void>;
}

/**
 * Stands in for the identity endpoint of App Service and Functions (Azure documentation, "How to
 * use managed identities for App Service", REST endpoint reference), and points this process's
 * `IDENTITY_ENDPOINT` and `IDENTITY_HEADER` at it. Its tokens satisfy Azurite's `--oauth basic`,
 * which looks at issuer, audience and times but at no signature.
 */
export async function startTestManagedIdentity(): Promise<TestManagedIdentity> {
  const secret = randomUUID();
  const [tenantId, objectId] = [randomUUID(), randomUUID()];
  const clientIds: (string | undefined)[] = [];

  const server = http.createServer((request, response) => {
    const query = new URL(request.url ?? '/', 'http://identity').searchParams;
    const resource = query.get('resource');
    if (request.headers['x-identity-header'] !== secret || resource === null) {
      response.writeHead(resource === null ? 400 : 401).end();
      return;
    }
    clientIds.push(query.get('client_id') ?? undefined);
    const expiresOn = Math.floor(Date.now() / 1000) + 24 * 3600;
    const token = new UnsecuredJWT({ oid: objectId, tid: tenantId })
      .setIssuer(`https://sts.windows.net/${tenantId}/`)
      .setAudience(resource)
      .setIssuedAt('-1m')
      .setNotBefore('-1m')
      .setExpirationTime(expiresOn)
      .encode();
    response.setHeader('content-type', 'application/json').end(
      JSON.stringify({
        access_token: token,
        expires_on: String(expiresOn),
        resource,
        token_type: 'Bearer',
      }),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the endpoint has no port');

  const before = {
    IDENTITY_ENDPOINT: process.env['IDENTITY_ENDPOINT'],
    IDENTITY_HEADER: process.env['IDENTITY_HEADER'],
  };
  setEnvironment({
    IDENTITY_ENDPOINT: `http://127.0.0.1:${address.port}/msi/token`,
    IDENTITY_HEADER: secret,
  });
  return {
    get tokenCount() {
      return clientIds.length;
    },
    clientIds,
    async stop() {
      setEnvironment(before);
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function setEnvironment(values: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
}
