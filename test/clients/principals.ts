import { ok, strictEqual } from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  audience,
  githubClaims,
  kubernetesClaims,
  makeKey,
  publicHalf,
  signWith,
  startTestIssuer,
  type TestIssuer,
} from '../auth/federation/test-issuer.ts';
import { startEngine, type Engine } from './docker.ts';
import { toolPath } from './install.ts';
import { exec, execMustFail } from './process.ts';
import { startRegistry, type Registry } from './registry.ts';
import type { Client, Workbench } from './workbench.ts';

const docker = '/usr/bin/docker';
const skopeo = '/usr/bin/skopeo';
const engine: Engine = {
  name: 'docker-20',
  daemon: '/usr/sbin/dockerd',
  daemonFlags: ['--storage-driver=vfs'],
  path: ['/usr/bin', '/usr/sbin'],
  hasContainerdStore: false,
  maxLayers: 125,
};
/** An issuer that nobody can reach: its rule has the keys. */
const cluster = 'https://kubernetes.default.svc.cluster.local';
const rules = [{ repositories: ['team/*'], actions: ['content/read', 'content/write'] }];

/** Clients as principals of the registry's own: repository tokens, and jobs with OIDC tokens. */
async function run(bench: Workbench): Promise<void> {
  const issuer = await startTestIssuer();
  try {
    await runWith(issuer, bench);
  } finally {
    await issuer.stop();
  }
}

async function runWith(issuer: TestIssuer, bench: Workbench): Promise<void> {
  const { folder, env, images, test } = bench;
  const clusterKey = await makeKey('ES256');
  const registry = await startRegistry(join(folder, 'registry'), {
    NODE_EXTRA_CA_CERTS: issuer.certFile,
  });
  const { host } = registry;
  await setUp(registry, issuer.issuer, publicHalf(clusterKey));
  await startEngine(engine, bench);
  const image = `${host}/team/app:1`;
  await build(folder, env, image);

  const login = (user: string) => ['login', '-u', user, '--password-stdin', host];
  const logout = () => exec(docker, ['logout', host], { env });
  const push = (target: string) => exec(docker, ['push', target], { env, timeoutSeconds: 60 });
  const stored = async (): Promise<Record<string, unknown>> => {
    const config: unknown = JSON.parse(
      await readFile(join(env['DOCKER_CONFIG'] ?? '', 'config.json'), 'utf8'),
    );
    return Object(config).auths[host];
  };

  await test('docker 20.10 pushes and pulls with a repository token, and only what it may', async () => {
    const password = await passwordOf(registry, 'ci');
    await execMustFail(docker, login('ci'), { env, input: `${password}x` });
    await exec(docker, login('ci'), { env, input: password });
    strictEqual((await stored())['identitytoken'], undefined);
    await push(image);
    await exec(docker, ['rmi', image], { env });
    await exec(docker, ['pull', image], { env });
    const elsewhere = `${host}/other/app:1`;
    await exec(docker, ['tag', image, elsewhere], { env });
    const output = await execMustFail(docker, ['push', elsewhere], { env, timeoutSeconds: 60 });
    ok(/denied|unauthorized|insufficient/i.test(output), output);
    await logout();
  });

  await test('docker 20.10 logs in with a job’s token and pushes after that has ended', async () => {
    const now = Math.floor(Date.now() / 1000);
    // Of the minute of skew that is forgiven, ten seconds are left.
    const token = await issuer.sign(githubClaims(issuer.issuer, { exp: now - 50 }));
    await exec(docker, login('github'), { env, input: token });
    ok(typeof (await stored())['identitytoken'] === 'string');
    await sleep(12_000);
    await push(image);
    await logout();
    const output = await execMustFail(docker, login('github'), { env, input: token });
    ok(/unauthorized/i.test(output), output);
  });

  await test('docker 20.10 is refused with the token of another repository’s job', async () => {
    const claims = githubClaims(issuer.issuer, { repository: 'org/app-of-somebody-else' });
    await execMustFail(docker, login('github'), { env, input: await issuer.sign(claims) });
  });

  const crane = (...args: string[]) => exec(toolPath('crane'), args, { env });
  await test('crane pushes with a service account’s token as its password', async () => {
    const token = await signWith(clusterKey, kubernetesClaims(cluster));
    await crane('auth', 'login', host, '-u', 'builder', '-p', token);
    await crane('push', (await images.app()).folder, `${host}/team/crane:1`);
    await crane('validate', '--remote', `${host}/team/crane:1`);
  });

  await test('skopeo copies with a token as --dest-creds', async () => {
    const token = await signWith(clusterKey, kubernetesClaims(cluster));
    const source = `oci:${(await images.app()).folder}:v1`;
    const copy = (creds: string) => [
      'copy',
      '--dest-tls-verify=false',
      '--dest-creds',
      creds,
      source,
      `docker://${host}/team/skopeo:1`,
    ];
    await exec(skopeo, copy(`builder:${token}`), { env });
    const stranger = await signWith(await makeKey('ES256'), kubernetesClaims(cluster));
    await execMustFail(skopeo, copy(`builder:${stranger}`), { env });
  });

  await registry.stop();
}

async function setUp(registry: Registry, issuer: string, key: object): Promise<void> {
  await put(registry, '/api/v1/policy', {
    scopeMaps: [{ name: 'builds', rules }],
    federation: [
      { name: 'github', issuer, audience, claims: { repository: 'org/app' }, rules },
      {
        name: 'cluster',
        issuer: cluster,
        audience,
        claims: { '/kubernetes.io/namespace': 'apps' },
        rules,
        jwks: { keys: [key] },
      },
    ],
  });
  await put(registry, '/api/v1/tokens/ci', { scopeMap: 'builds' });
}

async function put(registry: Registry, path: string, json: object): Promise<void> {
  const answer = await send(registry, 'PUT', path, json);
  ok(answer.ok, await answer.text());
}

async function passwordOf(registry: Registry, name: string): Promise<string> {
  const answer = await send(registry, 'POST', `/api/v1/tokens/${name}/passwords/password1`, {});
  const { password }: { password?: unknown } = Object(await answer.json());
  return String(password);
}

function send(registry: Registry, method: string, path: string, json: object): Promise<Response> {
  const headers = {
    'Content-Type': 'application/json',
    // The policy is only ever replaced knowingly; the rest may be made.
    ...(path === '/api/v1/policy' && { 'If-Match': '*' }),
  };
  return registry.fetch(path, { method, headers, body: JSON.stringify(json) });
}

async function build(folder: string, env: Record<string, string>, image: string): Promise<void> {
  const context = join(folder, 'context');
  await mkdir(context, { recursive: true });
  await writeFile(join(context, 'file'), 'a file\n');
  await writeFile(join(context, 'Dockerfile'), 'FROM scratch\nCOPY file /\nCMD ["/file"]\n');
  await exec(docker, ['build', '-t', image, context], { env, timeoutSeconds: 120 });
}

export const principals: Client = { name: 'principals', tools: ['crane'], run };
