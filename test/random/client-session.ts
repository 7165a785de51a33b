import type { TestBlob } from '../faults/image.ts';
import type { Choice } from './choice.ts';
import type { Effect, Ending } from './history.ts';
import { blobNamed } from './images.ts';
import type { Answer, Sent } from './instance-messages.ts';
import type { Repository } from './repository.ts';
import { requestAs, type Workload } from './workload.ts';

/** What makes the registry send a client that puts layers straight into storage there. */
export const direct = { 'User-Agent': 'containerd/2.4.2+unknown' };

/** A client of a run: how it asks the registry, and what it makes of the answers. */
export class ClientSession {
  readonly workload: Workload;
  readonly choice: Choice;
  readonly #name: string;
  /** Whether this one puts layers straight into storage. */
  readonly pushesDirect: boolean;
  /** Undefined: it signs in with every request, and its direct uploads are its principal's. */
  #token: string | undefined;
  #made = 0;

  constructor(workload: Workload, choice: Choice, name: string) {
    this.workload = workload;
    this.choice = choice;
    this.#name = name;
    this.pushesDirect = choice.chance(0.4);
  }

  /** From now on with a token for every repository, if it is given one. */
  async signIn(): Promise<void> {
    this.#token = await this.#fetchToken();
  }

  /** A write whose effect the history of the repository must explain. */
  async write(
    repository: Repository,
    effect: Effect,
    act: () => Promise<Answer | undefined>,
  ): Promise<void> {
    const ended = repository.history.begin(effect);
    const overrun = repository.beginWrite(effect);
    const answer = await act();
    const ending = endingOf(answer, effect);
    ended(ending);
    const tag = ending === 'done' ? overrun() : undefined;
    this.check(tag === undefined, `${effect.kind} overran ${repository.name}:${tag}`);
  }

  async send(
    method: Sent['method'],
    path: string,
    sending: Pick<Sent, 'headers' | 'body'> = { headers: this.pushesDirect ? direct : {} },
  ): Promise<Answer | undefined> {
    return await this.request({ method, path: `/v2/${path}`, ...sending });
  }

  async request(sent: Sent): Promise<Answer | undefined> {
    const bearer = this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` };
    const headers = { ...bearer, ...sent.headers };
    return await requestAs(this.workload.registry, this.choice, { ...sent, headers });
  }

  async #fetchToken(): Promise<string | undefined> {
    const scopes = this.workload.repositories.map(
      ({ name }) => `scope=repository:${name}:pull,push,delete`,
    );
    const path = `/oauth2/token?service=127.0.0.1:1&${scopes.join('&')}`;
    const answer = await requestAs(this.workload.registry, this.choice, { method: 'GET', path });
    if (answer?.status !== 200) return undefined;
    const { access_token: token } = Object(JSON.parse(answer.body)) as { access_token?: unknown };
    return typeof token === 'string' ? token : undefined;
  }

  /** Most are shared by all clients of all repositories for a while; some nobody else has. */
  someBlob(): TestBlob {
    const phase = Math.floor(this.workload.progress() * 20);
    const shared = `layer ${phase + this.choice.integer(8)}`;
    const name = this.choice.chance(0.8) ? shared : `own ${this.#name} ${this.#made++}`;
    return blobNamed(name, this.choice.chance(0.01) ? 70_000 : 100);
  }

  /** Now and then one of a few that change with time, so that some are always new. */
  frozenTags(): string[] {
    const phase = Math.floor(this.workload.progress() * 20);
    return this.choice.chance(0.15) ? [`frozen-${phase + this.choice.integer(4)}`] : [];
  }

  nonce() {
    return { nonce: `${this.#name} ${this.#made++}` };
  }

  check(holds: boolean, problem: string): void {
    if (!holds) this.workload.registry.problems.push(problem);
  }
}

/** A refusal is sure of it that nothing was written, where one transaction writes all. */
function endingOf(answer: Answer | undefined, effect: Effect): Ending {
  if (answer === undefined || answer.status >= 500) return 'unknown';
  if (answer.status < 300) return 'done';
  const isOne =
    effect.kind !== 'deleteRepository' && (effect.kind !== 'put' || effect.tags.length <= 11);
  return isOne ? 'nothing' : 'unknown';
}
