import { ok, strictEqual } from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toolPath } from './install.ts';
import { exec } from './process.ts';
import { sha256 } from './digest.ts';
import { writeDockerConfig, type Client, type Workbench } from './workbench.ts';

/** umoci has no push of its own; what counts is its manifests, which carry no `mediaType`. */
async function run(bench: Workbench): Promise<void> {
  const { registry, folder, env, test } = bench;
  const { host, user, password } = registry;
  const umoci = (...args: string[]): Promise<string> =>
    exec('/usr/bin/umoci', args, { env, cwd: folder });
  const layout = join(folder, 'layout');

  await test('makes an image of three layers whose manifest carries no mediaType', async () => {
    await umoci('init', '--layout', layout);
    await umoci('new', '--image', `${layout}:v1`);
    for (const layer of ['one', 'two', 'three']) {
      const bundle = join(folder, `bundle-${layer}`);
      await umoci('unpack', '--image', `${layout}:v1`, bundle);
      await mkdir(join(bundle, 'rootfs/srv'), { recursive: true });
      await writeFile(join(bundle, 'rootfs/srv', layer), `${layer}\n`);
      await umoci('repack', '--image', `${layout}:v1`, bundle);
    }
  });

  const checkServed = async (repository: string): Promise<string> => {
    const { body, digest, mediaType } = await registry.manifest(repository, '1');
    ok(!('mediaType' in (JSON.parse(body) as object)), body);
    strictEqual(mediaType, 'application/vnd.oci.image.manifest.v1+json');
    strictEqual(sha256(body), digest);
    return digest;
  };

  await test('has its image pushed and pulled unchanged by skopeo', async () => {
    const credentials = `${user}:${password}`;
    const remote = `docker://${host}/umoci/skopeo:1`;
    const pulled = join(folder, 'skopeo');
    const push = [
      'copy',
      '--dest-tls-verify=false',
      '--dest-creds',
      credentials,
      '--preserve-digests',
    ];
    await exec('/usr/bin/skopeo', [...push, `oci:${layout}:v1`, remote], { env });
    const digest = await checkServed('umoci/skopeo');
    const pull = ['copy', '--src-tls-verify=false', '--src-creds', credentials];
    await exec('/usr/bin/skopeo', [...pull, remote, `dir:${pulled}`], { env });
    strictEqual(sha256(await exec('cat', [join(pulled, 'manifest.json')])), digest);
  });
  await test('has its image pushed and pulled unchanged by oras', async () => {
    await writeDockerConfig(bench);
    const remote = `${host}/umoci/oras:1`;
    const oras = (...args: string[]): Promise<string> => exec(toolPath('oras'), args, { env });
    await oras('cp', '--from-oci-layout', `${layout}:v1`, '--to-plain-http', remote);
    const digest = await checkServed('umoci/oras');
    const pulled = join(folder, 'oras:v1');
    await oras('cp', '--from-plain-http', remote, '--to-oci-layout', pulled);
    strictEqual((await oras('resolve', '--oci-layout', pulled)).trim(), digest);
  });
}

export const umoci: Client = { name: 'umoci', tools: ['oras'], run };
