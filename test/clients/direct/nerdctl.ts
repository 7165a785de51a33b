import { ok, strictEqual } from 'node:assert/strict';
import { join } from 'node:path';
import { startContainerd } from '../containerd.ts';
import type { CuttingProxy } from '../cutting-proxy.ts';
import { toolPath } from '../install.ts';
import type { LocalImage } from '../layout.ts';
import { exec } from '../process.ts';
import { writeDockerConfig, type Workbench } from '../workbench.ts';
import { begunUploads, expectCut, expectDirect, expectNoUpload } from './uploads.ts';

/** nerdctl as root, with a containerd of its own. Neither networks nor a runtime are needed. */
export async function withNerdctl(bench: Workbench, proxy: CuttingProxy): Promise<void> {
  const socket = join(bench.folder, 'containerd.sock');
  const daemon = await startContainerd(bench.folder, socket);
  await run(bench, proxy, socket).finally(() => daemon.stop());
}

async function run(bench: Workbench, proxy: CuttingProxy, socket: string): Promise<void> {
  const { env, folder, images, registry, test } = bench;
  await writeDockerConfig({ ...bench, registry: { ...registry, host: proxy.host } });
  const base = ['--address', socket, '--namespace', 'direct'];
  const files = ['--data-root', join(folder, 'data'), '--hosts-dir', join(folder, 'hosts')];
  const nerdctl = (...args: string[]): Promise<string> =>
    exec(toolPath('nerdctl'), [...base, ...files, '--insecure-registry', ...args], {
      env,
      timeoutSeconds: 300,
    });
  const ctr = (...args: string[]): Promise<string> =>
    exec(toolPath('containerd', 'ctr'), ['-a', socket, '-n', 'direct', ...args], { env });

  const remote = (name: string): string => `${proxy.host}/direct/${name}`;
  const load = async (image: LocalImage, name: string): Promise<void> => {
    await nerdctl('load', '--all-platforms', '-i', image.archive);
    await nerdctl('tag', image.name, remote(name));
  };
  /** Pulls into an empty store what was pushed, with its digest and all its layers. */
  const pullBack = async (image: LocalImage, name: string, ...flags: string[]): Promise<void> => {
    const [repository = '', tag = ''] = name.split(':');
    strictEqual((await registry.manifest(`direct/${repository}`, tag)).digest, image.digest);
    const all = (await ctr('images', 'ls', '--quiet')).trim().split('\n');
    await ctr('images', 'rm', '--sync', ...all);
    strictEqual((await ctr('content', 'ls', '--quiet')).trim(), '');
    await nerdctl('pull', ...flags, remote(name));
    const pulled = await ctr('images', 'ls', `name==${remote(name)}`);
    ok(pulled.includes(image.digest), pulled);
    const content = (await ctr('content', 'ls', '--quiet')).split('\n');
    const missing = image.layerDigests.filter((digest) => !content.includes(digest));
    strictEqual(missing.join(), '');
  };

  await test('from nerdctl: five blobs, none of whose bytes the registry sees', async () => {
    const image = await images.app();
    await load(image, 'nerdctl:1');
    const before = proxy.storedBytes();
    await nerdctl('push', remote('nerdctl:1'));
    await expectDirect(bench, 'direct/nerdctl', 5);
    strictEqual(await begunUploads(bench, 'direct/nerdctl'), 5);
    ok(proxy.storedBytes() - before > 3_000_000);
    await pullBack(image, 'nerdctl:1');
  });
  await test('from nerdctl: sends nothing again under another tag', async () => {
    await nerdctl('tag', remote('nerdctl:1'), remote('nerdctl:2'));
    await expectNoUpload(bench, proxy, 'direct/nerdctl', () =>
      nerdctl('push', remote('nerdctl:2')),
    );
  });
  await test('from nerdctl: mounts in another repository what it has pulled', async () => {
    await nerdctl('tag', remote('nerdctl:1'), remote('nerdctl-mounted:1'));
    await expectNoUpload(bench, proxy, 'direct/nerdctl-mounted', () =>
      nerdctl('push', remote('nerdctl-mounted:1')),
    );
    await pullBack(await images.app(), 'nerdctl-mounted:1');
  });
  await test('from nerdctl by the daemon’s transfer service', async () => {
    const image = await images.equalSizes();
    await load(image, 'nerdctl-transfer:1');
    await nerdctl('push', '--allow-nondistributable-artifacts', remote('nerdctl-transfer:1'));
    await expectDirect(bench, 'direct/nerdctl-transfer', 4);
    await pullBack(image, 'nerdctl-transfer:1');
  });
  await test('from nerdctl: an index of two platforms', async () => {
    const image = await images.multiArch();
    await load(image, 'nerdctl-multi-arch:1');
    await nerdctl('push', '--all-platforms', remote('nerdctl-multi-arch:1'));
    await expectDirect(bench, 'direct/nerdctl-multi-arch', 7);
    await pullBack(image, 'nerdctl-multi-arch:1', '--all-platforms');
  });
  await test('from nerdctl: 127 layers, many of one size', async () => {
    const image = await images.layers(127);
    // Unpacked they are 127 mounts within one another, which takes longer than all the rest.
    await ctr('images', 'import', '--no-unpack', image.archive);
    await nerdctl('tag', image.name, remote('nerdctl-layers:1'));
    await nerdctl('push', remote('nerdctl-layers:1'));
    await expectDirect(bench, 'direct/nerdctl-layers', 128);
    await pullBack(image, 'nerdctl-layers:1', '--unpack=false');
  });
  await test('from nerdctl: is cut by a proxy, and succeeds when it is tried again', async () => {
    const image = await images.app();
    await load(image, 'nerdctl-cut:1');
    await expectCut(proxy, () => nerdctl('push', remote('nerdctl-cut:1')));
    await nerdctl('push', remote('nerdctl-cut:1'));
    await expectDirect(bench, 'direct/nerdctl-cut', 5);
    await pullBack(image, 'nerdctl-cut:1');
  });
}
