import { strictEqual, deepStrictEqual } from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LocalImage } from './layout.ts';
import { toolPath } from './install.ts';
import { exec, execMustFail } from './process.ts';
import type { Client, Workbench } from './workbench.ts';

async function run({ registry, images, folder, env, test }: Workbench): Promise<void> {
  const { host, user, password } = registry;
  const command = toolPath('oras');
  const oras = (...args: string[]): Promise<string> =>
    exec(command, args, { env, cwd: folder, timeoutSeconds: 300 });
  const login = ['login', '--plain-http', '-u', user, '-p'];

  const pushAndPull = async (image: LocalImage, name: string): Promise<void> => {
    const remote = `${host}/oras/${name}:1`;
    const pulled = join(folder, `${name}-pulled`);
    await oras('cp', '--from-oci-layout', `${image.folder}:v1`, '--to-plain-http', remote);
    strictEqual((await registry.manifest(`oras/${name}`, '1')).digest, image.digest);
    await oras('cp', '--from-plain-http', remote, '--to-oci-layout', `${pulled}:v1`);
    const resolved = await oras('resolve', '--oci-layout', `${pulled}:v1`);
    strictEqual(resolved.trim(), image.digest);
  };

  await test('is refused with a wrong password, and logs in with the right one', async () => {
    await execMustFail(command, [...login, `${password}x`, host], { env });
    await oras(...login, password, host);
  });
  await test('pushes an artifact of several files and pulls the same bytes', async () => {
    const files = { 'a.txt': 'first\n', 'b.json': '{"second":true}\n', 'empty.bin': '' };
    for (const [name, content] of Object.entries(files))
      await writeFile(join(folder, name), content);
    const artifact = ['--artifact-type', 'application/vnd.lighter.test'];
    await oras('push', '--plain-http', `${host}/oras/files:1`, ...artifact, ...Object.keys(files));
    await oras('pull', '--plain-http', '-o', join(folder, 'files'), `${host}/oras/files:1`);
    for (const [name, content] of Object.entries(files)) {
      strictEqual(await readFile(join(folder, 'files', name), 'utf8'), content);
    }
  });
  await test('pushes and pulls an OCI image unchanged', async () => {
    await pushAndPull(await images.app(), 'app');
  });
  await test('pushes and pulls a multi-arch index', async () => {
    await pushAndPull(await images.multiArch(), 'multi-arch');
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
  await test('pushes a layer of 1 GiB as one request, and pulls it', async () => {
    await pushAndPull(await images.large(), 'large');
  });
  await test('attaches artifacts to an image and discovers them by their type', async () => {
    const image = `${host}/oras/app:1`;
    await writeFile(join(folder, 'sbom.json'), '{"spdxVersion":"SPDX-2.3"}');
    const attach = ['attach', '--plain-http', '--distribution-spec', 'v1.1-referrers-api'];
    const discover = ['discover', '--plain-http', '--distribution-spec', 'v1.1-referrers-api'];
    await oras(...attach, '--artifact-type', 'application/spdx+json', image, 'sbom.json');
    await oras(...attach, '--artifact-type', 'application/vnd.lighter.note', image, 'a.txt');

    const typesOf = async (...filter: string[]): Promise<string[]> => {
      const text = await oras(...discover, ...filter, '--format', 'json', image);
      return [...text.matchAll(/"artifactType": "([^"]+)"/g)].map((match) => match[1] ?? '').sort();
    };
    deepStrictEqual(await typesOf(), ['application/spdx+json', 'application/vnd.lighter.note']);
    const filter = ['--artifact-type', 'application/spdx+json'];
    deepStrictEqual(await typesOf(...filter), ['application/spdx+json']);
  });
  await test('copies an image with its referrers to another repository', async () => {
    const flags = ['-r', '--from-plain-http', '--to-plain-http'];
    await oras('cp', ...flags, `${host}/oras/app:1`, `${host}/oras/copy:1`);
    const { digest } = await images.app();
    const answer = await registry.fetch(`/v2/oras/copy/referrers/${digest}`);
    strictEqual((await answer.text()).split('"artifactType"').length - 1, 2);
  });
  await test('deletes a manifest', async () => {
    await oras('manifest', 'delete', '--plain-http', '-f', `${host}/oras/files:1`);
    await execMustFail(command, ['manifest', 'fetch', '--plain-http', `${host}/oras/files:1`], {
      env,
    });
  });
}

export const oras: Client = { name: 'oras', tools: ['oras'], run };
