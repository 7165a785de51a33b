import { strictEqual } from 'node:assert/strict';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { startBuildkit, writeContext } from './buildkit.ts';
import { toolPath } from './install.ts';
import { exec } from './process.ts';
import { sha256 } from './digest.ts';
import type { Client, Workbench } from './workbench.ts';

const command = '/usr/bin/docker';

async function run({ registry, folder, env, test }: Workbench, address: string): Promise<void> {
  const { host, user, password } = registry;
  const docker = (...args: string[]): Promise<string> =>
    exec(command, args, { env, timeoutSeconds: 300 });
  const context = join(folder, 'context');
  await writeContext(context);
  const plugins = join(env['DOCKER_CONFIG'] ?? '', 'cli-plugins');
  await mkdir(plugins);
  await symlink(toolPath('buildx'), join(plugins, 'docker-buildx'));

  await test('logs in', async () => {
    const login = ['login', '-u', user, '--password-stdin', host];
    await exec(command, login, { env, input: password });
    await docker('buildx', 'create', '--name', 'remote', '--driver', 'remote', address);
  });
  await test('builds and pushes two platforms with their provenance', async () => {
    const flags = ['--platform', 'linux/amd64,linux/arm64', '--provenance=mode=max', '--push'];
    const image = `${host}/buildx/app:1`;
    await docker('buildx', 'build', '--builder', 'remote', ...flags, '-t', image, context);
    const { body, digest } = await registry.manifest('buildx/app', '1');
    strictEqual(sha256(body), digest);
    strictEqual(body.split('attestation-manifest').length - 1, 2);
  });
  await test('makes another index of what is in the registry', async () => {
    const image = `${host}/buildx/app`;
    const create = ['buildx', 'imagetools', 'create', '--builder', 'remote'];
    await docker(...create, '-t', `${image}:copy`, `${image}:1`);
    const raw = await docker(
      'buildx',
      'imagetools',
      'inspect',
      '--builder',
      'remote',
      '--raw',
      `${image}:copy`,
    );
    strictEqual(sha256(raw), (await registry.manifest('buildx/app', 'copy')).digest);
  });
}

export const buildx: Client = {
  name: 'buildx',
  tools: ['buildx', 'buildkit'],
  extra: true,
  run: async (bench) => {
    const { daemon, address } = await startBuildkit(bench.folder, bench.registry.host);
    try {
      await run(bench, address);
    } finally {
      await daemon.stop();
    }
  },
};
