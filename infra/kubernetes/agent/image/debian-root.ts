import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import {
  chmod,
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What Node.js is linked with: the C library with its loader, and the C++ runtime. */
const packages = ['libc6', 'libgcc-s1', 'libstdc++6'];

const unneeded = ['gconv', 'audit', 'locale', 'getconf'];

/**
 * A root file system with Node.js and nothing else that runs: libraries from Debian's packages of
 * this machine's release, and the Node.js given. Needs `apt-get` with its lists, and `dpkg-deb`.
 */
export async function makeDebianRoot(root: string, nodeFile: string): Promise<void> {
  const downloads = await mkdtemp(join(tmpdir(), 'lighter-packages-'));
  try {
    await run('apt-get', ['download', '-q', ...packages], { cwd: downloads });
    for (const file of await readdir(downloads)) {
      const unpacked = join(downloads, `${file}.files`);
      await run('dpkg-deb', ['--extract', join(downloads, file), unpacked]);
      await copyWanted(unpacked, root);
    }
  } finally {
    await rm(downloads, { recursive: true, force: true });
  }
  await removeUnneeded(root);
  await linkLibraryFolders(root);
  await mkdir(join(root, 'bin'), { recursive: true });
  await copyFile(nodeFile, join(root, 'bin/node'));
  await chmod(join(root, 'bin/node'), 0o755);
  await writeSystemFiles(root);
}

async function copyWanted(unpacked: string, root: string): Promise<void> {
  for (const folder of ['lib', 'lib64', 'usr/lib', 'usr/lib64', 'usr/share/doc']) {
    if (!existsSync(join(unpacked, folder))) continue;
    await cp(join(unpacked, folder), join(root, folder), {
      recursive: true,
      verbatimSymlinks: true,
    });
  }
}

async function removeUnneeded(root: string): Promise<void> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (unneeded.includes(entry.name)) {
      await rm(join(entry.parentPath, entry.name), { recursive: true, force: true });
    }
  }
}

/** Newer releases have /lib and /lib64 as links into /usr, which a package of its own makes. */
async function linkLibraryFolders(root: string): Promise<void> {
  for (const folder of ['lib', 'lib64']) {
    if (existsSync(join(root, 'usr', folder)) && !existsSync(join(root, folder))) {
      await symlink(`usr/${folder}`, join(root, folder));
    }
  }
}

/** What the C library looks up names with, and what a user is called. */
async function writeSystemFiles(root: string): Promise<void> {
  await mkdir(join(root, 'etc'), { recursive: true });
  await mkdir(join(root, 'tmp'), { recursive: true });
  await writeFile(join(root, 'etc/nsswitch.conf'), 'hosts: files dns\n');
  await writeFile(
    join(root, 'etc/passwd'),
    'root:x:0:0:root:/:/bin/false\nlighter:x:65532:65532:lighter:/:/bin/false\n',
  );
  await writeFile(join(root, 'etc/group'), 'root:x:0:\nlighter:x:65532:\n');
}
