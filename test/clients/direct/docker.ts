import { strictEqual } from 'node:assert/strict';
import type { CuttingProxy } from '../cutting-proxy.ts';
import { engine29, startEngine } from '../docker.ts';
import type { LocalImage } from '../layout.ts';
import { exec } from '../process.ts';
import type { Workbench } from '../workbench.ts';
import { expectCut, expectDirect, expectNoUpload } from './uploads.ts';

/** Docker Engine with its containerd image store. */
export async function withDocker(bench: Workbench, proxy: CuttingProxy): Promise<void> {
  const engine = await startEngine(engine29, bench);
  await run(bench, proxy).finally(() => engine.stop());
}

async function run(bench: Workbench, proxy: CuttingProxy): Promise<void> {
  const { env, images, registry, test } = bench;
  const docker = (...args: string[]): Promise<string> =>
    exec('/usr/bin/docker', args, { env, timeoutSeconds: 300 });
  const login = ['login', '-u', registry.user, '--password-stdin', proxy.host];
  await exec('/usr/bin/docker', login, { env, input: registry.password });

  const remote = (name: string): string => `${proxy.host}/direct/${name}`;
  const load = async (image: LocalImage, name: string): Promise<void> => {
    await docker('load', '-i', image.archive);
    await docker('tag', image.name, remote(name));
  };
  /** Pulls what was pushed, after all its names are gone. */
  const pullBack = async (image: LocalImage, name: string, ...others: string[]): Promise<void> => {
    const [repository = '', tag = ''] = name.split(':');
    strictEqual((await registry.manifest(`direct/${repository}`, tag)).digest, image.digest);
    await docker('rmi', '--force', remote(name), ...others.map(remote), image.name);
    await docker('pull', remote(name));
  };

  await test('from Docker 29: five blobs, none of whose bytes the registry sees', async () => {
    const image = await images.app();
    await load(image, 'docker:1');
    await docker('push', remote('docker:1'));
    await expectDirect(bench, 'direct/docker', 5);
    await pullBack(image, 'docker:1');
  });
  await test('from Docker 29: sends nothing again under another tag', async () => {
    await docker('tag', remote('docker:1'), remote('docker:2'));
    await expectNoUpload(bench, proxy, 'direct/docker', () => docker('push', remote('docker:2')));
    await docker('rmi', '--force', remote('docker:1'), remote('docker:2'));
  });
  await test('from Docker 29: an index of two platforms', async () => {
    const image = await images.multiArch();
    await load(image, 'docker-multi-arch:1');
    await docker('push', remote('docker-multi-arch:1'));
    await expectDirect(bench, 'direct/docker-multi-arch', 2);
    await pullBack(image, 'docker-multi-arch:1');
    await docker('rmi', '--force', remote('docker-multi-arch:1'));
  });
  await test('from Docker 29: is cut by a proxy, and succeeds when it is tried again', async () => {
    const image = await images.equalSizes();
    await load(image, 'docker-cut:1');
    await expectCut(proxy, () => docker('push', remote('docker-cut:1')));
    await docker('push', remote('docker-cut:1'));
    await expectDirect(bench, 'direct/docker-cut', 4);
    await pullBack(image, 'docker-cut:1');
  });
}
