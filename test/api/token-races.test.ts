import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Client, expectProblem } from '../http/client.ts';
import { type FaultProxy, startFaultProxy } from '../harness/fault-proxy.ts';
import { startTestLighter, type TestLighter } from '../harness/lighter.ts';
import { registryOfFile } from '../http/registry.ts';
import { jsonOf, sendJson } from './api-client.ts';

/** Tokens and scope maps are rows of two partitions: what two instances do to them at once. */

const registry = registryOfFile();
const rules = [{ repositories: ['team/*'], actions: ['content/read'] }];
const maps = (...names: string[]) => ({ scopeMaps: names.map((name) => ({ name, rules })) });

interface Token {
  readonly name: string;
  readonly scopeMap: string;
  readonly enabled: boolean;
}

let proxy: FaultProxy;
/** Another instance on the same storage, whose requests to storage can be held back. */
let slow: TestLighter;
let slowly: Client;

const quickly = () => registry().client;
const put = (client: Client, value: object, name = 'ci') =>
  sendJson(client, 'PUT', `tokens/${name}`, value);
const deleteMap = (client: Client, name: string) =>
  client.send('DELETE', `/api/v1/scope-maps/${name}`);
const tokens = async () =>
  jsonOf<{ tokens: Token[] }>(await quickly().send('GET', '/api/v1/tokens')).tokens;
const mapNames = async () => {
  const policy = await quickly().send('GET', '/api/v1/policy');
  return jsonOf<{ scopeMaps: { name: string }[] }>(policy).scopeMaps.map(({ name }) => name);
};

beforeAll(async () => {
  const { azurite } = registry();
  proxy = await startFaultProxy(azurite);
  slow = await startTestLighter({ azurite: { ...azurite, ...proxy } });
  slowly = new Client(slow.url);
});
afterAll(async () => {
  await slow.stop();
  await proxy.stop();
});
beforeEach(async () => {
  proxy.clear();
  for (const { name } of await tokens()) await quickly().send('DELETE', `/api/v1/tokens/${name}`);
  const policy = await sendJson(quickly(), 'PUT', 'policy', maps('a', 'b'), { 'If-Match': '*' });
  expect(policy.status, policy.body.toString()).toBe(200);
});

/**
 * Holds back the next write of the slow instance, of those after the first `after`, so that
 * another can come first; resolves when it has arrived.
 */
function holdBack(after = 0) {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  let seen = 0;
  proxy.inject({
    on({ service, kind }) {
      const isWrite = ['insert', 'replace', 'merge', 'batch'].includes(kind);
      if (service !== 'table' || !isWrite) return false;
      seen += 1;
      if (seen === after + 1) resolve(undefined);
      return seen === after + 1;
    },
    fault: { kind: 'delay', ms: 2000, at: 'before' },
  });
  return promise;
}

/** A change of a token writes that it is to be, fences the policy, writes the token. */
const places = [0, 1, 2];

test('a scope map that a token is given meanwhile is not deleted', async () => {
  const held = holdBack();
  const deleting = deleteMap(slowly, 'a');
  await held;
  const made = await put(quickly(), { scopeMap: 'a' });
  expect(made.status, made.body.toString()).toBe(201);
  expectProblem(await deleting, 409, 'UNSUPPORTED');
  expect(await mapNames()).toContain('a');
});

describe.each(places)('a token whose change is held back at its write %d', (place) => {
  test('is not made with a scope map that is deleted meanwhile', async () => {
    const held = holdBack(place);
    const making = put(slowly, { scopeMap: 'b' });
    await held;
    expect((await deleteMap(quickly(), 'b')).status).toBe(204);
    expectProblem(await making, 400, 'UNSUPPORTED');
    expect(await tokens()).toEqual([]);
  });

  test('keeps its scope map where the one it is to get is deleted meanwhile', async () => {
    await put(quickly(), { scopeMap: 'a' });
    const held = holdBack(place);
    const changing = put(slowly, { scopeMap: 'b', enabled: false });
    await held;
    expect((await deleteMap(quickly(), 'b')).status).toBe(204);
    expectProblem(await changing, 400, 'UNSUPPORTED');
    expect(await tokens()).toMatchObject([{ scopeMap: 'a', enabled: true }]);
  });

  test('stays as another made it meanwhile when its own change is refused', async () => {
    const held = holdBack(place);
    const making = put(slowly, { scopeMap: 'b' });
    await held;
    expect((await deleteMap(quickly(), 'b')).status).toBe(204);
    expect((await put(quickly(), { scopeMap: 'a' })).status).toBe(201);
    expectProblem(await making, 400, 'UNSUPPORTED');
    expect(await tokens()).toMatchObject([{ scopeMap: 'a', enabled: true }]);
  });

  test('stays disabled as another was told meanwhile when its own change is refused', async () => {
    await put(quickly(), { scopeMap: 'a' });
    const held = holdBack(place);
    const changing = put(slowly, { scopeMap: 'b', enabled: true });
    await held;
    expect((await deleteMap(quickly(), 'b')).status).toBe(204);
    expect((await put(quickly(), { scopeMap: 'a', enabled: false })).status).toBe(200);
    expectProblem(await changing, 400, 'UNSUPPORTED');
    expect(await tokens()).toMatchObject([{ scopeMap: 'a', enabled: false }]);
  });

  test('has the scope map that it has until it has the other, so that neither goes', async () => {
    await put(quickly(), { scopeMap: 'a' });
    const held = holdBack(place);
    const changing = put(slowly, { scopeMap: 'b' });
    await held;
    expectProblem(await deleteMap(quickly(), 'a'), 409, 'UNSUPPORTED');
    expect((await changing).status).toBe(200);
    expectProblem(await deleteMap(quickly(), 'b'), 409, 'UNSUPPORTED');
    expect((await deleteMap(quickly(), 'a')).status).toBe(204);
  });
});

test('a change that storage does not let end leaves the token as it was', async () => {
  await put(quickly(), { scopeMap: 'a' });
  proxy.inject({ on: 'merge', fault: { kind: 'status', status: 503 }, times: Infinity });
  const answer = await put(slowly, { scopeMap: 'b', enabled: false });
  expectProblem(answer, 503, 'UNAVAILABLE');
  expect(await tokens()).toMatchObject([{ scopeMap: 'a', enabled: true }]);
  expect((await deleteMap(quickly(), 'b')).status).toBe(204);
});

test('a token does not get a deleted map where a write comes once more after it was undone', async () => {
  const held = Promise.withResolvers<undefined>();
  proxy.inject({ on: 'insert', fault: { kind: 'deliverLate', ms: 1000 } });
  proxy.inject({
    on({ kind }) {
      if (kind === 'batch') held.resolve(undefined);
      return kind === 'batch';
    },
    fault: { kind: 'delay', ms: 3000, at: 'before' },
  });
  const making = put(slowly, { scopeMap: 'b' });
  await held.promise;
  expect((await deleteMap(quickly(), 'b')).status).toBe(204);
  expectProblem(await making, 400, 'UNSUPPORTED');
  expect(await tokens()).toEqual([]);
});

test('a change that says 200 or 201 says whether there was such a token when it was written', async () => {
  const held = holdBack();
  const making = put(slowly, { scopeMap: 'a' });
  await held;
  expect((await put(quickly(), { scopeMap: 'b' })).status).toBe(201);
  expect((await making).status).toBe(200);
});

test('no token is left with a scope map that is not there, whatever happens at once', async () => {
  for (let round = 0; round < 8; round += 1) {
    await Promise.all(['a', 'b'].map((name) => sendMap(name)));
    const answers = await Promise.all([
      put(quickly(), { scopeMap: 'a' }),
      put(slowly, { scopeMap: 'b' }),
      deleteMap(quickly(), 'b'),
      put(slowly, { scopeMap: 'a' }, 'cd'),
      deleteMap(slowly, 'a'),
      put(quickly(), { scopeMap: 'b', enabled: false }, 'cd'),
    ]);
    const there = await mapNames();
    for (const { name, scopeMap } of await tokens()) {
      expect(there, `round ${round}: ${name}`).toContain(scopeMap);
    }
    for (const { status } of answers) expect([200, 201, 204, 400, 404, 409]).toContain(status);
  }
});

function sendMap(name: string) {
  return sendJson(quickly(), 'PUT', `scope-maps/${name}`, { rules });
}

test('a token that is only switched off asks nothing of the policy but one read', async () => {
  await put(slowly, { scopeMap: 'a' });
  proxy.clear();
  expect((await put(slowly, { scopeMap: 'A', enabled: false })).status).toBe(200);
  const writes = proxy.requests.filter(({ kind }) => kind !== 'get');
  expect(writes.map(({ kind, path }) => `${kind} ${path}`)).toEqual([
    expect.stringMatching(/^replace settings\(.*'tokens'/),
  ]);
});

test('a name that no token may have is not looked for', async () => {
  proxy.inject({ fault: { kind: 'status', status: 503 }, times: Infinity });
  for (const method of ['POST', 'DELETE']) {
    const answer = await slowly.send(method, '/api/v1/tokens/a%20b/passwords/password1');
    expectProblem(answer, 404, 'NAME_UNKNOWN');
  }
  expect(proxy.requests).toEqual([]);
});
