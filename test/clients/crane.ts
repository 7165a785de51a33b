import { strictEqual, deepStrictEqual } from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LocalImage } from './layout.ts';
import { toolPath } from './install.ts';
import { exec, execMustFail } from './process.ts';
import { tar } from './tar.ts';
import type { Client, Workbench } from './workbench.ts';

async function run({ registry, images, folder, env, test }: Workbench): Promise<void> {
  const { host, user, password } = registry;
  const command = toolPath('crane');
  const crane = async (...args: string[]): Promise<string> =>
    (await exec(command, args, { env, timeoutSeconds: 300 })).trim();
  const repository = `${host}/crane`;

  /** Pushes a layout, pulls it into an empty folder, pushes that again: three equal digests. */
  const pushAndPull = async (image: LocalImage, name: string): Promise<void> => {
    const pulled = join(folder, name);
    const reference = await crane('push', image.folder, `${repository}/${name}:1`);
    strictEqual(reference, `${repository}/${name}@${image.digest}`);
    strictEqual((await registry.manifest(`crane/${name}`, '1')).digest, image.digest);
    await crane('pull', '--format', 'oci', `${repository}/${name}:1`, pulled);
    await crane('push', pulled, `${repository}/${name}:2`);
    strictEqual(await crane('digest', `${repository}/${name}:2`), image.digest);
    await rm(pulled, { recursive: true });
  };

  await test('is refused with a wrong password, and logs in with the right one', async () => {
    await crane('auth', 'login', host, '-u', user, '-p', `${password}x`);
    await execMustFail(command, ['push', (await images.app()).folder, `${repository}/app:1`], {
      env,
    });
    await crane('auth', 'login', host, '-u', user, '-p', password);
  });
  await test('pushes and pulls an OCI image unchanged', async () => {
    await pushAndPull(await images.app(), 'app');
    await crane('validate', '--remote', `${repository}/app:1`);
  });
  await test('builds a Docker image by appending layers, and pulls it as a tarball', async () => {
    for (const layer of ['one', 'two', 'three']) {
      const content = Buffer.from(`${layer}\n`);
      await writeFile(join(folder, `${layer}.tar`), tar([{ path: layer, kind: 'file', content }]));
    }
    const image = `${repository}/appended`;
    await crane('append', '-f', join(folder, 'one.tar'), '-t', `${image}:1`);
    await crane('append', '-b', `${image}:1`, '-f', join(folder, 'two.tar'), '-t', `${image}:2`);
    await crane('append', '-b', `${image}:2`, '-f', join(folder, 'three.tar'), '-t', `${image}:3`);
    const manifest = await registry.manifest('crane/appended', '3');
    strictEqual(manifest.mediaType, 'application/vnd.docker.distribution.manifest.v2+json');
    const tarball = join(folder, 'appended.tar');
    await crane('pull', `${image}:3`, tarball);
    await crane('push', tarball, `${image}:4`);
    strictEqual(await crane('digest', `${image}:4`), manifest.digest);
    await crane('validate', '--remote', `${image}:4`);
  });
  await test('pushes and pulls a multi-arch index', async () => {
    await pushAndPull(await images.multiArch(), 'multi-arch');
    await crane('validate', '--remote', `${repository}/multi-arch:1`);
  });
  await test('makes an index of images that are in the registry', async () => {
    const image = `${repository}/appended`;
    await crane('mutate', '--set-platform', 'linux/arm64', `${image}:3`, '-t', `${image}:arm64`);
    await crane(
      'index',
      'append',
      '-m',
      `${image}:3`,
      '-m',
      `${image}:arm64`,
      '-t',
      `${image}:both`,
    );
    await crane('validate', '--remote', `${image}:both`);
  });
  await test('pushes and pulls 127 layers', async () => {
    await pushAndPull(await images.layers(127), 'layers');
  });
  await test('pushes and pulls an image with a zero-byte layer', async () => {
    await pushAndPull(await images.emptyLayer(), 'empty-layer');
  });
  await test('pushes and pulls an image that has the same layer twice', async () => {
    await pushAndPull(await images.sameLayerTwice(), 'twice');
  });
  await test('pushes and pulls a layer of 1 GiB', async () => {
    await pushAndPull(await images.large(), 'large');
  });
  await test('copies an image to another repository, mounting its layers', async () => {
    await crane('copy', `${repository}/app:1`, `${repository}/copy:1`);
    strictEqual(await crane('digest', `${repository}/copy:1`), (await images.app()).digest);
    await crane('validate', '--remote', `${repository}/copy:1`);
  });
  await test('fetches a single layer by its digest', async () => {
    const image = await images.app();
    const [digest] = image.layerDigests;
    const answer = await registry.fetch(`/v2/crane/app/blobs/${digest}`);
    const local = await readFile(join(image.folder, 'blobs', (digest ?? '').replace(':', '/')));
    strictEqual(Buffer.compare(Buffer.from(await answer.arrayBuffer()), local), 0);
  });
  await test('lists the tags and repositories, and deletes an image', async () => {
    deepStrictEqual((await crane('ls', `${repository}/app`)).split('\n').sort(), ['1', '2']);
    const repositories = (await crane('catalog', host)).split('\n');
    strictEqual(repositories.includes('crane/appended'), true);
    await crane('delete', `${repository}/app@${(await images.app()).digest}`);
    await execMustFail(command, ['manifest', `${repository}/app:1`], { env });
  });
}

export const crane: Client = { name: 'crane', tools: ['crane'], run };
