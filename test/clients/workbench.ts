import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Images } from './images.ts';
import type { Registry } from './registry.ts';

/** A registry client and what it must be able to do. */
export interface Client {
  name: string;
  /** Names of the tools in install.ts that it needs, beyond the Debian packages. */
  tools: string[];
  /** Only run with `--all`, or when named. */
  extra?: boolean;
  run: (bench: Workbench) => Promise<void>;
}

/** What a client's tests work with. */
export interface Workbench {
  registry: Registry;
  images: Images;
  /** Empty at the start, and of this client alone. */
  folder: string;
  /** Keeps every client's settings and credentials inside {@link folder}. */
  env: Record<string, string>;
  /** Runs one test and reports it; a failure does not end the client's other tests. */
  test: (sentence: string, body: () => Promise<void>) => Promise<void>;
}

export async function clientEnvironment(folder: string): Promise<Record<string, string>> {
  const home = join(folder, 'home');
  const dockerConfig = join(home, '.docker');
  await mkdir(dockerConfig, { recursive: true });
  await mkdir(join(home, 'tmp'));
  return {
    HOME: home,
    XDG_CACHE_HOME: join(home, '.cache'),
    XDG_CONFIG_HOME: join(home, '.config'),
    XDG_DATA_HOME: join(home, '.local/share'),
    XDG_RUNTIME_DIR: join(home, 'run'),
    TMPDIR: join(home, 'tmp'),
    DOCKER_CONFIG: dockerConfig,
    REGISTRY_AUTH_FILE: join(home, 'auth.json'),
  };
}

/** Credentials as `docker login` would store them, for clients that have no login of their own. */
export async function writeDockerConfig({ env, registry }: Workbench): Promise<void> {
  const auth = Buffer.from(`${registry.user}:${registry.password}`).toString('base64');
  const config = { auths: { [registry.host]: { auth } } };
  await writeFile(join(env['DOCKER_CONFIG'] ?? '', 'config.json'), JSON.stringify(config));
}
