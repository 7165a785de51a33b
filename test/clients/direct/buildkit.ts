import { ok } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startBuildkit, writeContext } from '../buildkit.ts';
import type { CuttingProxy } from '../cutting-proxy.ts';
import { toolPath } from '../install.ts';
import { exec } from '../process.ts';
import { writeDockerConfig, type Workbench } from '../workbench.ts';
import { expectDirect, expectNoUpload } from './uploads.ts';

/** A build that pushes, with a buildkitd of its own. */
export async function withBuildkit(bench: Workbench, proxy: CuttingProxy): Promise<void> {
  const { address, daemon } = await startBuildkit(bench.folder, proxy.host);
  await run(bench, proxy, address).finally(() => daemon.stop());
}

async function run(bench: Workbench, proxy: CuttingProxy, address: string): Promise<void> {
  const { folder, env, registry, test } = bench;
  const context = join(folder, 'context');
  await writeContext(context);
  await writeDockerConfig({ ...bench, registry: { ...registry, host: proxy.host } });
  const build = async (name: string, ...flags: string[]): Promise<void> => {
    const local = ['--local', `context=${context}`, '--local', `dockerfile=${context}`];
    const [repository = '', tag = ''] = name.split(':');
    const output = ['--output', `type=image,name=${proxy.host}/${name},push=true`];
    const args = ['build', '--frontend', 'dockerfile.v0', ...flags, ...local, ...output];
    await exec(toolPath('buildkit', 'buildctl'), ['--addr', address, ...args], { env });
    ok((await registry.manifest(repository, tag)).digest.startsWith('sha256:'));
  };
  await test('from BuildKit: four blobs, none of whose bytes the registry sees', async () => {
    await build('direct/buildkit:1', '--no-cache');
    await expectDirect(bench, 'direct/buildkit', 4);
  });
  await test('from BuildKit: sends nothing again under another tag', async () => {
    await expectNoUpload(bench, proxy, 'direct/buildkit', () => build('direct/buildkit:2'));
  });
  await test('from BuildKit: is cut by a proxy, tries again by itself and succeeds', async () => {
    await writeFile(join(context, 'three'), randomBytes(5_000_000));
    proxy.next({ kind: 'cut', afterBytes: 0 });
    await build('direct/buildkit-cut:1', '--no-cache');
    // The other two layers it has in the registry, and mounts.
    await expectDirect(bench, 'direct/buildkit-cut', 2);
  });
}
