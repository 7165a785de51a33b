import { randomBytes } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The folder in which everything local is kept, with its secrets. */
export interface DataFolder {
  /** Azurite's own folder in it. */
  readonly storageFolder: string;
  /** Base64, generated on the first start. */
  readonly storageKey: string;
  /** Generated on the first start. */
  readonly adminPassword: string;
  /** The file it is kept in. */
  readonly adminPasswordFile: string;
}

/** Makes the folder and its secrets where they are missing. Throws when it cannot be written to. */
export function openDataFolder(path: string): DataFolder {
  makeFolder(path);
  accessSync(path, constants.W_OK);
  const adminPasswordFile = join(path, 'admin-password');
  return {
    storageFolder: join(path, 'azurite'),
    storageKey: keepSecret(join(path, 'storage-key'), () => randomBytes(64).toString('base64')),
    adminPassword: keepSecret(adminPasswordFile, () => randomBytes(16).toString('hex')),
    adminPasswordFile,
  };
}

/** Folder by folder: where nothing can be created (/proc), Node's own recursion never ends. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}

/** Only its owner may read it. Whoever creates it first wins, the others read that one. */
function keepSecret(path: string, generate: () => string): string {
  try {
    writeFileSync(path, `${generate()}\n`, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    const exists = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    if (!exists) throw error;
  }
  return readFileSync(path, 'utf8').trim();
}
