import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeJwt, UnsecuredJWT } from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { registryAudience } from '../auth/entra/test-entra.ts';
import { type RunningAgent, runAgent, startAgent } from './agent.ts';
import { freePort } from './free-port.ts';
import { kubelet } from './azure-cluster.ts';
import { type ClusterRegistry, startClusterRegistry } from './cluster-registry.ts';

const tokenUser = '00000000-0000-0000-0000-000000000000';

let registry: ClusterRegistry;
let folder: string;
let config: string;
let running: RunningAgent[] = [];

beforeAll(async () => {
  registry = await startClusterRegistry();
});
afterAll(() => registry.stop());

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lighter-kubelet-'));
  config = join(folder, 'config.json');
});
afterEach(async () => {
  await Promise.all(running.map((agent) => agent.stop()));
  running = [];
  registry.metadata.fault = undefined;
  registry.front.forwardTo(registry.lighter.url);
  await rm(folder, { recursive: true, force: true });
});

const args = (...more: string[]) => [
  'node',
  `--registry=${registry.host}`,
  `--client-id=${kubelet.clientId}`,
  `--identity-endpoint=${registry.metadata.endpoint}`,
  `--config=${config}`,
  ...more,
];
const renewOnce = (...more: string[]) => runAgent(args('--once', ...more), { env: registry.env });

function keep(...more: string[]): RunningAgent {
  const agent = startAgent(args(...more), { env: registry.env });
  running.push(agent);
  return agent;
}

async function loginOf(host = registry.host) {
  const { auths }: { auths: Record<string, { auth: string }> } = JSON.parse(
    await readFile(config, 'utf8'),
  );
  const [username = '', password = ''] = Buffer.from(auths[host]?.auth ?? '', 'base64')
    .toString()
    .split(':');
  return { username, password };
}

const pull = async ({ username, password }: { username: string; password: string }) =>
  (await registry.as(username, password).send('GET', '/v2/team/app/manifests/1')).status;

/** Something in the place of the kubelet's credential. */
const writeLogin = (password: string) =>
  writeFile(
    config,
    JSON.stringify({
      auths: {
        [registry.host]: { auth: Buffer.from(`${tokenUser}:${password}`).toString('base64') },
      },
    }),
  );

describe('node', () => {
  test("turns the kubelet's identity into a credential that pulls and does not push", async () => {
    const { code, log } = await renewOnce();
    expect({ code, log }).toEqual({
      code: 0,
      log: `${config} has a credential for ${registry.host}, good for 180 minutes\n`,
    });
    const login = await loginOf();
    expect(login.username).toBe(tokenUser);
    expect(decodeJwt(login.password).sub).toBe(kubelet.objectId);
    expect(await pull(login)).toBe(200);
    const push = registry.as(login.username, login.password);
    expect((await push.send('POST', '/v2/team/app/blobs/uploads/')).status).toBe(403);
  });

  test('asks the metadata service for a token for container registries, of its client id', async () => {
    await renewOnce();
    const query = registry.metadata.asked.at(-1);
    expect(Object.fromEntries(query ?? [])).toEqual({
      'api-version': '2018-02-01',
      resource: registryAudience,
      client_id: kubelet.clientId,
    });
  });

  test('keeps the other entries and fields of the file, and its mode', async () => {
    const before = {
      auths: {
        'docker.io': { auth: 'dTpw', email: 'a@example.com' },
        [registry.host]: { auth: 'b2xkOm9sZA==' },
      },
      credHelpers: { 'public.ecr.aws': 'ecr-login' },
      HttpHeaders: { 'X-Meta': '1' },
    };
    await writeFile(config, JSON.stringify(before));
    await chmod(config, 0o640);
    await renewOnce();
    const after: typeof before = JSON.parse(await readFile(config, 'utf8'));
    const { password } = await loginOf();
    const auth = Buffer.from(`${tokenUser}:${password}`).toString('base64');
    expect(after).toEqual({
      ...before,
      auths: { ...before.auths, [registry.host]: { auth } },
    });
    expect((await stat(config)).mode & 0o777).toBe(0o640);
  });

  test('makes the file for its owner alone, and leaves nothing else behind', async () => {
    await renewOnce();
    expect((await stat(config)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['config.json']);
  });

  test('replaces the file: who reads it meanwhile reads one whole, never a part', async () => {
    const agent = keep('--renew-after', '0.05');
    await agent.logged(/has a credential/);
    const inodes = new Set<number>();
    for (const until = Date.now() + 3000; Date.now() < until && inodes.size < 4;) {
      expect((await loginOf()).username).toBe(tokenUser);
      inodes.add((await stat(config)).ino);
    }
    expect(inodes.size).toBeGreaterThan(1);
  });

  test('leaves a file alone that is no JSON, and says so', async () => {
    await writeFile(config, '{"auths": {');
    const { code, log } = await renewOnce();
    expect(code).toBe(1);
    expect(log).toBe(
      `${config} cannot be changed: it is not a JSON object, and is left as it is\n`,
    );
    expect(await readFile(config, 'utf8')).toBe('{"auths": {');
  });

  test('renews the credential before it ends', async () => {
    const agent = keep('--renew-after', '0.5');
    await agent.logged(/has a credential/);
    const first = (await loginOf()).password;
    await expect.poll(async () => (await loginOf()).password, { timeout: 5000 }).not.toBe(first);
    const { code } = await agent.stop();
    expect(code).toBe(0);
  });
});

describe('while no credential can be had', () => {
  test('the metadata service being down is said once, and the old credential stays', async () => {
    await renewOnce();
    const before = await loginOf();
    const dead = await freePort();
    const agent = startAgent([...args(), '--identity-endpoint', `http://127.0.0.1:${dead}`], {
      env: registry.env,
    });
    running.push(agent);
    await agent.logged(/gives no answer/);
    await sleep(6000);
    const { log } = await agent.stop();
    expect(log).toBe(
      `the identity endpoint at http://127.0.0.1:${dead} gives no answer: connect ECONNREFUSED 127.0.0.1:${dead}\n`,
    );
    expect(await loginOf()).toEqual(before);
    expect(await pull(before)).toBe(200);
  });

  test('an identity that was taken from the machine is named, and works again when it is back', async () => {
    registry.metadata.fault = {
      status: 400,
      json: { error: 'invalid_request', error_description: 'Identity not found' },
    };
    const agent = keep();
    await agent.logged(/Identity not found/);
    expect(agent.log()).toBe(
      `the identity endpoint has no token for client id ${kubelet.clientId}: 400, Identity not found\n`,
    );
    registry.metadata.fault = undefined;
    await agent.logged(/works again after 1 failed/);
    expect(await pull(await loginOf())).toBe(200);
  });

  test('the registry being down leaves the credential', async () => {
    await renewOnce();
    const before = await loginOf();
    registry.front.forwardTo(`http://127.0.0.1:${await freePort()}`);
    const agent = keep();
    await agent.logged(/the registry at .* gives no answer/);
    await sleep(300);
    expect(await loginOf()).toEqual(before);
  });

  test('a credential that the registry takes no more is taken out of the file', async () => {
    await writeLogin('ended');
    registry.metadata.fault = { status: 500, json: {} };
    const agent = keep();
    await agent.logged(/has ended and is taken out/);
    expect(JSON.parse(await readFile(config, 'utf8'))).toEqual({ auths: {} });
  });

  test("a token that the registry refuses is reported in the registry's own words", async () => {
    registry.metadata.fault = {
      status: 200,
      json: { access_token: new UnsecuredJWT({ aud: registryAudience }).encode() },
    };
    const { code, log } = await renewOnce();
    expect({ code, log }).toEqual({
      code: 1,
      log: `the registry ${registry.host} refuses the identity: 401, this is no access token of the Entra tenant of this registry\n`,
    });
  });

  test('a wrong clock is named when tokens fail by it', async () => {
    const other = createServer((_, response) => {
      response.sendDate = false;
      response.writeHead(401, { date: new Date(Date.now() + 7_200_000).toUTCString() });
      response.end('{"errors":[{"message":"the Entra token is refused: it has ended"}]}');
    });
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const { log } = await renewOnce('--registry', `http://127.0.0.1:${port}`);
    other.close();
    expect(log).toMatch(/it has ended; the clock here is 7(?:199|20\d) s behind the registry's\n$/);
  });
});

test('GET /healthz says when a credential is in place, and why there is none', async () => {
  const port = await freePort();
  registry.metadata.fault = { status: 503, json: { error: 'down for repair' } };
  const agent = keep('--health', `127.0.0.1:${port}`);
  await agent.logged(/down for repair/);
  const sick = await fetch(`http://127.0.0.1:${port}/healthz`);
  expect([sick.status, await sick.text()]).toEqual([503, expect.stringContaining('repair')]);
  registry.metadata.fault = undefined;
  await agent.logged(/has a credential/);
  await expect.poll(async () => (await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
});

test('--remove takes the entry out, keeps the others, and waits to be ended', async () => {
  await renewOnce();
  const file: { auths: object } = JSON.parse(await readFile(config, 'utf8'));
  await writeFile(config, JSON.stringify({ auths: { ...file.auths, other: { auth: 'dTpw' } } }));
  const agent = keep('--remove');
  await agent.logged(/no credential for/);
  expect(JSON.parse(await readFile(config, 'utf8'))).toEqual({
    auths: { other: { auth: 'dTpw' } },
  });
  expect((await agent.stop()).code).toBe(0);
});

test.each([
  [['--registry', 'a/b'], '"a/b" is no registry: give its host name, such as registry.example.com'],
  [
    ['--identity', 'magic'],
    '--identity magic is none of managed-identity, workload-identity, service-account',
  ],
  [['--renew-after', 'soon'], '--renew-after is a number of seconds'],
  [['--what'], "Unknown option '--what'"],
])('%j is refused in one line', async (wrong, message) => {
  const { code, log } = await renewOnce(...wrong);
  expect(code).toBe(1);
  expect(log.trimEnd()).toContain(message);
  expect(log.trimEnd().split('\n')).toHaveLength(1);
});
