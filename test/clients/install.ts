import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A program built from the Go module proxy and kept in the cache under its name and version. */
export interface Tool {
  name: string;
  version: string;
  /** Main packages, without the version. The last path segment is the binary's name. */
  packages: string[];
  /** Modules with `exclude` or `replace` directives cannot be installed by version: build a copy. */
  copyOfModule?: string;
  flags?: string[];
  env?: Record<string, string>;
  /** Only wanted with `--all`. */
  extra?: boolean;
}

/** In the order in which they are built: what later steps wait for comes first. */
export const tools: Tool[] = [
  {
    name: 'conformance',
    version: 'v0.0.0-20260831232431-97274622c111',
    packages: ['github.com/opencontainers/distribution-spec/conformance'],
  },
  {
    name: 'crane',
    version: 'v0.22.1',
    packages: ['github.com/google/go-containerregistry/cmd/crane'],
  },
  { name: 'oras', version: 'v1.3.6', packages: ['oras.land/oras/cmd/oras'] },
  { name: 'regctl', version: 'v0.11.7', packages: ['github.com/regclient/regclient/cmd/regctl'] },
  {
    name: 'containerd',
    version: 'v2.4.2',
    packages: [
      'github.com/containerd/containerd/v2/cmd/ctr',
      'github.com/containerd/containerd/v2/cmd/containerd',
    ],
  },
  {
    name: 'moby',
    version: 'v2.0.0-beta.24',
    packages: ['github.com/moby/moby/v2/cmd/dockerd', 'github.com/moby/moby/v2/cmd/docker-proxy'],
    flags: ['-tags', 'exclude_graphdriver_btrfs'],
    env: { CGO_ENABLED: '0' },
  },
  {
    name: 'buildkit',
    version: 'v0.34.2',
    packages: ['github.com/moby/buildkit/cmd/buildctl', 'github.com/moby/buildkit/cmd/buildkitd'],
    copyOfModule: 'github.com/moby/buildkit',
  },
  { name: 'helm4', version: 'v4.3.1', packages: ['helm.sh/helm/v4/cmd/helm'] },
  { name: 'cosign', version: 'v3.1.3', packages: ['github.com/sigstore/cosign/v3/cmd/cosign'] },
  {
    name: 'distribution',
    version: 'v3.1.2',
    packages: ['github.com/distribution/distribution/v3/cmd/registry'],
  },
  { name: 'helm3', version: 'v3.22.0', packages: ['helm.sh/helm/v3/cmd/helm'], extra: true },
  {
    name: 'buildx',
    version: 'v0.38.2',
    packages: ['github.com/docker/buildx/cmd/buildx'],
    extra: true,
  },
];

/** Debian packages, each with a program by which its presence is seen. */
const debianPackages: Record<string, string> = {
  'docker.io': '/usr/sbin/dockerd',
  podman: '/usr/bin/podman',
  skopeo: '/usr/bin/skopeo',
  buildah: '/usr/bin/buildah',
  umoci: '/usr/bin/umoci',
  containerd: '/usr/bin/containerd',
  runc: '/usr/sbin/runc',
  crun: '/usr/bin/crun',
  'default-jdk-headless': '/usr/bin/javac',
  maven: '/usr/bin/mvn',
  hey: '/usr/bin/hey',
  wrk: '/usr/bin/wrk',
};

const cacheRoot = join(
  process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
  'lighter-clients',
);

const binaryName = (mainPackage: string): string =>
  mainPackage.slice(mainPackage.lastIndexOf('/') + 1);

const toolFolder = (tool: Tool): string => join(cacheRoot, `${tool.name}@${tool.version}`);

const isInstalled = (tool: Tool): boolean =>
  tool.packages.every((mainPackage) => existsSync(join(toolFolder(tool), binaryName(mainPackage))));

export function findTool(name: string): Tool {
  const tool = tools.find((candidate) => candidate.name === name);
  if (tool === undefined) throw new Error(`no tool is called ${name}`);
  return tool;
}

/** The absolute path of a built program; it exists once {@link installTools} has returned. */
export function toolPath(name: string, binary: string = name): string {
  return join(toolFolder(findTool(name)), binary);
}

async function run(
  command: string,
  args: string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<string> {
  const child = spawn(command, args, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let tail = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr
    .setEncoding('utf8')
    .on('data', (text: string) => (tail = (tail + text).slice(-4000)));
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  if (exitCode !== 0) {
    throw new Error(
      `${command} ${args.join(' ')} ended with ${exitCode}\n${tail}${stdout.slice(-2000)}`,
    );
  }
  return stdout;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** A lock whose holder has died, also one that died before it wrote its process id. */
async function isAbandoned(lockPath: string): Promise<boolean> {
  try {
    const holder = Number(await readFile(lockPath, 'utf8'));
    if (holder > 0) return !isAlive(holder);
    return Date.now() - (await stat(lockPath)).mtimeMs > 10_000;
  } catch {
    return false;
  }
}

/** Runs `task` while no other process on this machine holds the lock of that name. */
async function withLock(name: string, task: () => Promise<void>): Promise<void> {
  const path = join(cacheRoot, `${name}.lock`);
  await mkdir(cacheRoot, { recursive: true });
  for (;;) {
    try {
      const file = await open(path, 'wx');
      await file.writeFile(String(process.pid));
      await file.close();
      break;
    } catch {
      if (await isAbandoned(path)) await rm(path, { force: true });
      await sleep(500);
    }
  }
  try {
    await task();
  } finally {
    await rm(path, { force: true });
  }
}

async function build(tool: Tool, outputFolder: string): Promise<void> {
  const env = { GOTOOLCHAIN: 'local', GOBIN: outputFolder, ...tool.env };
  const flags = tool.flags ?? [];
  if (tool.copyOfModule === undefined) {
    const targets = tool.packages.map((mainPackage) => `${mainPackage}@${tool.version}`);
    await run('go', ['install', ...flags, ...targets], { env });
    return;
  }
  const module = `${tool.copyOfModule}@${tool.version}`;
  const answer: unknown = JSON.parse(
    await run('go', ['mod', 'download', '-json', module], { env }),
  );
  if (!(answer instanceof Object && 'Dir' in answer && typeof answer.Dir === 'string')) {
    throw new Error(`go mod download ${module} named no folder`);
  }
  const copy = join(outputFolder, '.source');
  await cp(answer.Dir, copy, { recursive: true });
  await run('chmod', ['-R', 'u+w', copy]);
  const targets = tool.packages.map((path) => path.replace(`${tool.copyOfModule}/`, './'));
  await run('go', ['install', '-mod=mod', ...flags, ...targets], { cwd: copy, env });
  await rm(copy, { recursive: true, force: true });
}

async function installTool(tool: Tool): Promise<void> {
  if (isInstalled(tool)) return;
  await withLock(tool.name, async () => {
    if (isInstalled(tool)) return;
    const startedAt = Date.now();
    const temporary = join(cacheRoot, `.building-${tool.name}`);
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary);
    try {
      await build(tool, temporary);
      await rm(toolFolder(tool), { recursive: true, force: true });
      await rename(temporary, toolFolder(tool));
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
    const seconds = ((Date.now() - startedAt) / 1000).toFixed(0);
    console.log(`built ${tool.name} ${tool.version} in ${seconds} s`);
  });
}

/**
 * Builds those of the named tools that are missing, one after the other (the Go compiler uses all
 * cores by itself). A build that fails does not keep the others from being built.
 * @returns the failures by tool name.
 */
export async function installTools(names: string[]): Promise<Map<string, Error>> {
  const failures = new Map<string, Error>();
  for (const name of names) {
    try {
      await installTool(findTool(name));
    } catch (error) {
      failures.set(name, error instanceof Error ? error : new Error(String(error)));
    }
  }
  return failures;
}

/** Installs the Debian packages that are missing; needs root when some are. */
export async function installDebianPackages(): Promise<void> {
  await withLock('debian', async () => {
    const missing = Object.keys(debianPackages).filter(
      (name) => !existsSync(debianPackages[name] ?? ''),
    );
    if (missing.length === 0) return;
    const startedAt = Date.now();
    // Runlevel 1 keeps the packages' scripts from starting system-wide daemons.
    const env = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
    await run('apt-get', ['update', '-q'], { env });
    await run('apt-get', ['install', '-q', '-y', '--no-install-recommends', ...missing], { env });
    const seconds = ((Date.now() - startedAt) / 1000).toFixed(0);
    console.log(`installed ${missing.join(' ')} in ${seconds} s`);
  });
}

/** The names of the tools a plain run needs, or of all. */
export const toolNames = (all: boolean): string[] =>
  tools.filter((tool) => all || tool.extra !== true).map((tool) => tool.name);

if (import.meta.main) {
  const args = process.argv.slice(2);
  const chosen = args.filter((arg) => !arg.startsWith('--'));
  if (chosen.length === 0) await installDebianPackages();
  const failures = await installTools(
    chosen.length > 0 ? chosen : toolNames(args.includes('--all')),
  );
  for (const [name, error] of failures) console.error(`could not build ${name}: ${error.message}`);
  process.exitCode = failures.size > 0 ? 1 : 0;
}
