import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import * as v from 'valibot';
import { CliError } from '../cli-error.ts';
import type { StoredCredential } from './credential.ts';

const content = v.object({
  current: v.optional(v.string()),
  registries: v.record(v.string(), v.object({ username: v.string(), password: v.string() })),
});
type Content = v.InferOutput<typeof content>;
const nothing: Content = { registries: {} };

/** Where `lighter login` keeps what it was given: readable for its owner only. */
export function credentialPath(environment: NodeJS.ProcessEnv): string {
  const folder = environment['XDG_CONFIG_HOME'] || join(homedir(), '.config');
  return join(folder, 'lighter', 'credentials.json');
}

/**
 * The credentials of `lighter login`, by address of the registry, and which registry was signed in
 * to last. Written by renaming, so that a reader never sees half of it.
 */
export class CredentialFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** The registry signed in to last. */
  current(): string | undefined {
    return this.#read().current;
  }

  get(origin: string): StoredCredential | undefined {
    return this.#read().registries[origin];
  }

  set(origin: string, { username, password }: StoredCredential): void {
    const { registries } = this.#read();
    this.#write({
      current: origin,
      registries: { ...registries, [origin]: { username, password } },
    });
  }

  /** False when there was none. */
  remove(origin: string): boolean {
    const { current, registries } = this.#read();
    const { [origin]: removed, ...others } = registries;
    if (removed === undefined) return false;
    this.#write({ ...(current !== origin && { current }), registries: others });
    return true;
  }

  #read(): Content {
    let text: string;
    try {
      text = readFileSync(this.#path, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return nothing;
      throw new CliError(`${this.#path} cannot be read`, undefined, { cause: error });
    }
    const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), content), text);
    if (parsed.success) return parsed.output;
    throw new CliError(`${this.#path} is damaged: remove it and sign in again`);
  }

  #write(value: Content): void {
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    const draft = `${this.#path}.${process.pid}`;
    try {
      writeFileSync(draft, `${JSON.stringify(value, undefined, 2)}\n`, { mode: 0o600 });
      chmodSync(draft, 0o600);
      renameSync(draft, this.#path);
    } finally {
      rmSync(draft, { force: true });
    }
  }
}
