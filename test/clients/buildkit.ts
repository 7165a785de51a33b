import { ok, strictEqual } from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { toolPath } from './install.ts';
import { exec, execMustFail, startDaemon, succeeds, type Daemon } from './process.ts';
import { sha256 } from './digest.ts';
import { writeDockerConfig, type Client, type Workbench } from './workbench.ts';

const command = toolPath('buildkit', 'buildctl');

/** Starts a buildkitd of its own in `folder`, with plain HTTP to `host`. */
export async function startBuildkit(
  folder: string,
  host: string,
): Promise<{ daemon: Daemon; address: string }> {
  const address = `unix://${folder}/buildkit.sock`;
  const config = `root = "${folder}/buildkit"
[grpc]
  address = ["${address}"]
[worker.oci]
  enabled = true
  snapshotter = "native"
[worker.containerd]
  enabled = false
[registry."${host}"]
  http = true
`;
  await writeFile(join(folder, 'buildkitd.toml'), config);
  const path = `${dirname(command)}:/usr/sbin:${process.env['PATH'] ?? ''}`;
  const daemon = await startDaemon(
    toolPath('buildkit', 'buildkitd'),
    ['--config', join(folder, 'buildkitd.toml')],
    {
      env: { PATH: path, HOME: join(folder, 'home') },
      logFile: join(folder, 'buildkitd.log'),
      isReady: () => succeeds(command, ['--addr', address, 'debug', 'workers']),
    },
  );
  return { daemon, address };
}

/** A build of three layers for any platform: nothing in it is executed. */
export async function writeContext(context: string): Promise<void> {
  await mkdir(context, { recursive: true });
  for (const layer of ['one', 'two', 'three']) await writeFile(join(context, layer), `${layer}\n`);
  const lines = ['FROM scratch', 'COPY one /', 'COPY two /', 'COPY three /'];
  await writeFile(join(context, 'Dockerfile'), lines.join('\n'));
}

async function run(bench: Workbench, address: string): Promise<void> {
  const { registry, folder, env, test } = bench;
  const { host } = registry;
  const context = join(folder, 'context');
  await writeContext(context);
  const remote = (name: string): string => `${host}/buildkit/${name}:1`;

  const exportsOf = async (...flags: string[]): Promise<string> =>
    // The progress, with what came from a cache, goes to standard error.
    exec('sh', ['-c', '"$@" 2>&1', 'sh', command, '--addr', address, 'build', ...flags], {
      env,
      timeoutSeconds: 300,
    });
  const build = (...flags: string[]): Promise<string> =>
    exportsOf(
      '--progress',
      'plain',
      '--frontend',
      'dockerfile.v0',
      '--local',
      `context=${context}`,
      '--local',
      `dockerfile=${context}`,
      ...flags,
    );
  const prune = (): Promise<string> =>
    exec(command, ['--addr', address, 'prune', '--all'], { env });

  /** Builds FROM the pushed image with an empty store and compares one of its files. */
  const pullBack = async (name: string, platform: string): Promise<void> => {
    await prune();
    const pulled = join(folder, 'pulled');
    const from = join(folder, 'from');
    await mkdir(from, { recursive: true });
    await writeFile(join(from, 'Dockerfile'), `FROM ${remote(name)}\n`);
    await exportsOf(
      '--frontend',
      'dockerfile.v0',
      '--opt',
      `platform=${platform}`,
      '--local',
      `context=${from}`,
      '--local',
      `dockerfile=${from}`,
      '--output',
      `type=local,dest=${pulled}`,
    );
    strictEqual(await readFile(join(pulled, 'three'), 'utf8'), 'three\n');
    await exec('rm', ['-r', pulled]);
  };

  const push = async (name: string, output: string, ...flags: string[]): Promise<string> => {
    const metadata = join(folder, 'metadata.json');
    const image = `type=image,name=${remote(name)},push=true${output}`;
    await build('--output', image, '--metadata-file', metadata, ...flags);
    const manifest = await registry.manifest(`buildkit/${name}`, '1');
    const described = JSON.parse(await readFile(metadata, 'utf8')) as Record<string, unknown>;
    strictEqual(described['containerimage.digest'], manifest.digest);
    strictEqual(sha256(manifest.body), manifest.digest);
    return manifest.body;
  };

  await test('is refused without credentials', async () => {
    await writeFile(join(env['DOCKER_CONFIG'] ?? '', 'config.json'), '{}');
    const output = `type=image,name=${remote('refused')},push=true`;
    const flags = ['--local', `context=${context}`, '--local', `dockerfile=${context}`];
    const args = ['build', '--frontend', 'dockerfile.v0', ...flags, '--output', output];
    const message = await execMustFail(command, ['--addr', address, ...args], { env });
    ok(/401|denied|authoriz|credentials/i.test(message), message);
    await writeDockerConfig(bench);
  });
  await test('pushes an OCI image, and pulls it as the base of another build', async () => {
    await push('oci', ',oci-mediatypes=true');
    await pullBack('oci', 'linux/amd64');
  });
  await test('pushes a Docker schema 2 image, and pulls it', async () => {
    await push('docker', ',oci-mediatypes=false');
    await pullBack('docker', 'linux/amd64');
  });
  await test('pushes and pulls layers compressed with zstd', async () => {
    const body = await push('zstd', ',oci-mediatypes=true,compression=zstd,force-compression=true');
    ok(body.length > 0);
    await pullBack('zstd', 'linux/amd64');
  });
  await test('pushes two platforms with their provenance as one index, and pulls both', async () => {
    const platforms = ['--opt', 'platform=linux/amd64,linux/arm64'];
    const body = await push('multi', '', ...platforms, '--opt', 'attest:provenance=mode=max');
    strictEqual(body.split('attestation-manifest').length - 1, 2);
    await pullBack('multi', 'linux/amd64');
    await pullBack('multi', 'linux/arm64');
  });

  for (const asImageManifest of [true, false]) {
    const kind = asImageManifest ? 'an image manifest' : 'an index whose children are blobs';
    await test(`keeps its build cache in the registry as ${kind}, and uses it`, async () => {
      const reference = `${host}/buildkit/cache:${asImageManifest}`;
      const cache = `type=registry,ref=${reference},mode=max,image-manifest=${asImageManifest}`;
      await prune();
      await build('--export-cache', cache);
      const { mediaType } = await registry.manifest('buildkit/cache', String(asImageManifest));
      strictEqual(mediaType.includes('image.manifest'), asImageManifest);
      await prune();
      const output = await build(
        '--import-cache',
        `type=registry,ref=${reference}`,
        '--output',
        `type=local,dest=${join(folder, 'from-cache')}`,
      );
      // The last layer is not only found, but fetched and unpacked for the output.
      strictEqual(output.split(' CACHED').length - 1, 2, output);
      strictEqual(await readFile(join(folder, 'from-cache/three'), 'utf8'), 'three\n');
    });
  }
}

export const buildkit: Client = {
  name: 'buildkit',
  tools: ['buildkit'],
  run: async (bench) => {
    const { daemon, address } = await startBuildkit(bench.folder, bench.registry.host);
    try {
      await run(bench, address);
    } finally {
      await daemon.stop();
    }
  },
};
