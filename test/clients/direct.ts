import { ok, strictEqual } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  BlobSASPermissions,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';
import { startBuildkit, writeContext } from './buildkit.ts';
import { startContainerd } from './containerd.ts';
import { type CuttingProxy, type Mishap, startCuttingProxy } from './cutting-proxy.ts';
import { engine29, startEngine } from './docker.ts';
import { toolPath } from './install.ts';
import type { LocalImage } from './layout.ts';
import { exec, execMustFail, startDaemon, succeeds } from './process.ts';
import { writeDockerConfig, type Client, type Workbench } from './workbench.ts';

interface LogLine {
  method: string;
  path: string;
  status: number;
}

/** The uploads of a repository that the registry's own log names. */
async function uploadsOf({ registry }: Workbench, repository: string): Promise<LogLine[]> {
  const lines = (await readFile(registry.logFile, 'utf8')).split('\n');
  return lines
    .filter((line) => line.includes(`"path":"/v2/${repository}/blobs/uploads/`))
    .map((line) => JSON.parse(line) as LogLine);
}

/**
 * Throws unless uploads of the repository began at the registry, and no byte of them came there.
 */
async function expectDirect(bench: Workbench, repository: string, layers: number): Promise<void> {
  const uploads = await uploadsOf(bench, repository);
  const begun = uploads.filter(({ method, status }) => method === 'POST' && status === 202);
  ok(begun.length >= layers, `${begun.length} uploads began, not ${layers}`);
  const others = uploads.filter(({ method }) => method !== 'POST');
  strictEqual(others.length, 0, `bytes came through the registry: ${JSON.stringify(others)}`);
}

/** Throws unless the bytes came through the registry. */
async function expectThrough(bench: Workbench, repository: string, proxy: CuttingProxy) {
  const uploads = await uploadsOf(bench, repository);
  ok(uploads.some(({ method, status }) => method === 'PUT' && status === 201));
  strictEqual(proxy.storedBytes(), 0);
}

/** Storage gets the URL as it would be had it been signed twenty minutes ago. */
function expired({ registry }: Workbench): Mishap {
  return {
    kind: 'query',
    async of(url) {
      const [, account = '', container = '', ...path] = url.pathname.split('/');
      const key = await readFile(join(dirname(registry.logFile), 'data/storage-key'), 'utf8');
      const sas = generateBlobSASQueryParameters(
        {
          containerName: container,
          blobName: path.join('/'),
          permissions: BlobSASPermissions.parse('w'),
          version: '2024-11-04',
          startsOn: new Date(Date.now() - 1_200_000),
          expiresOn: new Date(Date.now() - 300_000),
        },
        new StorageSharedKeyCredential(account, key.trim()),
      );
      return `?comp=block&blockid=${url.searchParams.get('blockid')}&${sas.toString()}`;
    },
  };
}

const cut: Mishap = { kind: 'cut', afterBytes: 0 };

async function withContainerd(bench: Workbench, proxy: CuttingProxy): Promise<void> {
  const { folder, env, images, registry, test } = bench;
  const command = toolPath('containerd', 'ctr');
  const socket = join(folder, 'containerd.sock');
  const base = ['-a', socket, '-n', 'direct'];
  const credentials = ['--plain-http', '--user', `${registry.user}:${registry.password}`];
  const ctr = (...args: string[]): Promise<string> =>
    exec(command, [...base, ...args], { env, timeoutSeconds: 300 });
  const remote = (name: string): string => `${proxy.host}/direct/${name}:1`;
  const push = (image: LocalImage, name: string, ...flags: string[]): Promise<string> =>
    ctr('images', 'push', ...credentials, ...flags, remote(name), image.name);

  /** Pushes, and fetches into an empty store what was pushed. */
  const pushDirect = async (
    image: LocalImage,
    name: string,
    blobs: number,
    ...flags: string[]
  ): Promise<void> => {
    await ctr('images', 'import', '--no-unpack', image.archive);
    await push(image, name, ...flags);
    await expectDirect(bench, `direct/${name}`, blobs);
    await ctr('images', 'rm', '--sync', image.name);
    strictEqual((await ctr('content', 'ls', '--quiet')).trim(), '');
    await ctr('content', 'fetch', ...credentials, remote(name));
    const listed = await ctr('images', 'ls', `name==${remote(name)}`);
    ok(listed.includes(image.digest), listed);
    await ctr('images', 'rm', '--sync', remote(name));
  };

  await test('from ctr: five blobs, none of whose bytes the registry sees', async () => {
    const before = proxy.storedBytes();
    await pushDirect(await images.app(), 'app', 5);
    ok(proxy.storedBytes() - before > 3_000_000);
  });
  await test('from ctr without the transfer service', async () => {
    await pushDirect(await images.app(), 'local', 5, '--local');
  });
  await test('from ctr: 127 layers, many of one size', async () => {
    await pushDirect(await images.layers(127), 'layers', 128);
  });
  await test('from ctr: three layers of one size, one of them twice', async () => {
    await pushDirect(await images.equalSizes(), 'equal-sizes', 4);
  });
  await test('from ctr: a layer of no bytes, which storage takes no block of', async () => {
    const image = await images.emptyLayer();
    await ctr('images', 'import', '--no-unpack', image.archive);
    await push(image, 'empty-layer');
    await expectDirect(bench, 'direct/empty-layer', 3);
    // Nor does ctr fetch a layer of no bytes.
    const path = `/v2/direct/empty-layer/blobs/${image.layerDigests[1]}`;
    const response = await registry.fetch(path);
    strictEqual(`${response.status} ${await response.text()}`, '200 ');
    await ctr('images', 'rm', '--sync', image.name);
  });
  await test(`from ctr: a layer of ${largeMiB} MiB`, async () => {
    await pushDirect(await images.large(largeMiB), 'large', 2);
  });
  await test('from ctr: is cut by a proxy, and succeeds when it is tried again', async () => {
    const image = await images.app();
    await ctr('images', 'import', '--no-unpack', image.archive);
    proxy.next(cut, cut, cut, cut, cut, cut);
    await push(image, 'cut').then(
      () => Promise.reject(new Error('the push was not cut')),
      () => undefined,
    );
    proxy.forgive();
    await pushDirect(image, 'cut', 5);
  });
  await test('from ctr: a URL whose time is over is refused, and the client says so', async () => {
    const image = await images.app();
    await ctr('images', 'import', '--no-unpack', image.archive);
    proxy.next(...Array.from({ length: 10 }, () => expired(bench)));
    const args = [...base, 'images', 'push', ...credentials, remote('expired'), image.name];
    const message = await execMustFail(command, args, { env });
    proxy.forgive();
    ok(/403 .*(?:authenticate|authorization|authorized)/i.test(message), message);
  });
}

async function withBuildkit(bench: Workbench, proxy: CuttingProxy, address: string): Promise<void> {
  const { folder, env, registry, test } = bench;
  const context = join(folder, 'context');
  await writeContext(context);
  await writeDockerConfig({ ...bench, registry: { ...registry, host: proxy.host } });
  const build = async (name: string): Promise<void> => {
    const local = ['--local', `context=${context}`, '--local', `dockerfile=${context}`];
    const output = ['--output', `type=image,name=${proxy.host}/direct/${name}:1,push=true`];
    const args = ['build', '--frontend', 'dockerfile.v0', '--no-cache', ...local, ...output];
    await exec(toolPath('buildkit', 'buildctl'), ['--addr', address, ...args], { env });
    ok((await registry.manifest(`direct/${name}`, '1')).digest.startsWith('sha256:'));
  };
  await test('from BuildKit: four blobs, none of whose bytes the registry sees', async () => {
    await build('buildkit');
    await expectDirect(bench, 'direct/buildkit', 4);
  });
  await test('from BuildKit: is cut by a proxy, tries again by itself and succeeds', async () => {
    await writeFile(join(context, 'three'), randomBytes(5_000_000));
    proxy.next(cut);
    await build('buildkit-cut');
    // The other two layers it has in the registry, and mounts.
    await expectDirect(bench, 'direct/buildkit-cut', 2);
  });
}

async function withDocker(bench: Workbench, proxy: CuttingProxy): Promise<void> {
  const { env, images, registry, test } = bench;
  const docker = (...args: string[]): Promise<string> =>
    exec('/usr/bin/docker', args, { env, timeoutSeconds: 300 });
  const login = ['login', '-u', registry.user, '--password-stdin', proxy.host];
  await exec('/usr/bin/docker', login, { env, input: registry.password });

  await test('from Docker 29: five blobs, none of whose bytes the registry sees', async () => {
    const image = await images.app();
    const target = `${proxy.host}/direct/docker:1`;
    await docker('load', '-i', image.archive);
    await docker('tag', image.name, target);
    await docker('push', target);
    await expectDirect(bench, 'direct/docker', 5);
    strictEqual((await registry.manifest('direct/docker', '1')).digest, image.digest);
    await docker('rmi', '--force', target, image.name);
    await docker('pull', target);
  });
}

/** Debian's containerd is of the kind that uploads everything to storage and then fails. */
async function withOldContainerd(bench: Workbench, proxy: CuttingProxy): Promise<void> {
  const { folder, env, images, registry, test } = bench;
  const socket = join(folder, 'old.sock');
  const config = `version = 2
root = "${folder}/old-root"
state = "${folder}/old-state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]

[grpc]
  address = "${socket}"
`;
  await writeFile(join(folder, 'old.toml'), config);
  const args = ['-a', socket, '-n', 'direct'];
  const daemon = await startDaemon('/usr/bin/containerd', ['--config', join(folder, 'old.toml')], {
    logFile: join(folder, 'old.log'),
    isReady: () => succeeds('/usr/bin/ctr', [...args, 'version']),
  });
  const ctr = (...more: string[]): Promise<string> =>
    exec('/usr/bin/ctr', [...args, ...more], { env });
  try {
    await test('not from Debian’s containerd 1.6, which pushes through the registry', async () => {
      const image = await images.app();
      await ctr('images', 'import', '--no-unpack', image.archive);
      const credentials = ['--plain-http', '--user', `${registry.user}:${registry.password}`];
      await ctr('images', 'push', ...credentials, `${proxy.host}/direct/old:1`, image.name);
      await expectThrough(bench, 'direct/old', proxy);
    });
  } finally {
    await daemon.stop();
  }
}

/** Pushes whose layers go straight into storage, past the registry. */
/** Up to 4,000 MiB work; by hand `LIGHTER_DIRECT_MIB=3900`. */
const largeMiB = Number(process.env['LIGHTER_DIRECT_MIB'] ?? 2048);

export const direct: Client = {
  name: 'direct',
  tools: ['containerd', 'buildkit', 'moby'],
  run: async (bench) => {
    const proxy = await startCuttingProxy(bench.registry.host);
    const named = (name: string): Promise<string | undefined> =>
      mkdir(join(bench.folder, name), { recursive: true });
    const inFolder = (name: string): Workbench => ({
      ...bench,
      folder: join(bench.folder, name),
      env: { ...bench.env },
    });
    try {
      await Promise.all(['old', 'containerd', 'buildkit', 'docker'].map(named));
      await withOldContainerd(inFolder('old'), proxy);

      const containerd = inFolder('containerd');
      const socket = join(containerd.folder, 'containerd.sock');
      const daemon = await startContainerd(containerd.folder, socket);
      await withContainerd(containerd, proxy).finally(() => daemon.stop());

      const buildkit = inFolder('buildkit');
      const builder = await startBuildkit(buildkit.folder, proxy.host);
      await withBuildkit(buildkit, proxy, builder.address).finally(() => builder.daemon.stop());

      const docker = inFolder('docker');
      const engine = await startEngine(engine29, docker);
      await withDocker(docker, proxy).finally(() => engine.stop());
    } finally {
      await proxy.stop();
    }
  },
};
