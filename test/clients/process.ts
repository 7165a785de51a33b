import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ExecOptions {
  env?: Record<string, string>;
  cwd?: string;
  /** Written to the program's standard input, which is empty without it. */
  input?: string;
  /** The program and its children are killed after this long. */
  timeoutSeconds?: number;
}

/**
 * Runs a program to its end.
 * @returns its standard output.
 * @throws with the command line and the tail of its output when it fails or takes too long.
 */
export async function exec(
  command: string,
  args: string[],
  options: ExecOptions = {},
): Promise<string> {
  const timeoutSeconds = options.timeoutSeconds ?? 120;
  const child = spawn(command, args, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...process.env, ...options.env },
    detached: true,
  });
  const timer = setTimeout(() => killGroup(child), timeoutSeconds * 1000);
  let stdout = '';
  let tail = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    tail = (tail + text).slice(-3000);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-3000);
  });
  child.stdin.on('error', () => {}); // A program that reads no input may close it early.
  child.stdin.end(options.input ?? '');
  try {
    const ending = await new Promise<string>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve(signal ?? String(code)));
    });
    if (ending === '0') return stdout;
    const cause = ending === 'SIGKILL' ? `was killed, limit ${timeoutSeconds} s` : `gave ${ending}`;
    throw new Error(`${command} ${args.join(' ')}\n  ${cause}\n${tail}`);
  } finally {
    clearTimeout(timer);
  }
}

/** Succeeds when {@link exec} fails, and throws when it succeeds. */
export async function execMustFail(
  command: string,
  args: string[],
  options: ExecOptions = {},
): Promise<string> {
  const output = await exec(command, args, options).then(
    () => undefined,
    (error: unknown) => String(error),
  );
  if (output === undefined) throw new Error(`${command} ${args.join(' ')}\n  should have failed`);
  return output;
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // The group has ended by itself.
  }
}

export interface Daemon {
  pid: number;
  /** Ends it: SIGTERM, and SIGKILL to all its process group after 20 seconds. */
  stop: () => Promise<void>;
}

export interface DaemonOptions {
  env?: Record<string, string>;
  cwd?: string;
  logFile: string;
  isReady: () => Promise<boolean>;
  readySeconds?: number;
}

/** Every daemon that runs, so that an interrupted run leaves none behind. */
const running = new Set<Daemon>();
let isEnding = false;

/** Ends every daemon; none can be started any more. */
export async function stopAllDaemons(): Promise<void> {
  isEnding = true;
  await Promise.all([...running].map((daemon) => daemon.stop()));
}

/**
 * Starts a program that keeps running, its output going to `logFile`.
 * @returns once `isReady` answers true.
 * @throws with the tail of its log when it ends before or is not ready in time.
 */
export async function startDaemon(
  command: string,
  args: string[],
  options: DaemonOptions,
): Promise<Daemon> {
  if (isEnding) throw new Error('the run is being ended');
  const log = openSync(options.logFile, 'a');
  const child = spawn(command, args, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...process.env, ...options.env },
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
    child.once('error', () => resolve());
  });
  let hasEnded = false;
  void ended.then(() => (hasEnded = true));

  const daemon: Daemon = {
    pid: child.pid ?? 0,
    stop: async () => {
      running.delete(daemon);
      if (!hasEnded) child.kill('SIGTERM');
      const graceful = await Promise.race([ended.then(() => true), sleep(20_000, false)]);
      if (!graceful) killGroup(child);
      await ended;
    },
  };
  running.add(daemon);

  const deadline = Date.now() + (options.readySeconds ?? 30) * 1000;
  while (!(await options.isReady())) {
    if (hasEnded || Date.now() > deadline) {
      await daemon.stop();
      const tail = (await readFile(options.logFile, 'utf8')).slice(-3000);
      throw new Error(`${command} ${args.join(' ')}\n  did not become ready\n${tail}`);
    }
    await sleep(100);
  }
  return daemon;
}

/** True when the program runs and exits with 0: the readiness of most daemons. */
export async function succeeds(
  command: string,
  args: string[],
  options: ExecOptions = {},
): Promise<boolean> {
  return exec(command, args, { timeoutSeconds: 10, ...options }).then(
    () => true,
    () => false,
  );
}

/** A port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (address === null || typeof address === 'string') throw new Error('no port was assigned');
  return address.port;
}
