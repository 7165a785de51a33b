import { chmod, copyFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Session } from '../keep.ts';
import { type Environment, type OptionName, parseOptions, required } from '../options.ts';
import { describe, Problem } from '../problem.ts';

const allowed: readonly OptionName[] = ['to', 'on-node', 'name'];

/**
 * Copies this program, Node.js and the libraries it runs with into a folder of the node, and a
 * launcher beside them that uses these and nothing else of the node but `/bin/sh`: what the kubelet
 * starts as its credential provider. `--on-node` names where on the node the folder is, when that
 * differs from where it is mounted.
 */
export async function runInstall(
  args: readonly string[],
  _environment: Environment,
  { log }: Session,
): Promise<void> {
  const options = parseOptions(args, allowed);
  const folder = required(options, 'to');
  const onNode = options['on-node'] ?? folder;
  const name = options.name ?? 'lighter-credential-provider';
  const files = `${name}.files`;
  const { loader, libraries, node } = await loadedFiles();
  try {
    await mkdir(join(folder, files), { recursive: true });
    for (const path of [loader, node]) await replace(path, join(folder, files));
    for (const path of libraries) await replace(path, join(folder, files), soname(path));
    await replace(process.argv[1] ?? '', join(folder, files), 'agent.mjs');
    const at = (file: string) => `'${join(onNode, files, basename(file))}'`;
    const command = `${at(loader)} --library-path '${join(onNode, files)}' ${at(node)} ${at('agent.mjs')}`;
    const launcher = join(folder, name);
    await writeFile(`${launcher}.new`, `#!/bin/sh\nexec ${command} credential-provider "$@"\n`);
    await chmod(`${launcher}.new`, 0o755);
    await rename(`${launcher}.new`, launcher);
    log(`${launcher} is installed`);
  } catch (error) {
    throw new Problem(`${folder} cannot be written: ${describe(error)}`, { cause: error });
  }
}

/** One that runs is not written over but replaced. */
async function replace(from: string, folder: string, name = basename(from)): Promise<void> {
  const temporary = join(folder, `.${name}.new`);
  await copyFile(from, temporary);
  await chmod(temporary, 0o755);
  await rename(temporary, join(folder, name));
}

/** What programs call a library: `libstdc++.so.6` of the file `libstdc++.so.6.0.30`. */
const soname = (path: string) => basename(path).replace(/(\.so\.\d+)[.\d]*$/, '$1');

/** What Linux has mapped into this process (proc(5)): the program, its loader, its libraries. */
async function loadedFiles() {
  const maps = await readFile('/proc/self/maps', 'utf8');
  const paths = new Set(maps.match(/\/\S+$/gm));
  const all = [...paths].filter((path) => /(?:\/ld-[^/]*|\.so[.\d]*)$/.test(path));
  const loader = all.find((path) => basename(path).startsWith('ld-'));
  const node = [...paths].find((path) => basename(path) === 'node');
  if (loader === undefined || node === undefined) {
    throw new Problem('this Node.js does not run with libraries of its own: use the image');
  }
  return { loader, node, libraries: all.filter((path) => path !== loader) };
}
