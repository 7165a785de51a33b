import { ok, strictEqual } from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { LocalImage } from './layout.ts';
import { toolPath } from './install.ts';
import { exec, execMustFail, startDaemon, succeeds, type Daemon } from './process.ts';
import { sha256 } from './digest.ts';
import type { Client, Workbench } from './workbench.ts';

/** Debian's command line also drives the newer engine. */
const command = '/usr/bin/docker';

export interface Engine {
  name: string;
  daemon: string;
  daemonFlags: string[];
  /** Folders of the programs that the daemon starts, before the rest of PATH. */
  path: string[];
  /** Whether images live in containerd's store, which keeps manifests and layers as they are. */
  hasContainerdStore: boolean;
  /** The most layers that the engine agrees to pull. */
  maxLayers: number;
}

/** Starts the engine with its data in the client's folder, and makes it the one of `env`. */
export async function startEngine(engine: Engine, { folder, env }: Workbench): Promise<Daemon> {
  const socket = `unix://${folder}/docker.sock`;
  const path = [...engine.path, process.env['PATH'] ?? ''].join(':');
  env['DOCKER_HOST'] = socket;
  return startDaemon(
    engine.daemon,
    [
      '--iptables=false',
      '--ip6tables=false',
      '--bridge=none',
      ...engine.daemonFlags,
      '--data-root',
      join(folder, 'data'),
      '--exec-root',
      join(folder, 'exec'),
      '--pidfile',
      join(folder, 'docker.pid'),
      '-H',
      socket,
    ],
    {
      env: { HOME: join(folder, 'home'), PATH: path },
      logFile: join(folder, 'dockerd.log'),
      isReady: () => succeeds(command, ['info'], { env }),
    },
  );
}

async function run(engine: Engine, bench: Workbench): Promise<void> {
  const { registry, images, folder, env, test } = bench;
  const { host, user, password } = registry;
  const docker = async (...args: string[]): Promise<string> =>
    (await exec(command, args, { env, timeoutSeconds: 300 })).trim();
  const repository = `${host}/${engine.name}`;
  const idOf = (image: string): Promise<string> =>
    docker('image', 'inspect', '-f', '{{.Id}}', image);
  const repositoryDigest = async (image: string): Promise<string> =>
    (await docker('image', 'inspect', '-f', '{{index .RepoDigests 0}}', image)).replace(/^.*@/, '');

  const forgetEverything = async (): Promise<void> => {
    const names = await docker('images', '--format', '{{.Repository}}:{{.Tag}}');
    const tagged = names.split('\n').filter((name) => name !== '' && !name.includes('<none>'));
    if (tagged.length > 0) await docker('rmi', '--force', ...tagged);
    await docker('system', 'prune', '--all', '--force');
    strictEqual(await docker('images', '--all', '--quiet'), '');
  };

  /** Pushes a local image, removes all local images, pulls it: the same digest, the same image. */
  const pushAndPull = async (image: string): Promise<void> => {
    const before = await idOf(image);
    await docker('push', image);
    const digest = await repositoryDigest(image);
    const [name = '', tag = ''] = image.slice(host.length + 1).split(':');
    const manifest = await registry.manifest(name, tag);
    strictEqual(manifest.digest, digest);
    strictEqual(sha256(manifest.body), digest);
    await forgetEverything();
    await docker('pull', image);
    strictEqual(await idOf(image), before);
    strictEqual(await repositoryDigest(image), digest);
  };

  /** Loads a local image under the name by which it is to be pushed. */
  const load = async (image: LocalImage, name: string): Promise<string> => {
    const target = `${repository}/${name}:1`;
    if (engine.hasContainerdStore) {
      await docker('load', '-i', image.archive);
      await docker('tag', image.name, target);
    } else {
      const archive = join(folder, `${name}.tar`);
      await exec('/usr/bin/skopeo', [
        'copy',
        `oci:${image.folder}:v1`,
        `docker-archive:${archive}:${target}`,
      ]);
      await docker('load', '-i', archive);
      await exec('rm', [archive]);
    }
    return target;
  };

  const build = async (name: string): Promise<string> => {
    const context = join(folder, 'context');
    await mkdir(context, { recursive: true });
    for (const layer of ['one', 'two', 'three'])
      await writeFile(join(context, layer), `${layer}\n`);
    const lines = ['FROM scratch', 'COPY one /', 'COPY two /', 'COPY three /', 'CMD ["/one"]'];
    await writeFile(join(context, 'Dockerfile'), lines.join('\n'));
    await docker('build', '-t', `${repository}/${name}:1`, context);
    return `${repository}/${name}:1`;
  };

  await test('is refused a push before it logged in', async () => {
    const image = await build('refused');
    // An answer that the engine does not take as final is asked for again for 50 seconds.
    const output = await execMustFail(command, ['push', image], { env, timeoutSeconds: 20 });
    ok(
      /no basic auth credentials|unauthorized|authentication required|authorization failed/i.test(
        output,
      ),
      output,
    );
  });
  await test('is refused with a wrong password, and logs in with the right one', async () => {
    const login = ['login', '-u', user, '--password-stdin', host];
    const output = await execMustFail(command, login, { env, input: `${password}x` });
    ok(/unauthorized/i.test(output), output);
    await exec(command, login, { env, input: password });
  });
  await test('builds an image of three layers, pushes it, and pulls it back', async () => {
    const image = await build('built');
    await pushAndPull(image);
  });
  await test('pushes and pulls an image of four layers with a link and a whiteout', async () => {
    const image = await images.app();
    await pushAndPull(await load(image, 'app'));
    if (engine.hasContainerdStore) {
      strictEqual((await registry.manifest(`${engine.name}/app`, '1')).digest, image.digest);
    }
  });
  await test('pulls by digest, and pushes to another repository by mounting', async () => {
    const { digest } = await registry.manifest(`${engine.name}/app`, '1');
    await docker('pull', `${repository}/app@${digest}`);
    await docker('tag', `${repository}/app:1`, `${repository}/mounted:1`);
    const output = await docker('push', `${repository}/mounted:1`);
    ok(output.includes('Mounted from'), output);
    await pushAndPull(`${repository}/mounted:1`);
  });
  await test('pushes a multi-arch index, and pulls the image of its own platform', async () => {
    if (engine.hasContainerdStore) {
      const image = await images.multiArch();
      await pushAndPull(await load(image, 'multi-arch'));
      strictEqual((await registry.manifest(`${engine.name}/multi-arch`, '1')).digest, image.digest);
      return;
    }
    const [both, one] = [`${repository}/app:both`, `${repository}/app:1`];
    await docker('manifest', 'create', '--insecure', both, one);
    await docker('manifest', 'push', '--insecure', both);
    await forgetEverything();
    await docker('pull', both);
    const { digest } = await registry.manifest(`${engine.name}/app`, 'both');
    strictEqual(await repositoryDigest(both), digest);
  });
  await test(`pushes and pulls ${engine.maxLayers} layers`, async () => {
    await pushAndPull(await load(await images.layers(engine.maxLayers), 'layers'));
  });
  await test('pushes and pulls an image that has the same layer twice', async () => {
    await pushAndPull(await load(await images.sameLayerTwice(), 'twice'));
  });
  await test('pushes and pulls a layer of 1 GiB', async () => {
    await pushAndPull(await load(await images.large(), 'large'));
    await forgetEverything();
  });
  await test('finds a repository with docker search', async () => {
    const found = await docker('search', '--format', '{{.Name}}', `${host}/${engine.name}/app`);
    ok(
      found.split('\n').some((name) => name.endsWith(`${engine.name}/app`)),
      found,
    );
  });
}

function client(engine: Engine, tools: string[]): Client {
  return {
    name: engine.name,
    tools,
    run: async (bench) => {
      const daemon = await startEngine(engine, bench);
      try {
        await run(engine, bench);
      } finally {
        await daemon.stop();
      }
    },
  };
}

export const docker20: Client = client(
  {
    name: 'docker-20',
    daemon: '/usr/sbin/dockerd',
    daemonFlags: ['--storage-driver=vfs'],
    path: ['/usr/bin', '/usr/sbin'],
    hasContainerdStore: false,
    maxLayers: 125,
  },
  [],
);

export const engine29: Engine = {
  name: 'docker-29',
  daemon: toolPath('moby', 'dockerd'),
  daemonFlags: [],
  path: [dirname(toolPath('moby', 'dockerd')), dirname(toolPath('containerd'))],
  hasContainerdStore: true,
  maxLayers: 127,
};

export const docker29: Client = client(engine29, ['moby', 'containerd']);
