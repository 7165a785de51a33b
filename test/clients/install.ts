import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { debianPackages, tools, type Tool } from './tools.ts';

const cacheRoot = join(
  process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
  'lighter-clients',
);

/** The last segment of its path that is no major version, as `go install` has it. */
const binaryName = (mainPackage: string): string =>
  mainPackage
    .replace(/\/v\d+$/, '')
    .split('/')
    .at(-1) ?? mainPackage;

const toolFolder = ({ name, version, build }: Tool): string =>
  join(cacheRoot, `${name}@${version}${build === undefined ? '' : `+${build}`}`);

const isInstalled = (tool: Tool): boolean =>
  tool.packages.every((mainPackage) => existsSync(join(toolFolder(tool), binaryName(mainPackage))));

function findTool(name: string): Tool {
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
  for (const path of tool.leftOut ?? []) await rm(join(copy, path));
  if (tool.modEdits !== undefined) {
    await run('go', ['mod', 'edit', ...tool.modEdits], { cwd: copy, env });
  }
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
