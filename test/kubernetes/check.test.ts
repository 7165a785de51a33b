import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { descriptor, image, json, types } from '../http/client.ts';
import { runAgent, startAgent } from './agent.ts';
import { roleless } from './azure-cluster.ts';
import { type ClusterRegistry, startClusterRegistry } from './cluster-registry.ts';
import { freePort } from './free-port.ts';

let registry: ClusterRegistry;
let folder: string;

beforeAll(async () => {
  registry = await startClusterRegistry();
  folder = await mkdtemp(join(tmpdir(), 'lighter-check-'));
});
afterAll(async () => {
  await registry.stop();
  await rm(folder, { recursive: true, force: true });
});
afterEach(() => {
  registry.metadata.fault = undefined;
  registry.front.forwardTo(registry.lighter.url);
});

const args = (...more: string[]) => [
  'check',
  `--registry=${registry.host}`,
  '--image=team/app:1',
  `--identity-endpoint=${registry.metadata.endpoint}`,
  ...more,
];
const check = (...more: string[]) => runAgent(args(...more), { env: registry.env });

/** The lines without how long each took. */
const lines = (stdout: string) =>
  stdout
    .trimEnd()
    .replaceAll(/ \(\d+ ms\)$/gm, '')
    .split('\n');

describe('check', () => {
  test('says what each step of a pull found, to the bytes of a layer', async () => {
    const { code, stdout } = await check();
    expect({ code, lines: lines(stdout) }).toEqual({
      code: 0,
      lines: [
        'ok name: 127.0.0.1 is an address',
        expect.stringMatching(/^ok connection: TLSv1\.[23], certificate trusted, until 20/),
        'ok registry: /v2/ answers 401 and says where tokens are',
        'ok identity: the registry takes it',
        'ok token: may pull team/app',
        expect.stringMatching(/^ok manifest: sha256:[0-9a-f]{64}$/),
        expect.stringMatching(/^ok layer: sha256:[0-9a-f]{64}, 32 bytes, from 127/),
        'result: ok',
      ],
    });
  });

  test('a layer that lies in storage is read from there, without the token', async () => {
    const bytes = Buffer.alloc(100_000, 'layer');
    const [config, layer] = [
      await registry.owner.blob('team/large', '{}', types.config),
      await registry.owner.blob('team/large', bytes),
    ];
    await registry.owner.putManifest('team/large', '1', image({ config, layers: [layer] }));
    const { code, stdout } = await check('--image=team/large:1');
    expect({ code, stdout }).toMatchObject({ code: 0 });
    expect(stdout).toMatch(/ok layer: sha256:\w+, 100000 bytes, from /);
    // The local host passes its account's path through to storage.
    expect(registry.front.asked.at(-1)).toMatch(/^GET \/testaccount\/.*sig=/);
  });

  test("of a multi-platform image it pulls this machine's", async () => {
    const own = image({
      config: await registry.owner.blob('team/multi', '{}', types.config),
      layers: [await registry.owner.blob('team/multi', 'own')],
    });
    await registry.owner.putManifest('team/multi', 'own', own);
    const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
    const entry = descriptor(json(own), types.image);
    await registry.owner.putManifest('team/multi', '1', {
      schemaVersion: 2,
      mediaType: types.index,
      manifests: [{ ...entry, platform: { os: 'linux', architecture } }],
    });
    const { stdout } = await check('--image=team/multi:1');
    expect(lines(stdout)).toContain(`ok manifest: ${entry.digest}`);
  });

  test("by the kubelet's own credential with --config", async () => {
    const config = join(folder, 'config.json');
    await runAgent(
      [
        'node',
        `--registry=${registry.host}`,
        `--identity-endpoint=${registry.metadata.endpoint}`,
        `--config=${config}`,
        '--once',
      ],
      { env: registry.env },
    );
    registry.metadata.asked.length = 0;
    const { stdout } = await check(`--config=${config}`);
    expect(lines(stdout)).toContain(`ok credential: ${config} has one`);
    expect(lines(stdout).at(-1)).toBe('result: ok');
    expect(registry.metadata.asked).toEqual([]);

    const both = await check(`--config=${config}`, '--identity=managed-identity');
    expect(both.stdout).toMatch(/ok identity: .*\nok credential: /);
  });

  test.each<[string, string[], RegExp]>([
    ['a name without address', ['--registry=nowhere.invalid'], /^FAILED name: nowhere\.invalid/],
    ['a closed port', ['--registry=127.0.0.1:1'], /^FAILED connection: .*ECONNREFUSED/],
    ['an image that is not there', ['--image=team/app:2'], /^FAILED manifest: team\/app:2: .*404/],
    ['no credential in the file', ['--config=/nonexistent'], /^FAILED credential: .*has none/],
  ])('stops at %s', async (_, more, line) => {
    const { code, stdout } = await check(...more);
    expect(code).toBe(1);
    expect(lines(stdout).at(-2)).toMatch(line);
    expect(lines(stdout).at(-1)).toBe('result: FAILED');
  });

  test('stops at a certificate that is not trusted', async () => {
    const { stdout } = await runAgent(args(), { env: {} });
    expect(lines(stdout).at(-2)).toMatch(/^FAILED connection: .*(self-signed|unable to verify)/);
  });

  test('stops at what is no registry', async () => {
    registry.front.forwardTo(registry.metadata.endpoint);
    const { stdout } = await check();
    expect(lines(stdout).at(-2)).toMatch(/^FAILED registry: \/v2\/ does not answer as a registry/);
  });

  test('stops at an identity that the machine does not have', async () => {
    registry.metadata.fault = { status: 400, json: { error_description: 'Identity not found' } };
    const { stdout } = await check();
    expect(lines(stdout).at(-2)).toBe(
      'FAILED identity: the identity endpoint has no token for this machine: 400, Identity not found',
    );
  });

  test('stops at an identity without a role, and names the role', async () => {
    const { stdout } = await check(`--client-id=${roleless.clientId}`);
    expect(lines(stdout).at(-2)).toBe(
      "FAILED token: the credential works but may not pull team/app: does its identity have AcrPull on the registry's resource?",
    );
  });

  test('with --stay it waits, and its probe tells the result', async () => {
    const port = await freePort();
    const agent = startAgent(args('--stay', `--health=127.0.0.1:${port}`), { env: registry.env });
    await expect
      .poll(
        () =>
          fetch(`http://127.0.0.1:${port}/healthz`).then(
            ({ status }) => status,
            () => 0,
          ),
        { timeout: 15_000 },
      )
      .toBe(200);
    const { code, stdout } = await agent.stop();
    expect({ code, last: lines(stdout).at(-1) }).toEqual({ code: 0, last: 'result: ok' });
  });
});
