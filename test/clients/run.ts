import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localImages } from './images.ts';
import { installDebianPackages, installTools } from './install.ts';
import { stopAllDaemons } from './process.ts';
import { startRegistry, type Registry } from './registry.ts';
import { clientEnvironment, type Client } from './workbench.ts';
import { bodyLimit } from './body-limit.ts';
import { buildah } from './buildah.ts';
import { buildkit } from './buildkit.ts';
import { buildx } from './buildx.ts';
import { containerd } from './containerd.ts';
import { cosign } from './cosign.ts';
import { crane } from './crane.ts';
import { direct } from './direct.ts';
import { docker20, docker29 } from './docker.ts';
import { helm3, helm4 } from './helm.ts';
import { jib } from './jib.ts';
import { kubernetes } from './kubernetes.ts';
import { oras } from './oras.ts';
import { podman } from './podman.ts';
import { principals } from './principals.ts';
import { regctl } from './regctl.ts';
import { skopeo } from './skopeo.ts';
import { umoci } from './umoci.ts';

const clients: Client[] = [
  docker20,
  docker29,
  podman,
  skopeo,
  buildah,
  umoci,
  containerd,
  buildkit,
  crane,
  oras,
  regctl,
  helm4,
  principals,
  cosign,
  kubernetes,
  jib,
  direct,
  bodyLimit,
  helm3,
  buildx,
];

let passed = 0;
let failed = 0;

async function test(
  sentence: string,
  body: () => Promise<void>,
  registry?: Registry,
): Promise<void> {
  const startedAt = Date.now();
  const logStart = (await registryLog(registry)).length;
  const seconds = (): string => ((Date.now() - startedAt) / 1000).toFixed(1).padStart(6);
  try {
    await body();
    passed += 1;
    console.log(`ok     ${seconds()} s  ${sentence}`);
  } catch (error) {
    failed += 1;
    const message = error instanceof Error ? error.message : String(error);
    const log = (await registryLog(registry)).slice(logStart).trimEnd().split('\n');
    const report = [message.trimEnd(), ...log.slice(-15).map((line) => line.slice(0, 400))];
    console.log(`FAILED ${seconds()} s  ${sentence}`);
    console.log(report.join('\n').replaceAll(/^/gm, '    | '));
  }
}

const registryLog = (registry?: Registry): Promise<string> =>
  registry === undefined ? Promise.resolve('') : readFile(registry.logFile, 'utf8');

function choose(args: string[]): Client[] {
  const names = args.filter((arg) => !arg.startsWith('--'));
  if (names.length === 0) {
    return clients.filter((client) => args.includes('--all') || client.extra !== true);
  }
  return names.flatMap((name) => {
    const matching = clients.filter((client) => client.name.startsWith(name));
    if (matching.length === 0) {
      throw new Error(`no client is called ${name}: ${clients.map((one) => one.name).join(' ')}`);
    }
    return matching;
  });
}

async function runAll(chosen: Client[], folder: string): Promise<void> {
  await installDebianPackages();
  const notBuilt = await installTools([...new Set(chosen.flatMap((client) => client.tools))]);

  const registry = await startRegistry(join(folder, 'registry'), {});
  const images = localImages(join(folder, 'images'));

  for (const client of chosen) {
    const missing = client.tools.filter((name) => notBuilt.has(name));
    if (missing.length > 0) {
      await test(`${client.name} is installed`, () =>
        Promise.reject(new Error(missing.map((name) => notBuilt.get(name)?.message).join('\n'))));
      continue;
    }
    const clientFolder = join(folder, client.name);
    await mkdir(clientFolder);
    const env = await clientEnvironment(clientFolder);
    const named = (sentence: string, body: () => Promise<void>): Promise<void> =>
      test(`${client.name} ${sentence}`, body, registry);
    try {
      await client.run({ registry, images, folder: clientFolder, env, test: named });
    } catch (error) {
      await test(`${client.name} runs`, () => Promise.reject(error as Error));
    }
    await rm(clientFolder, { recursive: true, force: true, maxRetries: 5 }).catch(() => {});
  }
}

const folder = await mkdtemp(join(tmpdir(), 'lighter-clients-'));

async function cleanUp(): Promise<void> {
  await stopAllDaemons();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 }).catch(() => {});
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void cleanUp().finally(() => process.exit(1)));
}

try {
  await runAll(choose(process.argv.slice(2)), folder);
} catch (error) {
  await test('the registry starts', () => Promise.reject(error as Error));
} finally {
  await cleanUp();
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
