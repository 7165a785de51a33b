import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { SweepReport } from '../../shared/registry/sweep/sweep-report.ts';
import type {
  Answer,
  FromInstance,
  InstanceOptions,
  Sent,
  ToInstance,
} from './instance-messages.ts';

/** The process died before it answered: what it was asked to do may have happened or not. */
export class Died extends Error {
  override readonly name = 'Died';
}

const processFile = fileURLToPath(new URL('instance-process.ts', import.meta.url));

/** An instance of the registry in a process of its own. Whoever starts one stops it. */
export class Instance {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<FromInstance>>();
  #nextId = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', (message: FromInstance) => {
      if (message.kind === 'started') return;
      this.#waiting.get(message.id)?.resolve(message);
      this.#waiting.delete(message.id);
    });
    child.once('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Died());
      this.#waiting.clear();
    });
  }

  static async start(options: InstanceOptions): Promise<Instance> {
    const child = fork(processFile, { stdio: 'inherit' });
    const instance = new Instance(child);
    child.send({ kind: 'start', options } satisfies ToInstance);
    const outcome = await Promise.race([
      once(child, 'message').then(() => 'started' as const),
      once(child, 'exit').then(() => 'exited' as const),
    ]);
    if (outcome === 'exited') throw new Error('an instance did not start');
    return instance;
  }

  /** Throws {@link Died}. */
  async send(sent: Sent): Promise<Answer> {
    const result = await this.#ask((id) => ({ kind: 'request', id, sent }));
    if (result.kind !== 'answer')
      throw new Error(`${sent.method} ${sent.path}: ${failure(result)}`);
    return result.answer;
  }

  /** Throws {@link Died}, and when the sweep itself failed. */
  async sweep(): Promise<SweepReport> {
    const result = await this.#ask((id) => ({ kind: 'sweep', id }));
    if (result.kind !== 'swept') throw new Error(`sweep: ${failure(result)}`);
    return result.report;
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }

  async #ask(message: (id: number) => ToInstance): Promise<FromInstance> {
    const id = this.#nextId++;
    const waiting = Promise.withResolvers<FromInstance>();
    this.#waiting.set(id, waiting);
    if (!this.#child.connected) throw new Died();
    this.#child.send(message(id));
    return await waiting.promise;
  }
}

function failure(result: FromInstance): string {
  return result.kind === 'failed' ? result.error : result.kind;
}
