import { createHash } from 'node:crypto';
import { testAdminPassword } from '../harness/lighter.ts';
import type { TestBlob, TestManifest } from '../faults/image.ts';
import type { Choice } from './choice.ts';
import type { Effect, Ending, Restored } from './history.ts';
import { imageOf, indexOf, blobNamed, type RandomImage } from './images.ts';
import type { Answer, Sent } from './instance-messages.ts';
import type { RandomRegistry } from './registry.ts';
import type { Repository } from './repository.ts';

/** What all clients of a run share. */
export interface Workload {
  readonly registry: RandomRegistry;
  readonly repositories: readonly Repository[];
  /** How long what a client was told exists stays, at least, in milliseconds. */
  readonly promisedMs: { readonly pushed: number; readonly seen: number };
  /** False when the run has had enough requests. */
  goesOn(): boolean;
  /** A number that only grows: shared layers come and go with it. */
  readonly progress: () => number;
}

const direct = { 'User-Agent': 'containerd/2.4.2+unknown' };

/** A client that pushes, pulls, tags and deletes at random until the run ends. */
export class RandomClient {
  readonly #workload: Workload;
  readonly #choice: Choice;
  readonly #name: string;
  /** Whether this one puts layers straight into storage. */
  readonly #pushesDirect: boolean;
  /** Undefined: it signs in with every request, and its direct uploads are its principal's. */
  #token: string | undefined;
  #made = 0;

  constructor(workload: Workload, choice: Choice, name: string) {
    this.#workload = workload;
    this.#choice = choice;
    this.#name = name;
    this.#pushesDirect = choice.chance(0.4);
  }

  async run(): Promise<void> {
    const actions = {
      pushImage: 30,
      retag: 14,
      pushIndex: 6,
      pushReferrer: 6,
      pull: 14,
      deleteTag: 8,
      deleteManifest: 8,
      deleteBlob: 6,
      abandonUpload: 4,
      cancelUpload: 3,
      deleteRepository: 0.3,
      restore: 5,
      examine: 5,
    };
    if (this.#choice.chance(0.5)) this.#token = await this.#fetchToken();
    while (this.#workload.goesOn()) {
      const repository = this.#choice.of(this.#workload.repositories);
      await this[this.#choice.weighted(actions)](repository);
    }
  }

  async pushImage(repository: Repository): Promise<void> {
    const count = this.#choice.chance(0.02) ? 60 : 1 + this.#choice.integer(4);
    const blobs = Array.from({ length: count }, () => this.#someBlob());
    const padding = this.#choice.chance(0.03) ? { padding: 'x'.repeat(65_000) } : {};
    await this.#push(repository, imageOf(blobs, { ...this.#nonce(), ...padding }));
  }

  async pushReferrer(repository: Repository): Promise<void> {
    const known = repository.manifests;
    if (known.length === 0) return;
    const subject = this.#choice.of(known);
    await this.#push(repository, imageOf([blobNamed('{}', 2)], this.#nonce(), subject));
  }

  async pushIndex(repository: Repository): Promise<void> {
    const children = this.#choice.some(repository.manifests, 0.2);
    await this.#push(repository, indexOf(children, this.#nonce()));
  }

  /** The same manifest with other tags: some to move, some new, now and then very many. */
  async retag(repository: Repository): Promise<void> {
    if (repository.images.length === 0) return;
    await this.#push(repository, this.#choice.of(repository.images));
  }

  async pull(repository: Repository): Promise<void> {
    const reference = this.#choice.of(repository.tags);
    const answer = await this.#send('GET', `${repository.name}/manifests/${reference}`);
    if (answer?.status !== 200) return;
    const digest = answer.headers['Docker-Content-Digest'] ?? '';
    this.#check(
      digestOf(answer.body) === digest,
      `${repository.name}:${reference} has other bytes`,
    );
    const image = repository.images.find(({ manifest }) => manifest.digest === digest);
    for (const blob of this.#choice.some(image?.blobs ?? [], 0.3)) {
      const pulled = await this.#send('GET', `${repository.name}/blobs/${blob.digest}`);
      const isRight = pulled?.status !== 200 || digestOf(pulled.body) === blob.digest;
      this.#check(isRight, `${repository.name}@${blob.digest} has other bytes`);
    }
  }

  async deleteTag(repository: Repository): Promise<void> {
    const tag = this.#choice.of([...repository.tags, ...this.#frozenTags()]);
    await this.#write(repository, { kind: 'deleteTag', tag }, () =>
      this.#send('DELETE', `${repository.name}/manifests/${tag}`),
    );
  }

  async deleteManifest(repository: Repository): Promise<void> {
    if (repository.images.length === 0) return;
    const { digest } = this.#choice.of(repository.manifests);
    await this.#write(repository, { kind: 'deleteManifest', digest }, () =>
      this.#send('DELETE', `${repository.name}/manifests/${digest}`),
    );
  }

  /** Where deletions are soft, that can be undone; elsewhere it is refused. */
  async restore(repository: Repository): Promise<void> {
    if (repository.images.length === 0) return;
    const { digest, bytes } = this.#choice.of(repository.manifests);
    const candidates = new Set([digest, ...digestsIn(bytes.toString())]);
    const manifests = [...candidates].map((each) => ({ digest: each, tags: undefined }));
    const effect: Effect = { kind: 'restore', manifests };
    const ended = repository.history.begin(effect);
    const path = `/acr/v1/_deleted/${repository.name}/_manifests/${digest}`;
    const answer = await this.#request({ method: 'POST', path, headers: {} });
    if (answer?.status !== 200) return ended('unknown');
    const { restored } = JSON.parse(answer.body) as { restored: Restored[] };
    ended('done', { kind: 'restore', manifests: restored });
  }

  /** Releases what is in quarantine, or puts it there, which no client's token allows. */
  async examine(repository: Repository): Promise<void> {
    if (repository.images.length === 0) return;
    const { digest } = this.#choice.of(repository.manifests);
    const quarantineState = this.#choice.weighted({ Passed: 3, Failed: 1, Quarantined: 1 });
    const path = `/acr/v1/${repository.name}/_manifests/${digest}`;
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ quarantineState });
    const sent = { method: 'PATCH', path, headers, body } as const;
    await requestAs(this.#workload.registry, this.#choice, sent);
  }

  async deleteRepository(repository: Repository): Promise<void> {
    await this.#write(repository, { kind: 'deleteRepository' }, () =>
      this.#request({ method: 'DELETE', path: `/acr/v1/${repository.name}`, headers: {} }),
    );
  }

  async deleteBlob(repository: Repository): Promise<void> {
    const { digest } = this.#someBlob();
    const ended = repository.beginBlobDelete(digest);
    const answer = await this.#send('DELETE', `${repository.name}/blobs/${digest}`);
    ended(answer === undefined || answer.status >= 500 ? 5000 : 0);
  }

  async abandonUpload(repository: Repository): Promise<void> {
    const location = await this.#startUpload(repository);
    if (location === undefined || this.#choice.chance(0.3)) return;
    const { bytes } = this.#someBlob();
    if (location.startsWith('http') && !location.startsWith('http://127.0.0.1:1/')) {
      await putBlock(location, bytes);
    } else {
      await this.#patch(location, bytes, 0);
    }
  }

  /** DELETE of an upload, while its bytes are still on their way. */
  async cancelUpload(repository: Repository): Promise<void> {
    const location = await this.#startUpload(repository, {});
    if (location === undefined) return;
    const { bytes, digest } = this.#someBlob();
    const path = new URL(location).pathname;
    const patched = this.#patch(location, bytes, 0);
    const finished = this.#choice.chance(0.5) ? this.#finish(location, digest, bytes) : undefined;
    await this.#request({ method: 'DELETE', path, headers: {} });
    await Promise.all([patched, finished]);
  }

  /** As docker pushes: what is there is not sent, what was refused is tried again. */
  async #push(repository: Repository, image: RandomImage): Promise<void> {
    const putTags = this.#choice.chance(0.02)
      ? Array.from({ length: 25 }, (_, index) => `many-${index}`)
      : [
          ...this.#choice.some(repository.tags, 1.5 / repository.tags.length),
          ...this.#frozenTags(),
        ];
    const sinceMs = new Map<string, { readonly atMs: number; readonly promisedMs: number }>();
    for (let attempt = 0; attempt < 3 && this.#workload.goesOn(); attempt++) {
      for (const blob of image.blobs) {
        const atMs = performance.now();
        const how = await this.#ensureBlob(repository, blob);
        const promisedMs = how && this.#workload.promisedMs[how];
        if (promisedMs !== undefined) sinceMs.set(blob.digest, { atMs, promisedMs });
      }
      const missing = await this.#putManifest(repository, image, putTags);
      if (missing === undefined) return;
      const now = performance.now();
      for (const digest of missing) {
        const promise = sinceMs.get(digest);
        if (promise === undefined || now - promise.atMs > promise.promisedMs) continue;
        const lost = repository.mayHaveLost(digest, promise.atMs);
        this.#check(lost, `K5 ${repository.name}@${digest} was promised and is gone`);
      }
    }
  }

  /** The digests that the registry says are missing; undefined when it said something else. */
  async #putManifest(
    repository: Repository,
    image: RandomImage,
    putTags: readonly string[],
  ): Promise<readonly string[] | undefined> {
    const { manifest } = image;
    const [first, ...others] = putTags;
    const query = others.map((tag) => `tag=${tag}`).join('&');
    const path = `${repository.name}/manifests/${first ?? manifest.digest}${others.length > 0 ? `?${query}` : ''}`;
    const effect: Effect = { kind: 'put', digest: manifest.digest, tags: putTags };
    let missing: string[] | undefined;
    repository.remember(image);
    await this.#write(repository, effect, async () => {
      const answer = await this.#send('PUT', path, putOf(manifest));
      if (answer?.status === 404) missing = digestsIn(answer.body);
      return answer;
    });
    return missing;
  }

  /** Whether the blob was just pushed, or only seen; undefined when neither is sure. */
  async #ensureBlob(
    repository: Repository,
    blob: TestBlob,
  ): Promise<'pushed' | 'seen' | undefined> {
    if (this.#choice.chance(0.7)) {
      const head = await this.#send('HEAD', `${repository.name}/blobs/${blob.digest}`);
      if (head?.status === 200) return 'seen';
    }
    if (this.#choice.chance(0.5)) {
      const source = this.#choice.of(this.#workload.repositories).name;
      const from = this.#choice.chance(0.7) ? `&from=${source}` : '';
      const mount = `${repository.name}/blobs/uploads/?mount=${blob.digest}${from}`;
      const answer = await this.#send('POST', mount, { headers: {} });
      if (answer?.status === 201) return 'pushed';
    }
    const pushed = await this.#pushBlob(repository, blob);
    return pushed ? 'pushed' : undefined;
  }

  /** False, too, when the bytes lie in storage and the manifest is to find them there. */
  async #pushBlob(repository: Repository, { bytes, digest }: TestBlob): Promise<boolean> {
    for (let attempt = 0; attempt < 3; attempt++) {
      const location = await this.#startUpload(repository);
      if (location === undefined) continue;
      if (!location.startsWith('http://127.0.0.1:1/')) {
        if (await putBlock(location, bytes)) return false;
        continue;
      }
      const way = this.#choice.weighted({ put: 4, patch: 4, chunks: 1, twice: 1 });
      const half = Math.floor(bytes.length / 2);
      if (way === 'patch') await this.#patch(location, bytes, 0);
      if (way === 'chunks') {
        await this.#patch(location, bytes.subarray(0, half), 0);
        await this.#patch(location, bytes.subarray(half), half);
      }
      const body = way === 'put' || way === 'twice' ? bytes : undefined;
      const twin = way === 'twice' ? this.#finish(location, digest, body) : undefined;
      const [done] = await Promise.all([this.#finish(location, digest, body), twin]);
      if (done) return true;
    }
    return false;
  }

  /** The Location; on storage itself, when the registry sends this client there. */
  async #startUpload(
    repository: Repository,
    headers: Readonly<Record<string, string>> = this.#pushesDirect ? direct : {},
  ): Promise<string | undefined> {
    const answer = await this.#send('POST', `${repository.name}/blobs/uploads/`, { headers });
    if (answer?.status !== 202) return undefined;
    return new URL(answer.headers['Location'] ?? '', 'http://127.0.0.1:1').href;
  }

  async #patch(location: string, bytes: Buffer, first: number): Promise<Answer | undefined> {
    const path = new URL(location).pathname;
    const range = { 'content-range': `${first}-${first + bytes.length - 1}` };
    const headers = this.#choice.chance(0.5) ? range : {};
    return await this.#request({ method: 'PATCH', path, headers, body: bytes.toString() });
  }

  async #finish(location: string, digest: string, bytes: Buffer | undefined): Promise<boolean> {
    const path = `${new URL(location).pathname}?digest=${digest}`;
    const body = bytes === undefined ? {} : { body: bytes.toString() };
    const answer = await this.#request({ method: 'PUT', path, headers: {}, ...body });
    return answer?.status === 201;
  }

  async #write(
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
    this.#check(tag === undefined, `${effect.kind} overran ${repository.name}:${tag}`);
  }

  async #send(
    method: Sent['method'],
    path: string,
    sending: Pick<Sent, 'headers' | 'body'> = { headers: this.#pushesDirect ? direct : {} },
  ): Promise<Answer | undefined> {
    return await this.#request({ method, path: `/v2/${path}`, ...sending });
  }

  async #request(sent: Sent): Promise<Answer | undefined> {
    const bearer = this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` };
    const headers = { ...bearer, ...sent.headers };
    return await requestAs(this.#workload.registry, this.#choice, { ...sent, headers });
  }

  async #fetchToken(): Promise<string | undefined> {
    const scopes = this.#workload.repositories.map(
      ({ name }) => `scope=repository:${name}:pull,push,delete`,
    );
    const path = `/oauth2/token?service=127.0.0.1:1&${scopes.join('&')}`;
    const answer = await requestAs(this.#workload.registry, this.#choice, { method: 'GET', path });
    if (answer?.status !== 200) return undefined;
    const { access_token: token } = Object(JSON.parse(answer.body)) as { access_token?: unknown };
    return typeof token === 'string' ? token : undefined;
  }

  /** Most are shared by all clients of all repositories for a while; some nobody else has. */
  #someBlob(): TestBlob {
    const phase = Math.floor(this.#workload.progress() * 20);
    const shared = `layer ${phase + this.#choice.integer(8)}`;
    const name = this.#choice.chance(0.8) ? shared : `own ${this.#name} ${this.#made++}`;
    return blobNamed(name, this.#choice.chance(0.01) ? 70_000 : 100);
  }

  /** Now and then one of a few that change with time, so that some are always new. */
  #frozenTags(): string[] {
    const phase = Math.floor(this.#workload.progress() * 20);
    return this.#choice.chance(0.15) ? [`frozen-${phase + this.#choice.integer(4)}`] : [];
  }

  #nonce() {
    return { nonce: `${this.#name} ${this.#made++}` };
  }

  #check(holds: boolean, problem: string): void {
    if (!holds) this.#workload.registry.problems.push(problem);
  }
}

/** A request of the admin to any instance. */
export async function requestAs(
  registry: RandomRegistry,
  choice: Choice,
  sent: Omit<Sent, 'headers'> & Partial<Pick<Sent, 'headers'>>,
): Promise<Answer | undefined> {
  const password = Buffer.from(`admin:${testAdminPassword}`).toString('base64');
  const headers = { authorization: `Basic ${password}`, ...sent.headers };
  return await registry.send(choice, { ...sent, headers });
}

function putOf({ bytes, mediaType }: TestManifest): Pick<Sent, 'headers' | 'body'> {
  return { headers: { ...direct, 'content-type': mediaType }, body: bytes.toString() };
}

/** A refusal is sure of it that nothing was written, where one transaction writes all. */
function endingOf(answer: Answer | undefined, effect: Effect): Ending {
  if (answer === undefined || answer.status >= 500) return 'unknown';
  if (answer.status < 300) return 'done';
  const isOne =
    effect.kind !== 'deleteRepository' && (effect.kind !== 'put' || effect.tags.length <= 11);
  return isOne ? 'nothing' : 'unknown';
}

/** Whether storage took the block; a client tries once and begins again. */
async function putBlock(url: string, bytes: Buffer): Promise<boolean> {
  try {
    const body = new Uint8Array(bytes);
    const response = await fetch(url, { method: 'PUT', body, signal: AbortSignal.timeout(5000) });
    await response.arrayBuffer();
    return response.status === 201;
  } catch {
    return false;
  }
}

/** The digest of a text body. */
export function digestOf(body: string): string {
  return `sha256:${createHash('sha256').update(body).digest('hex')}`;
}

function digestsIn(body: string): string[] {
  return body.match(/sha256:[0-9a-f]{64}/g) ?? [];
}
