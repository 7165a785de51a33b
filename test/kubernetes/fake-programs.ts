import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

export interface Call {
  readonly program: string;
  readonly args: readonly string[];
  readonly input: string;
  /** What the folder of `--kustomize` had in its kustomization.yaml. */
  readonly kustomization?: Record<string, unknown>;
}

/** An answer for command lines that contain these words, in this order and next to each other. */
export interface Answer {
  readonly words: string;
  readonly code?: number;
  readonly stdout?: string;
  readonly stderr?: string;
}

export interface FakePrograms {
  /** With these first on the PATH. */
  readonly environment: NodeJS.ProcessEnv;
  /** All that was called, in order. */
  readonly calls: () => Promise<Call[]>;
  /** Put before those that there are: the first that fits answers. */
  readonly answer: (...answers: Answer[]) => Promise<void>;
  readonly remove: () => Promise<void>;
}

/**
 * Executables `az` and `kubectl` that write down what they are called with and play recorded
 * answers; what has none ends with 0 and says nothing.
 */
export async function makeFakePrograms(): Promise<FakePrograms> {
  const folder = await mkdtemp(join(tmpdir(), 'lighter-fakes-'));
  const [callsFile, answersFile] = [join(folder, 'calls'), join(folder, 'answers')];
  await writeFile(callsFile, '');
  await writeFile(answersFile, '[]');
  for (const program of ['az', 'kubectl']) {
    const file = join(folder, program);
    await writeFile(file, script(program, callsFile, answersFile));
    await chmod(file, 0o755);
  }
  const answers: Answer[] = [];
  return {
    environment: { ...process.env, PATH: `${folder}${delimiter}${process.env['PATH'] ?? ''}` },
    async calls() {
      const lines = (await readFile(callsFile, 'utf8')).trim().split('\n');
      return lines.filter((line) => line !== '').map((line): Call => JSON.parse(line));
    },
    async answer(...given) {
      answers.unshift(...given);
      await writeFile(answersFile, JSON.stringify(answers));
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

const script = (program: string, calls: string, answers: string): string => `#!${process.execPath}
const { appendFileSync, existsSync, readFileSync } = require('node:fs');
const args = process.argv.slice(2);
const input = readFileSync(0, 'utf8');
const folder = args[args.indexOf('--kustomize') + 1];
const file = folder + '/kustomization.yaml';
const kustomization =
  args.includes('--kustomize') && existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
appendFileSync(
  ${JSON.stringify(calls)},
  JSON.stringify({ program: ${JSON.stringify(program)}, args, input, kustomization }) + '\\n',
);
const line = [${JSON.stringify(program)}, ...args].join(' ');
const answer = JSON.parse(readFileSync(${JSON.stringify(answers)}, 'utf8')).find(({ words }) =>
  line.includes(words),
);
process.stdout.write(answer?.stdout ?? '');
process.stderr.write(answer?.stderr ?? '');
process.exitCode = answer?.code ?? 0;
`;
