import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { describe, Problem } from './problem.ts';

/** The text of a file; empty when there is none. */
export async function readConfigFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return '';
    throw new Problem(`${path} cannot be read: ${describe(error)}`, { cause: error });
  }
}

/**
 * Replaces a file by what `change` makes of its text. A reader sees the old file or the new one,
 * whole, also after a power cut. The mode of an existing file is kept; a new one is its owner's
 * alone. Throws a Problem that names the file.
 */
export async function changeConfigFile(
  path: string,
  change: (text: string) => string,
): Promise<void> {
  const temporary = `${path}.lighter-${process.pid}`;
  try {
    const before = await readConfigFile(path);
    const after = change(before);
    if (after === before) return;
    const mode = await stat(path).then(
      (found) => found.mode & 0o777,
      () => 0o600,
    );
    const file = await open(temporary, 'w', mode);
    try {
      await file.chmod(mode);
      await file.writeFile(after);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    if (error instanceof Problem && error.message.startsWith(path)) throw error;
    throw new Problem(`${path} cannot be changed: ${describe(error)}`, { cause: error });
  }
}

const isMissing = (error: unknown) =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT';
