import { ok, strictEqual } from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exec, execMustFail } from './process.ts';
import { sha256 } from './digest.ts';
import type { Client, Workbench } from './workbench.ts';

const command = '/usr/bin/podman';
const insecure = '--tls-verify=false';

async function run({ registry, images, folder, env, test }: Workbench): Promise<void> {
  const { host, user, password } = registry;
  const storage = [
    '--root',
    join(folder, 'root'),
    '--runroot',
    join(folder, 'run'),
    '--storage-driver',
    'vfs',
  ];
  const podman = async (...args: string[]): Promise<string> =>
    (await exec(command, [...storage, ...args], { env, timeoutSeconds: 300 })).trim();
  const remote = (name: string): string => `${host}/podman/${name}:1`;
  const inspect = (image: string, field: string): Promise<string> =>
    podman('image', 'inspect', '-f', `{{.${field}}}`, image);

  const pushAndPull = async (name: string, ...flags: string[]): Promise<void> => {
    const id = await inspect(remote(name), 'Id');
    const digestFile = join(folder, 'digest');
    await podman('push', insecure, ...flags, '--digestfile', digestFile, remote(name));
    await podman('rmi', '--all', '--force');
    strictEqual(await podman('images', '--all', '--quiet'), '');
    await podman('pull', insecure, remote(name));
    const manifest = await registry.manifest(`podman/${name}`, '1');
    strictEqual(await exec('cat', [digestFile]), manifest.digest);
    strictEqual(await inspect(remote(name), 'Digest'), manifest.digest);
    strictEqual(sha256(manifest.body), manifest.digest);
    // A conversion to Docker's schema makes another config, whose digest is the image's id.
    if (flags.length === 0) strictEqual(await inspect(remote(name), 'Id'), id);
  };

  await test('is refused with a wrong password, and logs in with the right one', async () => {
    const login = ['login', insecure, '-u', user, '-p'];
    await execMustFail(command, [...storage, ...login, `${password}x`, host], { env });
    await podman(...login, password, host);
  });
  await test('builds an image of three layers, pushes it, and pulls it back', async () => {
    const context = join(folder, 'context');
    await mkdir(context);
    for (const layer of ['one', 'two', 'three'])
      await writeFile(join(context, layer), `${layer}\n`);
    const lines = ['FROM scratch', 'COPY one /', 'COPY two /', 'COPY three /'];
    await writeFile(join(context, 'Dockerfile'), lines.join('\n'));
    await podman('build', '--isolation', 'chroot', '--layers', '-t', remote('built'), context);
    await pushAndPull('built');
    strictEqual((await inspect(remote('built'), 'RootFS.Layers')).split('sha256:').length - 1, 3);
  });
  await test('pushes and pulls an image of four layers with a link and a whiteout', async () => {
    const id = await podman('pull', '--quiet', `oci-archive:${(await images.app()).archive}`);
    await podman('tag', id, remote('app'));
    await pushAndPull('app');
  });
  await test('pushes and pulls a Docker schema 2 image', async () => {
    await podman('tag', remote('app'), remote('v2s2'));
    await pushAndPull('v2s2', '--format', 'v2s2');
    const { mediaType } = await registry.manifest('podman/v2s2', '1');
    strictEqual(mediaType, 'application/vnd.docker.distribution.manifest.v2+json');
  });
  await test('makes a multi-arch index of pushed images, pushes it, and pulls from it', async () => {
    await podman('manifest', 'create', 'both');
    await podman('manifest', 'add', insecure, 'both', `docker://${remote('app')}`);
    await podman(
      'manifest',
      'add',
      insecure,
      '--arch',
      'arm64',
      'both',
      `docker://${remote('v2s2')}`,
    );
    await podman('manifest', 'push', insecure, '--all', 'both', `docker://${remote('both')}`);
    const { body } = await registry.manifest('podman/both', '1');
    ok(body.includes((await registry.manifest('podman/app', '1')).digest), body);
    await podman('rmi', '--all', '--force');
    await podman('pull', insecure, remote('both'));
  });
  await test('pulls an image with the same layer twice, and pushes it again', async () => {
    const layout = (await images.sameLayerTwice()).folder;
    const first = [
      'copy',
      '--dest-tls-verify=false',
      `oci:${layout}:v1`,
      `docker://${remote('twice')}`,
    ];
    await exec('/usr/bin/skopeo', first, { env });
    await podman('pull', insecure, remote('twice'));
    await pushAndPull('twice');
  });
  await test('finds a repository with podman search', async () => {
    const found = await podman('search', insecure, '--format', '{{.Name}}', `${host}/podman/app`);
    strictEqual(found, `${host}/podman/app`);
  });
}

export const podman: Client = { name: 'podman', tools: [], run };
