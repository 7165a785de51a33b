import { strictEqual } from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exec, execMustFail } from './process.ts';
import { sha256 } from './digest.ts';
import type { Client, Workbench } from './workbench.ts';

const command = '/usr/bin/buildah';
const insecure = '--tls-verify=false';

async function run({ registry, folder, env, test }: Workbench): Promise<void> {
  const { host, user, password } = registry;
  const storage = [
    '--root',
    join(folder, 'root'),
    '--runroot',
    join(folder, 'run'),
    '--storage-driver',
    'vfs',
  ];
  const buildah = async (...args: string[]): Promise<string> =>
    (await exec(command, [...storage, ...args], { env, timeoutSeconds: 300 })).trim();
  const remote = (name: string): string => `${host}/buildah/${name}:1`;
  const digestOf = (image: string): Promise<string> =>
    buildah('inspect', '--type', 'image', '--format', '{{.FromImageDigest}}', image);

  const pushAndPull = async (name: string, ...flags: string[]): Promise<void> => {
    const digestFile = join(folder, 'digest');
    await buildah('push', insecure, ...flags, '--digestfile', digestFile, remote(name));
    await buildah('rmi', '--all', '--force');
    strictEqual(await buildah('images', '--all', '--quiet'), '');
    await buildah('pull', insecure, remote(name));
    const manifest = await registry.manifest(`buildah/${name}`, '1');
    strictEqual(await exec('cat', [digestFile]), manifest.digest);
    strictEqual(await digestOf(remote(name)), manifest.digest);
    strictEqual(sha256(manifest.body), manifest.digest);
  };

  await test('is refused with a wrong password, and logs in with the right one', async () => {
    const login = ['login', insecure, '-u', user, '-p'];
    await execMustFail(command, [...storage, ...login, `${password}x`, host], { env });
    await buildah(...login, password, host);
  });
  await test('builds an image of three layers, pushes it, and pulls it back', async () => {
    const context = join(folder, 'context');
    await mkdir(context);
    for (const layer of ['one', 'two', 'three'])
      await writeFile(join(context, layer), `${layer}\n`);
    const lines = ['FROM scratch', 'COPY one /', 'COPY two /', 'COPY three /'];
    await writeFile(join(context, 'Dockerfile'), lines.join('\n'));
    await buildah('bud', '--isolation', 'chroot', '--layers', '-t', remote('built'), context);
    await pushAndPull('built');
  });
  await test('commits a container on top of a pulled image, pushes and pulls it', async () => {
    const container = await buildah('from', insecure, remote('built'));
    await writeFile(join(folder, 'four'), 'four\n');
    await buildah('copy', container, join(folder, 'four'), '/four');
    await buildah('commit', '--rm', container, remote('committed'));
    await pushAndPull('committed');
  });
  await test('pushes and pulls a Docker schema 2 image', async () => {
    await buildah('tag', remote('committed'), remote('v2s2'));
    await pushAndPull('v2s2', '--format', 'v2s2');
    const { mediaType } = await registry.manifest('buildah/v2s2', '1');
    strictEqual(mediaType, 'application/vnd.docker.distribution.manifest.v2+json');
  });
}

export const buildah: Client = { name: 'buildah', tools: [], run };
