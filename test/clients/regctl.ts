import { strictEqual, ok } from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LocalImage } from './layout.ts';
import { toolPath } from './install.ts';
import { exec, execMustFail } from './process.ts';
import type { Client, Workbench } from './workbench.ts';

async function run({ registry, images, folder, env, test }: Workbench): Promise<void> {
  const { host, user, password } = registry;
  const command = toolPath('regctl');
  const options = {
    env: { ...env, REGCTL_CONFIG: join(folder, 'regctl.json') },
    timeoutSeconds: 300,
  };
  const regctl = async (...args: string[]): Promise<string> =>
    (await exec(command, args, options)).trim();
  const remote = (name: string, tag = '1'): string => `${host}/regctl/${name}:${tag}`;

  const pushAndPull = async (image: LocalImage, name: string): Promise<void> => {
    const pulled = `ocidir://${join(folder, name)}:v1`;
    await regctl('image', 'copy', `ocidir://${image.folder}:v1`, remote(name));
    strictEqual((await registry.manifest(`regctl/${name}`, '1')).digest, image.digest);
    await regctl('image', 'copy', remote(name), pulled);
    strictEqual(await regctl('image', 'digest', pulled), image.digest);
  };

  await test('is refused with a wrong password, and logs in with the right one', async () => {
    await exec(command, ['registry', 'set', '--tls', 'disabled', '--skip-check', host], options);
    await execMustFail(
      command,
      ['registry', 'login', host, '-u', user, '-p', `${password}x`],
      options,
    );
    await regctl('registry', 'login', host, '-u', user, '-p', password);
  });
  await test('pushes and pulls an OCI image unchanged', async () => {
    await pushAndPull(await images.app(), 'app');
  });
  await test('exports an image to a tarball and imports it under another name', async () => {
    const tarball = join(folder, 'app.tar');
    await regctl('image', 'export', remote('app'), tarball);
    await regctl('image', 'import', remote('imported'), tarball);
    strictEqual(await regctl('image', 'digest', remote('imported')), (await images.app()).digest);
  });
  await test('pushes and pulls a multi-arch index', async () => {
    await pushAndPull(await images.multiArch(), 'multi-arch');
  });
  await test('pushes and pulls 127 layers', async () => {
    await pushAndPull(await images.layers(127), 'layers');
  });
  await test('pushes and pulls an image that has the same layer twice', async () => {
    await pushAndPull(await images.sameLayerTwice(), 'twice');
  });
  await test('attaches an artifact to an image and lists it', async () => {
    await writeFile(join(folder, 'note.txt'), 'a note\n');
    const put = ['artifact', 'put', '--artifact-type', 'application/vnd.lighter.note'];
    const file = ['-f', join(folder, 'note.txt'), '-m', 'text/plain'];
    await regctl(...put, ...file, '--subject', remote('app'));
    const listed = await regctl('artifact', 'list', remote('app'));
    ok(listed.includes('application/vnd.lighter.note'), listed);
    ok((await regctl('artifact', 'tree', remote('app'))).includes('Referrers'));
  });
  await test('copies an image with its referrers to another repository', async () => {
    await regctl('image', 'copy', '--referrers', remote('app'), remote('copy'));
    ok((await regctl('artifact', 'list', remote('copy'))).includes('application/vnd.lighter.note'));
  });
  await test('makes an index of images that are in the registry', async () => {
    const references = ['--ref', remote('app'), '--ref', remote('app')];
    await regctl('index', 'create', ...references, remote('app', 'index'));
    ok((await registry.manifest('regctl/app', 'index')).body.includes((await images.app()).digest));
  });
  await test('puts and gets a single blob', async () => {
    const repository = `${host}/regctl/blob`;
    const digest = await exec(command, ['blob', 'put', repository], { ...options, input: 'blob' });
    strictEqual(await regctl('blob', 'get', repository, digest.trim()), 'blob');
  });
  await test('deletes a tag and leaves the other tags of the same image', async () => {
    await regctl('image', 'copy', remote('app'), remote('app', 'second'));
    await regctl('tag', 'delete', remote('app', 'second'));
    const tags = (await regctl('tag', 'list', `${host}/regctl/app`)).split('\n');
    ok(tags.includes('1') && !tags.includes('second'), tags.join(' '));
    strictEqual((await registry.manifest('regctl/app', '1')).digest, (await images.app()).digest);
  });
}

export const regctl: Client = { name: 'regctl', tools: ['regctl'], run };
