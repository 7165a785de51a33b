import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';

const program = fileURLToPath(new URL('../../infra/kubernetes/agent/main.ts', import.meta.url));

export interface AgentOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Written to its stdin, which is empty without it. */
  readonly input?: string;
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  /** Its log, without the times. */
  readonly log: string;
}

export interface RunningAgent {
  log(): string;
  /** Waits until the log matches; rejects with the log after 20 seconds. */
  logged(pattern: RegExp): Promise<void>;
  ended(): Promise<Ended>;
  /** SIGTERM, as Kubernetes ends a container. */
  stop(): Promise<Ended>;
}

/** Starts the program as a container's only process: nothing of this process's environment. */
export function startAgent(args: readonly string[], options: AgentOptions = {}): RunningAgent {
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  const closed = once(child, 'close');
  const log = () => stderr.replaceAll(/^\S+Z /gm, '');
  const ended = async () => {
    await closed;
    return { code: child.exitCode, stdout, log: log() };
  };
  return {
    log,
    ended,
    async logged(pattern) {
      for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(20)) {
        if (pattern.test(log())) return;
      }
      throw new Error(`${pattern} was not logged, but:\n${log()}`);
    },
    async stop() {
      child.kill('SIGTERM');
      return ended();
    },
  };
}

/** Runs the program to its end. */
export function runAgent(args: readonly string[], options: AgentOptions = {}): Promise<Ended> {
  return startAgent(args, options).ended();
}
