import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { CliError, exitCodes } from '../cli-error.ts';
import { withoutSecrets } from '../credentials/child-environment.ts';

export type Program = 'az' | 'kubectl';

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program of the PATH to its end. `input` goes to its stdin; secrets never go elsewhere. */
export type Runner = (
  program: Program,
  args: readonly string[],
  input?: string,
) => Promise<Finished>;

/** Runs them as child processes. Throws a CliError when the program is not there. */
export function childRunner(environment: NodeJS.ProcessEnv): Runner {
  return async (program, args, input = '') => {
    const child = spawn(program, args, {
      env: withoutSecrets(environment),
      // az is a script on Windows.
      shell: process.platform === 'win32',
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    try {
      await once(child, 'close');
    } catch (error) {
      throw cannotRun(program, error);
    }
    return { code: child.exitCode ?? 1, stdout, stderr };
  };
}

/** Without the program the same command can never work. */
function cannotRun(program: Program, cause: unknown): CliError {
  const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
  return isMissing
    ? new CliError(`${program} cannot be run: is it installed?`, exitCodes.usage, { cause })
    : new CliError(`${program} cannot be run: ${String(cause)}`, exitCodes.failed, { cause });
}

/** The stdout of a program that must succeed; else a CliError that begins with `what`. */
export async function mustRun(
  run: Runner,
  what: string,
  program: Program,
  args: readonly string[],
  input?: string,
): Promise<string> {
  const { code, stdout, stderr } = await run(program, args, input);
  if (code === 0) return stdout;
  throw new CliError(`${what}: ${program} ended with ${code}`, undefined, {
    details: stderr.trim().split('\n').slice(-5),
  });
}
