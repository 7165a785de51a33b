import { strictEqual, ok } from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { LocalImage } from './layout.ts';
import { exec, execMustFail } from './process.ts';
import { sha256 } from './digest.ts';
import type { Client, Workbench } from './workbench.ts';

const command = '/usr/bin/skopeo';
const source = '--src-tls-verify=false';
const destination = '--dest-tls-verify=false';
/**
 * Else skopeo may take another compression of the same layer that it knows to be in the registry.
 */
const unchanged = ['--preserve-digests'];

async function run({ registry, images, folder, env, test }: Workbench): Promise<void> {
  const { host, user, password } = registry;
  const skopeo = (...args: string[]): Promise<string> =>
    exec(command, args, { env, timeoutSeconds: 300 });
  const login = ['login', '--tls-verify=false', host, '-u', user, '-p'];

  /** @returns the digest of what came back, which must be the digest that the registry names. */
  const pushAndPull = async (image: LocalImage, name: string, flags: string[]): Promise<string> => {
    const remote = `docker://${host}/skopeo/${name}:1`;
    const pulled = join(folder, name);
    await skopeo('copy', destination, ...flags, `oci:${image.folder}:v1`, remote);
    await skopeo(
      'copy',
      source,
      ...(flags.includes('--all') ? ['--all'] : []),
      remote,
      `dir:${pulled}`,
    );
    const digest = (await skopeo('manifest-digest', join(pulled, 'manifest.json'))).trim();
    strictEqual(digest, (await registry.manifest(`skopeo/${name}`, '1')).digest);
    return digest;
  };

  await test('is refused with a wrong password, and logs in with the right one', async () => {
    await execMustFail(command, [...login, `${password}x`], { env });
    await skopeo(...login, password);
  });
  await test('pushes and pulls an OCI image unchanged', async () => {
    const image = await images.app();
    strictEqual(await pushAndPull(image, 'oci', unchanged), image.digest);
  });
  await test('pushes and pulls a Docker schema 2 image', async () => {
    await pushAndPull(await images.app(), 'v2s2', ['--format', 'v2s2']);
    const { mediaType } = await registry.manifest('skopeo/v2s2', '1');
    strictEqual(mediaType, 'application/vnd.docker.distribution.manifest.v2+json');
  });
  await test('pushes and pulls a signed Docker schema 1 image', async () => {
    await pushAndPull(await images.app(), 'v2s1', ['--format', 'v2s1']);
    const { mediaType } = await registry.manifest('skopeo/v2s1', '1');
    strictEqual(mediaType, 'application/vnd.docker.distribution.manifest.v1+prettyjws');
  });
  await test('pushes and pulls a multi-arch index with all its images', async () => {
    const image = await images.multiArch();
    strictEqual(await pushAndPull(image, 'multi-arch', ['--all', ...unchanged]), image.digest);
    const files = await readdir(join(folder, 'multi-arch'));
    strictEqual(files.filter((name) => name.endsWith('.manifest.json')).length, 2);
  });
  await test('pushes and pulls 127 layers', async () => {
    const image = await images.layers(127);
    strictEqual(await pushAndPull(image, 'layers', unchanged), image.digest);
  });
  await test('pushes and pulls an image with a zero-byte layer', async () => {
    const image = await images.emptyLayer();
    strictEqual(await pushAndPull(image, 'empty-layer', unchanged), image.digest);
  });
  await test('pushes and pulls an image that has the same layer twice', async () => {
    const image = await images.sameLayerTwice();
    strictEqual(await pushAndPull(image, 'twice', unchanged), image.digest);
  });
  await test('pushes and pulls a layer of 1 GiB', async () => {
    const image = await images.large();
    strictEqual(await pushAndPull(image, 'large', unchanged), image.digest);
  });
  await test('lists tags, shows the manifest as it is stored, and deletes the image', async () => {
    const remote = `docker://${host}/skopeo/oci`;
    const listed = await skopeo('list-tags', '--tls-verify=false', remote);
    ok(/"Tags": \[\s+"1"\s+\]/.test(listed), listed);
    const raw = await skopeo('inspect', '--raw', '--tls-verify=false', `${remote}:1`);
    strictEqual(sha256(raw), (await images.app()).digest);
    await skopeo('delete', '--tls-verify=false', `${remote}:1`);
    await execMustFail(command, ['inspect', '--raw', '--tls-verify=false', `${remote}:1`], { env });
  });
}

export const skopeo: Client = { name: 'skopeo', tools: [], run };
