import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { styleText } from 'node:util';
import { CliError, exitCodes } from '../cli-error.ts';
import { type Coloured, jsonText, printable } from './table.ts';

export interface TerminalOptions {
  readonly json: boolean;
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
}

/**
 * What is said to whom: results on stdout, as JSON for machines or as text for people; everything
 * else on stderr. Colours and progress only where a person looks (NO_COLOR is honoured by
 * `styleText`).
 */
export class Terminal {
  readonly #options: TerminalOptions;

  constructor(options: TerminalOptions) {
    this.#options = options;
  }

  /** The result of the command: the value itself with `--json`, else what `text` makes of it. */
  show(value: unknown, text: () => string): void {
    const { json, stdout } = this.#options;
    stdout.write(json ? jsonText(value) : text());
  }

  /** Says that something was done; silent with `--json`, where the result says it. */
  done(sentence: string): void {
    if (!this.#options.json) this.note(sentence);
  }

  /** A sentence beside the result. */
  note(sentence: string): void {
    this.#options.stderr.write(`${printable(sentence)}\n`);
  }

  good(text: string): Coloured {
    return this.#coloured('green', text);
  }

  bad(text: string): Coloured {
    return this.#coloured('red', text);
  }

  /** Runs something that takes a while, with a line that says how long it has been at it. */
  async during<T>(sentence: string, work: Promise<T>): Promise<T> {
    const { stderr, json } = this.#options;
    if (!stderr.isTTY || json) return work;
    const startedAt = Date.now();
    const timer = setInterval(() => {
      stderr.write(`\r${sentence} ${Math.round((Date.now() - startedAt) / 1000)} s `);
    }, 250);
    try {
      return await work;
    } finally {
      clearInterval(timer);
      stderr.write('\r\u001b[K');
    }
  }

  /** Asks the person; throws usage where none is. */
  async ask(question: string): Promise<string> {
    return this.#ask(question, this.#options.stderr);
  }

  /** Asks for a secret, which does not appear on the screen. */
  async askSecret(question: string): Promise<string> {
    this.#refuseWithoutPerson(question);
    this.#options.stderr.write(question);
    const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
    const secret = await this.#ask('', silent);
    this.#options.stderr.write('\n');
    return secret;
  }

  /** Whether the person agrees; `--yes` agrees for scripts, without it they get a usage error. */
  async confirm(question: string, yes: boolean): Promise<void> {
    if (yes) return;
    if (!this.#options.stdin.isTTY) {
      throw new CliError(
        `standard input is no terminal to ask "${question}" on: --yes agrees`,
        exitCodes.usage,
      );
    }
    const answer = await this.ask(`${question} [y/N] `);
    if (!/^y(?:es)?$/i.test(answer.trim())) throw new CliError('nothing was changed');
  }

  /** All of standard input, for what is piped in. */
  async readStdin(): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of this.#options.stdin) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks).toString('utf8');
  }

  #coloured(colour: 'green' | 'red', text: string): Coloured {
    const { stdout: stream } = this.#options;
    return { text, paint: (harmless) => styleText(colour, harmless, { stream }) };
  }

  #refuseWithoutPerson(question: string): void {
    if (this.#options.stdin.isTTY) return;
    throw new CliError(
      `cannot ask "${question.trim()}": standard input is no terminal`,
      exitCodes.usage,
    );
  }

  async #ask(question: string, output: NodeJS.WritableStream): Promise<string> {
    this.#refuseWithoutPerson(question);
    const { stdin } = this.#options;
    const ended = new AbortController();
    const lines = createInterface({ input: stdin, output, terminal: true });
    // Without the signal, Node.js 20 never settles a question that Ctrl-C ends.
    lines.once('close', () => ended.abort());
    try {
      return await lines.question(question, { signal: ended.signal });
    } catch (cause) {
      this.#options.stderr.write('\n');
      throw new CliError('interrupted', exitCodes.interrupted, { cause });
    } finally {
      lines.close();
    }
  }
}
