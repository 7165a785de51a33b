import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { owner, startEntraRegistry } from './entra-registry.ts';

/*
 * `npm run test:python-sdk`: installs Azure's SDK for Python into a virtual environment in the
 * cache, once, and runs python-sdk.py with it against a registry behind TLS, signed in by Entra.
 */

const version = '1.2.0';
const cacheRoot = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
const environment = join(cacheRoot, 'lighter-clients', `azure-containerregistry@${version}`);
const python = join(environment, 'bin', 'python');
const done = join(environment, 'installed');
const run = promisify(execFile);

if (!existsSync(done)) {
  await run('python3', ['-m', 'venv', environment]);
  await run(python, ['-m', 'pip', 'install', '--quiet', `azure-containerregistry==${version}`]);
  await writeFile(done, '');
}

const folder = await mkdtemp(join(tmpdir(), 'lighter-python-'));
const registry = await startEntraRegistry();
try {
  const certificate = join(folder, 'front.pem');
  await writeFile(certificate, registry.front.certificate);
  const { stdout } = await run(python, [join(import.meta.dirname, 'python-sdk.py')], {
    env: {
      ...process.env,
      REGISTRY_URL: registry.front.url,
      REGISTRY_CA: certificate,
      ENTRA_TOKEN: await registry.tokenOf(owner),
    },
    timeout: 120_000,
  });
  console.log(stdout.trim());
} finally {
  await registry.stop();
  await rm(folder, { recursive: true, force: true });
}
