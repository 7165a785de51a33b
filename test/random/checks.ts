import { setTimeout as sleep } from 'node:timers/promises';
import { isAtRest } from '../faults/leftovers.ts';
import { readStorage } from '../faults/storage-snapshot.ts';
import type { TestAzurite } from '../harness/azurite.ts';
import { backUp } from './backup.ts';
import type { Choice } from './choice.ts';
import { digestOf } from './digests.ts';
import { absent, present, type State } from './history.ts';
import { problemsAtRest } from './invariants.ts';
import type { RandomRegistry } from './registry.ts';
import type { Repository } from './repository.ts';
import { requestUntilServed } from './workload.ts';

const isDigest = (state: State) => state.startsWith('sha256:');

/** Asked again when the connection that was kept open turns out to be closed. */
async function bodyAt(url: string): Promise<string> {
  const once = async () => await (await fetch(url)).text();
  return await once().catch(once);
}

/** What must hold when no client is at work any more, asked of the registry and of its storage. */
export class Checks {
  readonly #azurite: TestAzurite;
  readonly #registry: RandomRegistry;
  readonly #repositories: readonly Repository[];
  readonly #choice: Choice;
  /** The last rows are due when these have passed. */
  readonly #longestMs: number;
  /** Images that were pulled whole since storage last changed. */
  readonly #pulled = new Set<string>();

  constructor(
    azurite: TestAzurite,
    registry: RandomRegistry,
    repositories: readonly Repository[],
    choice: Choice,
    longestMs: number,
  ) {
    this.#azurite = azurite;
    this.#registry = registry;
    this.#repositories = repositories;
    this.#choice = choice;
    this.#longestMs = longestMs;
  }

  /** Every tag and manifest is what its clients were told, and can be pulled byte for byte. */
  async all(when: string): Promise<void> {
    this.#pulled.clear();
    const asked = this.#repositories.flatMap((repository) => {
      const { name, history } = repository;
      const tags = [...history.tags].map((tag) => async () => {
        const found = await this.#stateOf(repository, tag);
        const frozen = repository.frozen.get(tag);
        const possible = frozen === undefined ? history.possibleOfTag(tag) : new Set([frozen]);
        this.#expect(possible, found, `${when}: ${name}:${tag}`);
      });
      const manifests = [...history.manifests].map((digest) => async () => {
        const found = await this.#stateOf(repository, digest);
        const state = isDigest(found) ? present : found;
        this.#expect(history.possibleOfManifest(digest), state, `${when}: ${name}@${digest}`);
      });
      return [...tags, ...manifests];
    });
    const worker = async () => {
      for (let next = asked.pop(); next !== undefined; next = asked.pop()) await next();
    };
    await Promise.all(Array.from({ length: 16 }, worker));
  }

  /** Sweeps, and backs up what frees bytes, until there is nothing left to do, and looks at all that is stored. */
  async rest(): Promise<void> {
    const deadlineMs = performance.now() + this.#longestMs + 30_000;
    while (performance.now() < deadlineMs) {
      await backUp(this.#registry, this.#choice);
      await this.#registry.sweep(this.#choice);
      if (isAtRest(await readStorage(this.#azurite))) break;
      await sleep(1000);
    }
    this.#registry.problems.push(...(await problemsAtRest(this.#azurite)));
  }

  async setPolicy(policy: object): Promise<void> {
    const answer = await requestUntilServed(this.#registry, this.#choice, {
      method: 'PUT',
      path: '/api/v1/policy',
      headers: { 'content-type': 'application/json', 'if-match': '*' },
      body: JSON.stringify(policy),
    });
    if (answer?.status !== 200) throw new Error(`no policy: ${answer?.status} ${answer?.body}`);
  }

  /** Once all repositories are deleted, and swept, nothing is stored. */
  async deleteEverything(): Promise<void> {
    await this.setPolicy({ backup: {} });
    for (const { name } of this.#repositories) await this.#deleteRepository(name);
    await this.rest();
    const { repo, data, content, manifests, staging } = await readStorage(this.#azurite);
    for (const [what, stored] of Object.entries({ repo, data, content, manifests, staging })) {
      const rest = [...stored.keys()].slice(0, 5).join(', ');
      if (stored.size > 0) this.#registry.problems.push(`all is deleted, but ${what} has ${rest}`);
    }
  }

  /** What was immutable is free within a minute on every instance. */
  async #deleteRepository(name: string): Promise<void> {
    const deadlineMs = performance.now() + 90_000;
    while (performance.now() < deadlineMs) {
      const sent = { method: 'DELETE', path: `/acr/v1/${name}` } as const;
      const answer = await requestUntilServed(this.#registry, this.#choice, sent);
      if (answer?.status !== 403) return;
      await sleep(1000);
    }
    this.#registry.problems.push(`${name} is immutable without a rule`);
  }

  async #stateOf(repository: Repository, reference: string): Promise<State> {
    const path = `/v2/${repository.name}/manifests/${reference}`;
    const answer = await this.#get(path);
    if (answer?.status === 404) return absent;
    if (answer?.status !== 200) return `status ${answer?.status} ${answer?.causes.join('\n')}`;
    const digest = digestOf(answer.body);
    await this.#pullBlobs(repository, answer.body, `${repository.name}:${reference}`);
    return digest;
  }

  #get(path: string) {
    return requestUntilServed(this.#registry, this.#choice, { method: 'GET', path });
  }

  async #pullBlobs({ name }: Repository, manifest: string, what: string): Promise<void> {
    if (this.#pulled.has(`${name} ${digestOf(manifest)}`)) return;
    this.#pulled.add(`${name} ${digestOf(manifest)}`);
    const parsed: unknown = JSON.parse(manifest);
    const { config, layers } = Object(parsed) as { config?: unknown; layers?: unknown };
    const digests = new Set(
      JSON.stringify([config ?? null, layers ?? []]).match(/sha256:[0-9a-f]{64}/g) ?? [],
    );
    for (const digest of digests) {
      const path = `/v2/${name}/blobs/${digest}`;
      const answer = await this.#get(path);
      const location = answer?.headers['Location'];
      const body = location === undefined ? answer?.body : await bodyAt(location);
      if (body !== undefined && digestOf(body) === digest) continue;
      this.#registry.problems.push(`K1 ${what} has no ${digest}: ${answer?.status}`);
    }
  }

  #expect(possible: ReadonlySet<State>, found: State, what: string): void {
    if (possible.has(found)) return;
    const expected = [...possible].join(' or ');
    this.#registry.problems.push(`K1 ${what} is ${found}, and must be ${expected}`);
  }
}
