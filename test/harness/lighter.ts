import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { registryEnvironment } from '../../local/registry-environment.ts';
import type { TestAzurite } from './azurite.ts';
import type { LighterAnswer, LighterCommand } from './lighter-messages.ts';

export interface TestLighterOptions {
  /** Where the registry stores; several may share one. A fault proxy may stand in for it. */
  readonly azurite: Pick<TestAzurite, 'blobUrl' | 'tableUrl' | 'accountKey'>;
  /** Settings on top of the default ones; undefined takes one away. */
  readonly settings?: Readonly<Record<string, string | undefined>>;
  /** As the real host in the ways that hurt: true unless said otherwise. */
  readonly strict?: boolean;
  /** The host's limit for a request body in bytes; the platform's default of 100 MiB unless set. */
  readonly maxBodyBytes?: number;
  /** True: timers run by the clock, too, which a test that counts must not meet by chance. */
  readonly schedules?: boolean;
  /** What to run: the registry's functions unless set, or its bundle when LIGHTER_BUNDLE is 1. */
  readonly appFile?: string;
  readonly hostJsonFile?: string;
}

export interface TestLighter {
  /** `http://127.0.0.1:<port>`, without a trailing slash. */
  readonly url: string;
  /** `127.0.0.1:<port>`: what an image's name begins with. */
  readonly host: string;
  readonly pid: number;
  /** Everything it wrote to stdout and stderr so far. */
  output(): string;
  /** Runs a timer function once, now. Rejects with what it threw. */
  runTimer(functionName: string): Promise<void>;
  stop(): Promise<void>;
  /** SIGKILL, in the middle of whatever it is doing. */
  kill(): Promise<void>;
}

/** The password of `admin`, unless a test's settings say otherwise. */
export const testAdminPassword = 'test-admin-password';

const processFile = fileURLToPath(new URL('lighter-process.ts', import.meta.url));
const root = new URL('../../', import.meta.url);
const appUnderTest = process.env['LIGHTER_BUNDLE'] === '1' ? 'dist/main.cjs' : 'functions/index.ts';

/**
 * Starts the registry under the local host, in a process of its own, on a free port. Rejects with
 * the process's own words when it does not start. Whoever starts one stops it.
 */
export async function startTestLighter(options: TestLighterOptions): Promise<TestLighter> {
  const {
    azurite,
    settings,
    strict = true,
    maxBodyBytes = 104_857_600,
    schedules = false,
  } = options;
  const child = spawn(process.execPath, [processFile], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: environment(azurite, settings),
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const exit = once(child, 'exit');

  async function end(finish: () => Promise<unknown> | boolean): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    await finish();
    if (child.connected) child.disconnect();
    await exit;
  }

  const started = await command(child, {
    kind: 'start',
    options: {
      appFile: options.appFile ?? fileURLToPath(new URL(appUnderTest, root)),
      hostJsonFile: options.hostJsonFile ?? fileURLToPath(new URL('host.json', root)),
      address: '127.0.0.1',
      port: 0,
      storage: { blobUrl: azurite.blobUrl },
      strict,
      maxBodyBytes,
      schedules,
    },
  }).catch((error: unknown) => {
    child.kill('SIGKILL');
    throw error;
  });
  const host = `127.0.0.1:${started.kind === 'started' ? started.port : 0}`;
  return {
    url: `http://${host}`,
    host,
    pid: child.pid ?? 0,
    output: () => output,
    async runTimer(functionName) {
      await command(child, { kind: 'run-timer', functionName });
    },
    stop: () => end(() => command(child, { kind: 'stop' })),
    kill: () => end(() => child.kill('SIGKILL')),
  };
}

function environment(
  azurite: TestLighterOptions['azurite'],
  settings: TestLighterOptions['settings'],
): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('LIGHTER_'));
  const defaults = registryEnvironment({
    storage: azurite,
    adminPassword: testAdminPassword,
    publicUrl: undefined,
  });
  const all = { ...Object.fromEntries(inherited), ...defaults, ...settings };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** Sends a command and waits for its answer. One at a time. */
async function command(child: ChildProcess, message: LighterCommand): Promise<LighterAnswer> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null, signal: NodeJS.Signals | null): void =>
      reject(new Error(`Lighter ended (${signal ?? code}) at "${message.kind}".`));
    child.once('exit', onExit);
    child.once('message', (answer: LighterAnswer) => {
      child.off('exit', onExit);
      if (answer.kind === 'failed') reject(new Error(answer.message));
      else resolve(answer);
    });
    child.send(message);
  });
}
