import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startContainerd } from '../containerd.ts';
import type { CuttingProxy } from '../cutting-proxy.ts';
import { toolPath } from '../install.ts';
import { exec, startDaemon, succeeds, type Daemon } from '../process.ts';
import type { Workbench } from '../workbench.ts';
import { expectThrough } from './uploads.ts';

/** Debian's, with its files below `folder`. */
function startDebianContainerd(folder: string, socket: string): Promise<Daemon> {
  return startDaemon('/usr/bin/containerd', ['--config', join(folder, 'old.toml')], {
    logFile: join(folder, 'old.log'),
    isReady: () => succeeds('/usr/bin/ctr', ['-a', socket, 'version']),
  });
}

/** Versions of containerd that upload everything to storage, and then fail. */
export async function withOldContainerd(bench: Workbench, proxy: CuttingProxy): Promise<void> {
  const { folder, env, images, registry, test } = bench;
  const credentials = ['--plain-http', '--user', `${registry.user}:${registry.password}`];

  /** Pushes an image from the daemon at that socket. */
  const push = async (
    command: string,
    socket: string,
    name: string,
    ...flags: string[]
  ): Promise<void> => {
    const image = await images.app();
    const ctr = (...args: string[]): Promise<string> =>
      exec(command, ['-a', socket, '-n', 'direct', ...args], { env });
    await ctr('images', 'import', '--no-unpack', image.archive);
    const target = `${proxy.host}/direct/${name}:1`;
    await ctr('images', 'push', ...credentials, ...flags, target, image.name);
  };

  const oldSocket = join(folder, 'old.sock');
  const config = `version = 2
root = "${folder}/old-root"
state = "${folder}/old-state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]

[grpc]
  address = "${oldSocket}"
`;
  await writeFile(join(folder, 'old.toml'), config);
  const old = await startDebianContainerd(folder, oldSocket);
  try {
    await test('not from Debian’s containerd 1.6, which pushes through the registry', async () => {
      await expectThrough(bench, proxy, 'direct/old', () => push('/usr/bin/ctr', oldSocket, 'old'));
    });
  } finally {
    await old.stop();
  }

  const socket = join(folder, 'containerd.sock');
  const daemon = await startContainerd(folder, socket);
  try {
    await test('not from ctr 2.1, the last that pushes through the registry', async () => {
      // By itself: the transfer service would push with the daemon’s version.
      const command = toolPath('ctr-2.1', 'ctr');
      await expectThrough(bench, proxy, 'direct/old-2.1', () =>
        push(command, socket, 'old-2.1', '--local'),
      );
    });
  } finally {
    await daemon.stop();
  }
}
