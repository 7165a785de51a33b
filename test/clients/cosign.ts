import { ok, strictEqual } from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toolPath } from './install.ts';
import { exec, execMustFail } from './process.ts';
import type { Client, Workbench } from './workbench.ts';

async function run({ registry, images, folder, env, test }: Workbench): Promise<void> {
  const { host, user, password } = registry;
  const command = toolPath('cosign');
  const options = { env: { ...env, COSIGN_PASSWORD: '' }, cwd: folder };
  const cosign = (...args: string[]): Promise<string> => exec(command, args, options);

  const image = await images.app();
  const remote = `${host}/cosign/app@${image.digest}`;
  const signing = ['--yes', '--key', 'cosign.key', '--signing-config', 'sc.json'];
  const checking = ['--key', 'cosign.pub', '--insecure-ignore-tlog=true', '--allow-http-registry'];

  const referrers = async (): Promise<number> => {
    const answer = await registry.fetch(`/v2/cosign/app/referrers/${image.digest}`);
    strictEqual(answer.status, 200);
    return ((await answer.json()) as { manifests: unknown[] }).manifests.length;
  };

  await test('logs in, and finds no signature on a new image', async () => {
    await cosign('login', host, '-u', user, '-p', password);
    await exec(toolPath('crane'), ['push', image.folder, `${host}/cosign/app:1`], { env });
    await cosign('generate-key-pair');
    await cosign('signing-config', 'create', '--out', 'sc.json');
    const message = await execMustFail(command, ['verify', ...checking, remote], options);
    ok(/no signatures found/i.test(message), message);
  });
  await test('signs an image with a referrer and verifies it', async () => {
    await cosign('sign', ...signing, '--allow-http-registry', remote);
    strictEqual(await referrers(), 1);
    await cosign('verify', ...checking, remote);
  });
  await test('signs with a token that may pull and sign only, and cannot push with it', async () => {
    const scope = 'repository:cosign/app:pull,sign';
    const answer = await registry.fetch(`/oauth2/token?scope=${scope}`);
    const { access_token: token } = (await answer.json()) as { access_token: string };
    await cosign('login', host, '-u', '00000000-0000-0000-0000-000000000000', '-p', token);
    const before = await referrers();
    await cosign('sign', ...signing, '--allow-http-registry', remote);
    strictEqual(await referrers(), before + 1);
    const push = ['push', image.folder, `${host}/cosign/app:2`];
    const message = await execMustFail(toolPath('crane'), push, { env });
    ok(/DENIED|denied/.test(message), message);
    await cosign('login', host, '-u', user, '-p', password);
  });
  await test('attests a predicate and verifies the attestation', async () => {
    await writeFile(join(folder, 'predicate.json'), '{"tested":true}');
    const predicate = ['--type', 'custom', '--predicate', 'predicate.json'];
    await cosign('attest', ...signing, ...predicate, '--allow-http-registry', remote);
    strictEqual(await referrers(), 3);
    await cosign('verify-attestation', '--type', 'custom', ...checking, remote);
    await cosign('tree', '--allow-http-registry', remote);
  });
  await test('signs with the old tag of the form sha256-….sig, and verifies it', async () => {
    const crane = [image.folder, `${host}/cosign/old:1`];
    await exec(toolPath('crane'), ['push', ...crane], { env });
    const target = `${host}/cosign/old@${image.digest}`;
    await cosign(
      'sign',
      '--yes',
      '--key',
      'cosign.key',
      '--use-signing-config=false',
      '--new-bundle-format=false',
      '--tlog-upload=false',
      '--allow-http-registry',
      target,
    );
    const tag = `${image.digest.replace(':', '-')}.sig`;
    ok((await registry.manifest('cosign/old', tag)).body.includes('simplesigning'));
    await cosign('verify', '--new-bundle-format=false', ...checking, target);
  });
}

export const cosign: Client = { name: 'cosign', tools: ['cosign', 'crane'], run };
