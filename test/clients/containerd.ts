import { ok, strictEqual } from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LocalImage } from './layout.ts';
import { toolPath } from './install.ts';
import { exec, execMustFail, startDaemon, succeeds, type Daemon } from './process.ts';
import type { Client, Workbench } from './workbench.ts';

const command = toolPath('containerd', 'ctr');

/** Starts a containerd of its own in `folder`. */
export /** Starts the daemon with its files below `folder`. */
async function startContainerd(
  folder: string,
  socket: string,
  env: Record<string, string> = {},
): Promise<Daemon> {
  const config = `version = 3
root = "${folder}/root"
state = "${folder}/state"
disabled_plugins = ["io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime", "io.containerd.grpc.v1.cri"]

[grpc]
  address = "${socket}"
`;
  await writeFile(join(folder, 'config.toml'), config);
  return startDaemon(toolPath('containerd'), ['--config', join(folder, 'config.toml')], {
    env,
    logFile: join(folder, 'containerd.log'),
    isReady: () => succeeds(command, ['-a', socket, 'version']),
  });
}

async function run({ registry, images, env, test }: Workbench, socket: string): Promise<void> {
  const { host, user, password } = registry;
  const base = ['-a', socket, '-n', 'test'];
  const ctr = async (...args: string[]): Promise<string> =>
    (await exec(command, [...base, ...args], { env, timeoutSeconds: 300 })).trim();
  const credentials = ['--plain-http', '--user', `${user}:${password}`];

  const digestOf = async (name: string): Promise<string> => {
    const line = (await ctr('images', 'ls', `name==${name}`)).split('\n').at(-1) ?? '';
    return /sha256:[0-9a-f]{64}/.exec(line)?.[0] ?? `none: ${line}`;
  };

  const forget = async (...names: string[]): Promise<void> => {
    await ctr('images', 'rm', '--sync', ...names);
    strictEqual(await ctr('content', 'ls', '--quiet'), '');
  };

  const pushAndPull = async (
    image: LocalImage,
    name: string,
    ...flags: string[]
  ): Promise<void> => {
    const remote = `${host}/containerd/${name}:1`;
    await ctr('images', 'import', '--no-unpack', '--all-platforms', image.archive);
    await ctr('images', 'push', ...credentials, ...flags, remote, image.name);
    strictEqual((await registry.manifest(`containerd/${name}`, '1')).digest, image.digest);
    await forget(image.name);
    await ctr('images', 'pull', ...credentials, ...flags, '--snapshotter', 'overlayfs', remote);
    strictEqual(await digestOf(remote), image.digest);
    await forget(remote);
  };

  await test('is refused with a wrong password', async () => {
    const image = await images.app();
    await ctr('images', 'import', '--no-unpack', image.archive);
    const push = ['images', 'push', '--plain-http', '--user', `${user}:${password}x`];
    await execMustFail(command, [...base, ...push, `${host}/containerd/app:1`, image.name], {
      env,
    });
  });
  await test('pushes and pulls an OCI image unchanged', async () => {
    await pushAndPull(await images.app(), 'app');
  });
  await test('pushes and pulls it without the transfer service too', async () => {
    await pushAndPull(await images.app(), 'local', '--local');
  });
  await test('pushes and fetches a multi-arch index with all its images', async () => {
    const image = await images.multiArch();
    const remote = `${host}/containerd/multi-arch:1`;
    await ctr('images', 'import', '--no-unpack', '--all-platforms', image.archive);
    await ctr('images', 'push', ...credentials, remote, image.name);
    strictEqual((await registry.manifest('containerd/multi-arch', '1')).digest, image.digest);
    await forget(image.name);
    await ctr('content', 'fetch', ...credentials, '--all-platforms', remote);
    strictEqual(await digestOf(remote), image.digest);
    ok((await ctr('content', 'ls', '--quiet')).split('\n').length >= 9);
    await forget(remote);
  });
  await test('pushes and pulls 127 layers', async () => {
    await pushAndPull(await images.layers(127), 'layers');
  });
  await test('pushes and pulls an image that has the same layer twice', async () => {
    await pushAndPull(await images.sameLayerTwice(), 'twice');
  });
  await test('pushes a layer of 1 GiB as one request, and pulls it', async () => {
    await pushAndPull(await images.large(), 'large');
  });
}

export const containerd: Client = {
  name: 'containerd',
  tools: ['containerd'],
  run: async (bench) => {
    const socket = join(bench.folder, 'containerd.sock');
    const daemon = await startContainerd(bench.folder, socket);
    try {
      await run(bench, socket);
    } finally {
      await daemon.stop();
    }
  },
};
