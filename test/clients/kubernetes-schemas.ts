import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { exec } from './process.ts';

/** Carries the JSON schemas of Kubernetes; its version is theirs. */
const version = '1.37.0';
const cacheRoot = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
const environment = join(cacheRoot, 'lighter-clients', `kubernetes-validate@${version}`);
const command = join(environment, 'bin', 'kubernetes-validate');

/** Installs the validator from PyPI into a virtual environment in the cache, once. */
export async function installSchemas(): Promise<void> {
  if (existsSync(command)) return;
  await exec('python3', ['-m', 'venv', environment]);
  const pip = ['-m', 'pip', 'install', '--quiet', `kubernetes-validate==${version}`];
  await exec(join(environment, 'bin', 'python'), pip, { timeoutSeconds: 300 });
}

/**
 * Checks a file of manifests against the schemas, fields that these do not know included.
 * @returns how many objects there are.
 */
export async function validate(file: string): Promise<number> {
  const script = '"$0" --strict --kubernetes-version 1.37 "$1" 2>&1';
  const output = await exec('sh', ['-c', script, command, file]);
  return output.match(/ passed for resource /g)?.length ?? 0;
}
