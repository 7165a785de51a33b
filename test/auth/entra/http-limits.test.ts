import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import https from 'node:https';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { entraHttp } from '../../../shared/adapters/entra-http.ts';
import { EntraUnavailable } from '../../../shared/ports/entra.ts';
import { makeTestCertificate } from '../../harness/certificate.ts';
import { cut, silent } from '../issuer-server.ts';
import { startTestEntra, type TestEntra } from './test-entra.ts';

let entra: TestEntra;
let metadata: string;

beforeAll(async () => {
  entra = await startTestEntra();
  metadata = `${entra.issuerV2}/.well-known/openid-configuration`;
});
afterAll(() => entra.stop());
afterEach(() => entra.faults.clear());

test('an Entra that accepts a request and says nothing is given up', async () => {
  entra.faults.set('openid-configuration', silent);
  const before = entra.asked.length;
  await expect(entraHttp(100)(metadata)).rejects.toThrow(EntraUnavailable);
  expect(entra.asked.length).toBe(before + 1);
});

test('a connection that breaks is tried once more', async () => {
  entra.faults.set('openid-configuration', cut);
  const before = entra.asked.length;
  await expect(entraHttp()(metadata)).rejects.toThrow(EntraUnavailable);
  expect(entra.asked.length).toBe(before + 2);
});

test('no more than 64 requests are under way at once; the next is refused, not queued', async () => {
  entra.faults.set('openid-configuration', silent);
  const http = entraHttp(1_000);
  const waiting = Array.from({ length: 64 }, () => http(metadata));
  await expect(http(metadata)).rejects.toThrow('too many requests at once');
  const outcomes = await Promise.allSettled(waiting);
  expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
  entra.faults.clear();
  expect((await http(metadata)).status).toBe(200);
});

test('a server whose certificate is not trusted is not believed', async () => {
  const made = await makeTestCertificate();
  const key = await readFile(made.keyFile);
  const asked: unknown[] = [];
  const server = https.createServer({ cert: made.certificate, key }, (request, response) => {
    asked.push(request.url);
    response.end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  await expect(entraHttp()(`https://127.0.0.1:${port}/`)).rejects.toMatchObject({
    name: 'EntraUnavailable',
    cause: { cause: { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' } },
  });
  expect(asked).toEqual([]);
  server.close();
  await made.remove();
});
