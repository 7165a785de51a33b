import { Choice } from './choice.ts';
import { Died, Instance } from './instance.ts';
import type { Answer, InstanceOptions, Sent } from './instance-messages.ts';

/** The instances of one registry; requests go to any of them. */
export class RandomRegistry {
  readonly #options: InstanceOptions;
  readonly #instances: (Instance | undefined)[];
  /** What a client must never be told, and what no sweep may meet. */
  readonly problems: string[] = [];
  requests = 0;
  kills = 0;
  sweeps = 0;
  readonly statuses = new Map<string, number>();

  private constructor(options: InstanceOptions, instances: Instance[]) {
    this.#options = options;
    this.#instances = instances;
  }

  static async start(options: InstanceOptions, count: number): Promise<RandomRegistry> {
    const starting = Array.from({ length: count }, () => Instance.start(options));
    return new RandomRegistry(options, await Promise.all(starting));
  }

  /** Undefined when the instance died: nobody knows whether it happened. */
  async send(choice: Choice, sent: Sent): Promise<Answer | undefined> {
    this.requests += 1;
    try {
      const answer = await this.#any(choice).send(sent);
      const counted = `${sent.method} ${answer.status}`;
      this.statuses.set(counted, (this.statuses.get(counted) ?? 0) + 1);
      if (answer.status === 500) {
        this.problems.push(`${sent.method} ${sent.path}: 500 ${answer.causes.join('\n')}`);
      }
      return answer;
    } catch (error) {
      if (error instanceof Died) return undefined;
      throw error;
    }
  }

  /** One sweep, of any instance; its report, unless it died or could not reach storage. */
  async sweep(choice: Choice) {
    this.sweeps += 1;
    const report = await this.#any(choice)
      .sweep()
      .catch((error: unknown) => {
        const unreachable = error instanceof Error && error.message.includes('StorageUnavailable');
        if (!(error instanceof Died) && !unreachable) this.problems.push(String(error));
        return undefined;
      });
    for (const failure of report?.failures ?? []) {
      if (!failure.includes('StorageUnavailable')) this.problems.push(`sweep: ${failure}`);
    }
    return report;
  }

  /** SIGKILL of one instance, and another in its place. */
  async killOne(choice: Choice): Promise<void> {
    const place = choice.integer(this.#instances.length);
    const victim = this.#instances[place];
    if (victim === undefined) return;
    this.kills += 1;
    this.#instances[place] = undefined;
    await victim.kill();
    this.#instances[place] = await Instance.start(this.#options);
  }

  /** SIGKILL of all instances, and others in their places. */
  async restart(): Promise<void> {
    await this.stop();
    for (const place of this.#instances.keys()) {
      this.#instances[place] = await Instance.start(this.#options);
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#instances.map(async (instance) => instance?.kill()));
  }

  #any(choice: Choice): Instance {
    return choice.of(this.#instances.filter((instance) => instance !== undefined));
  }
}
