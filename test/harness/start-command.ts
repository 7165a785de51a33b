import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface StartedCommand {
  /** Everything it wrote so far. */
  readonly stdout: string;
  readonly stderr: string;
  /** Its exit code, when it has ended. */
  readonly exitCode: number | undefined;
  /** The address it says it is ready at. */
  readonly url: string;
  readonly pid: number;
  /** Sends a signal and resolves to the exit code, null after SIGKILL. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Runs what `npm start` runs, on a free port unless the settings name one, until it is ready or has
 * ended. Whoever starts one that is ready ends it. In a process group of its own a signal reaches
 * its children, too.
 */
export async function runStartCommand(
  settings: Readonly<Record<string, string>>,
  { ownGroup = false }: { readonly ownGroup?: boolean } = {},
): Promise<StartedCommand> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('LIGHTER_'));
  const child = spawn(process.execPath, ['local/start.ts'], {
    cwd: root,
    detached: ownGroup,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...Object.fromEntries(inherited), LIGHTER_PORT: '0', ...settings },
  });
  const written = { stdout: '', stderr: '' };
  const closed = once(child, 'close');
  const ready = new Promise<void>((resolve) => {
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        written[name] += text;
        if (written.stdout.includes('Ctrl-C ends it.')) resolve();
      });
    }
  });
  await Promise.race([ready, closed]);
  return {
    get stdout() {
      return written.stdout;
    },
    get stderr() {
      return written.stderr;
    },
    exitCode: child.exitCode ?? undefined,
    url: /ready at (\S+)/.exec(written.stdout)?.[1] ?? '',
    pid: child.pid ?? 0,
    async end(signal) {
      if (ownGroup && child.pid !== undefined) process.kill(-child.pid, signal);
      else child.kill(signal);
      await closed;
      return child.exitCode;
    },
  };
}
