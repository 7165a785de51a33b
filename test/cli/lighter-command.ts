import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `lighter` in a process of its own, with a home folder and settings of the test's. */
export function lighterCommand(home: string, settings: Readonly<Record<string, string>> = {}) {
  return (given: readonly string[], stdin = ''): Promise<Ended> =>
    new Promise((resolve, reject) => {
      const env = { PATH: process.env['PATH'], HOME: home, NO_COLOR: '1', ...settings };
      const child = execFile(
        process.execPath,
        [main, ...given],
        { env },
        (error, stdout, stderr) => {
          const code = error === null ? 0 : error.code;
          if (typeof code === 'number') resolve({ code, stdout, stderr });
          else reject(error ?? new Error('it ended without a code'));
        },
      );
      child.stdin?.end(stdin);
    });
}

/** `lighter` while it runs: for what happens to its streams meanwhile. */
export function lighterProcess(home: string, given: readonly string[]) {
  const env = { PATH: process.env['PATH'], HOME: home, NO_COLOR: '1' };
  const child: ChildProcess = spawn(process.execPath, [main, ...given], { env });
  const stderr: Buffer[] = [];
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
  const ended = new Promise<{ code: number | null; stderr: string }>((resolve) =>
    child.on('close', (code) => resolve({ code, stderr: Buffer.concat(stderr).toString() })),
  );
  return { child, ended };
}
