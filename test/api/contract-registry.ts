import { beforeAll, expect } from 'vitest';
import { startTestAzurite } from '../harness/azurite.ts';
import { type FaultProxy, startFaultProxy } from '../harness/fault-proxy.ts';
import { startTestLighter, type TestLighter } from '../harness/lighter.ts';
import { basic, Client } from '../http/client.ts';
import { jsonOf } from './api-client.ts';

export const rules = [{ repositories: ['team/*'], actions: ['content/read'] }];
export const rule = {
  issuer: 'https://issuer.example',
  audience: 'registry',
  claims: { sub: 'repo:team/*' },
  rules,
  description: 'a rule',
};

export interface ContractRegistry {
  readonly lighter: TestLighter;
  /** The same registry, reached over a storage that fails when told to. */
  readonly failing: TestLighter;
  readonly proxy: FaultProxy;
  readonly admin: Client;
  /** Signed in, with no right to the management API. */
  readonly puller: Client;
  readonly pullerAuthorization: string;
}

export interface Request {
  readonly value?: unknown;
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export function send(client: Client, method: string, path: string, request: Request = {}) {
  const { value, text = value === undefined ? undefined : JSON.stringify(value) } = request;
  return client.send(method, `/api/v1/${path}`, {
    headers: {
      ...(text !== undefined && { 'Content-Type': 'application/json' }),
      ...request.headers,
    },
    ...(text !== undefined && { body: text }),
  });
}

/** A registry with one of everything that has a name. Read it inside tests only. */
export function contractRegistry(): () => ContractRegistry {
  let registry: ContractRegistry | undefined;
  beforeAll(async () => {
    const azurite = await startTestAzurite();
    const proxy = await startFaultProxy(azurite);
    const lighter = await startTestLighter({ azurite });
    const failing = await startTestLighter({ azurite: { ...azurite, ...proxy } });
    const admin = new Client(lighter.url);
    const pullerAuthorization = await fill(admin);
    const puller = new Client(lighter.url, pullerAuthorization);
    registry = { lighter, failing, proxy, admin, puller, pullerAuthorization };
    return async () => {
      await Promise.all([lighter.stop(), failing.stop()]);
      await proxy.stop();
      await azurite.stop();
    };
  });
  return () => {
    if (registry === undefined) throw new Error('the registry has not started');
    return registry;
  };
}

/** Returns what signs in as its token. */
async function fill(admin: Client): Promise<string> {
  const expectMade = async (method: string, path: string, value: object) => {
    const answer = await send(admin, method, path, { value });
    expect(answer.status, answer.body.toString()).toBeLessThan(300);
    return answer;
  };
  await expectMade('PUT', 'scope-maps/used', { rules });
  await expectMade('PUT', 'scope-maps/free', { rules });
  await expectMade('PUT', 'federation/ci', rule);
  await expectMade('PUT', 'tokens/ci', { scopeMap: 'used' });
  const made = await expectMade('POST', 'tokens/ci/passwords/password1', { expiresInDays: 1 });
  return basic('ci', jsonOf<{ password: string }>(made).password);
}
