import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestAzurite, type TestAzurite } from '../harness/azurite.ts';
import { type Fault, type FaultProxy, startFaultProxy } from '../harness/fault-proxy.ts';
import { startTestLighter, type TestLighter } from '../harness/lighter.ts';
import { blobsOf, makeImage, randomBlob, type TestBlob, type TestImage } from './image.ts';
import { invariantChecker } from './invariants.ts';
import { absent, type Content, Ledger, type Resource } from './ledger.ts';
import { seededRandom } from './random.ts';
import { type Answer, Refused, RegistryClient, StorageBroke } from './registry-client.ts';
import { rounds } from './rounds.ts';

const seed = Number(process.env['LIGHTER_FAULT_SEED'] ?? Date.now() % 1_000_000);
const workers = 6;
const secondsPerRound = 12;

let azurite: TestAzurite;
let proxy: FaultProxy;
let instances: TestLighter[];
/** Answers that no fault of storage excuses. */
const wrong: string[] = [];
const counts: Record<number, number> = {};

beforeAll(async () => {
  azurite = await startTestAzurite();
  proxy = await startFaultProxy(azurite);
  const start = () => startTestLighter({ azurite: { ...azurite, ...proxy } });
  instances = await Promise.all([start(), start()]);
});
afterAll(async () => {
  await Promise.all(instances.map((instance) => instance.kill()));
  await proxy.stop();
  await azurite.stop();
});

function judge(what: string, { status, headers, body }: Answer): void {
  counts[status] = (counts[status] ?? 0) + 1;
  const sincere = status < 500 || (status === 503 && headers.has('retry-after'));
  if (!sincere) wrong.push(`${what}: ${status} ${body.toString().slice(0, 200)}`);
}

const clientsOf = () => instances.map(({ url }) => new RegistryClient(url, judge));

/** How often of ten thousand requests. A hang lasts ten seconds, so there are few. */
const frequencies: readonly [number, Fault][] = [
  [150, { kind: 'status', status: 503 }],
  [60, { kind: 'status', status: 500 }],
  [20, { kind: 'status', status: 429, retryAfterSeconds: 1 }],
  [120, { kind: 'reset' }],
  [250, { kind: 'loseAnswer' }],
  [150, { kind: 'duplicate' }],
  [60, { kind: 'deliverLate', ms: 300 }],
  [80, { kind: 'delay', ms: 200, at: 'before' }],
  [80, { kind: 'delay', ms: 200, at: 'after' }],
  [40, { kind: 'truncate', bytes: 100 }],
  [3, { kind: 'hang' }],
];

/** Faults at random, more of them now and then; lists come in short and in empty pages. */
function unleash(random: () => number): void {
  const startedAt = performance.now();
  const isStorm = () => (performance.now() - startedAt) % 4000 > 3300;
  proxy.inject({ on: () => isStorm() && random() < 0.7, fault: stormFault, times: Infinity });
  proxy.inject({
    on: ({ kind }) => kind === 'list' && random() < 0.3,
    fault: { kind: 'emptyPage' },
    times: Infinity,
  });
  proxy.inject({
    on: ({ kind }) => kind === 'list' && random() < 0.5,
    fault: { kind: 'shortPage', rows: 1 },
    times: Infinity,
  });
  for (const [frequency, fault] of frequencies) {
    proxy.inject({ on: () => random() < frequency / 10_000, fault, times: Infinity });
  }
}
const stormFault: Fault = { kind: 'status', status: 503 };

/** What a worker shares with the others: layers, a config, a repository to mount from, an image. */
const shared = {
  config: randomBlob(),
  layers: [randomBlob(), randomBlob(70_000), randomBlob(200_000)],
  source: 'chaos/source',
  repository: 'chaos/common',
};
const sharedImage = makeImage({ config: shared.config, layers: shared.layers.slice(0, 1) });

/** Pushes, moves and deletes at random, through either instance, and notes what it was told. */
class Worker {
  readonly ledger = new Ledger();
  readonly #repository: string;
  readonly #clients: readonly RegistryClient[];
  readonly #random: () => number;
  #pushed: TestImage[] = [];
  succeeded = 0;

  constructor(index: number, clients: readonly RegistryClient[], random: () => number) {
    this.#repository = index % 2 === 0 ? shared.repository : `chaos/own-${index}`;
    this.#clients = clients;
    this.#random = random;
    this.tag = `worker-${index}`;
  }

  readonly tag: string;

  get #client(): RegistryClient {
    return this.#pick(this.#clients);
  }

  #pick<T>(list: readonly T[]): T {
    const picked = list[Math.floor(this.#random() * list.length)];
    if (picked === undefined) throw new Error('nothing to pick from');
    return picked;
  }

  async step(): Promise<void> {
    const action = this.#random();
    if (action < 0.5) await this.#pushImage();
    else if (action < 0.65) await this.#moveTag();
    else if (action < 0.75) await this.#deleteTag();
    else if (action < 0.85) await this.#deleteImage();
    else if (action < 0.95) await this.#fightOverSharedImage();
    else await this.#pullImage();
    this.succeeded += 1;
  }

  /** A push as a client does it, again from the beginning when it breaks off. */
  async #pushImage(): Promise<void> {
    const image = makeImage({
      config: this.#random() < 0.7 ? shared.config : randomBlob(),
      layers: [this.#pick(shared.layers), randomBlob(20_000)],
      paddingBytes: this.#random() < 0.2 ? 70_000 : 0,
    });
    await this.#untilDone(async () => {
      for (const blob of blobsOf(image)) await this.#bring(blob);
      await this.ledger.write(this.#tagged(image), () =>
        this.#client.putManifest(this.#repository, this.tag, image.manifest),
      );
    });
    this.#pushed.push(image);
  }

  async #bring(blob: TestBlob): Promise<void> {
    if (await this.#client.hasBlob(this.#repository, blob.digest)) return;
    const isShared = blob === shared.config || shared.layers.includes(blob);
    if (isShared && this.#random() < 0.7) {
      if (await this.#client.mount(this.#repository, blob.digest, shared.source)) return;
    }
    await this.#client.pushBlob(this.#repository, blob, this.#random() < 0.5);
  }

  /** By digest: answers by tag may be half a minute old while storage can't be asked. */
  async #pullImage(): Promise<void> {
    if (this.#pushed.length === 0) return;
    const { manifest, config, layers } = this.#pick(this.#pushed);
    await this.#untilDone(async () => {
      const pulled = await this.#client.pullManifest(this.#repository, manifest.digest);
      expect(pulled.equals(manifest.bytes)).toBe(true);
      for (const { digest, bytes } of [config, ...layers]) {
        const blob = await this.#client.pullBlob(this.#repository, digest);
        expect(blob.equals(bytes)).toBe(true);
      }
    }, unless503);
  }

  async #moveTag(): Promise<void> {
    if (this.#pushed.length === 0) return;
    const image = this.#pick(this.#pushed);
    await this.#untilDone(() =>
      this.ledger.write(this.#tagged(image), () =>
        this.#client.putManifest(this.#repository, this.tag, image.manifest),
      ),
    );
  }

  async #deleteTag(): Promise<void> {
    await this.#untilDone(() =>
      this.ledger.write({ [this.#at(this.tag)]: absent }, () =>
        this.#client.expect([202, 404], 'DELETE', `/v2/${this.#at(this.tag)}`),
      ),
    );
  }

  async #deleteImage(): Promise<void> {
    const image = this.#pushed.shift();
    if (image === undefined) return;
    const { digest } = image.manifest;
    // The tag goes along when it points there, and only then.
    if (this.ledger.possible(this.#at(this.tag)).has(digest)) {
      await this.#deleteTag();
    }
    // Instances may still serve it by digest for a minute, so the ledger makes nothing of that.
    this.ledger.forget(this.#at(digest));
    await this.#untilDone(() =>
      this.#client.expect([202, 404], 'DELETE', `/v2/${this.#at(digest)}`),
    );
  }

  /** One image that all push, tag and delete, blobs too: nobody is promised anything but order. */
  async #fightOverSharedImage(): Promise<void> {
    const { repository } = shared;
    const { digest } = sharedImage.manifest;
    if (this.#random() < 0.5) {
      await this.#client.pushImage(repository, sharedImage, 'contended').catch(unlessRaced);
      return;
    }
    await this.#client.delete(repository, 'manifests', digest).catch(unlessRaced);
    for (const blob of blobsOf(sharedImage)) {
      await this.#client.delete(repository, 'blobs', blob.digest).catch(unlessRaced);
    }
  }

  #at(reference: string): Resource {
    return `${this.#repository}/manifests/${reference}`;
  }

  #tagged({ manifest: { digest } }: TestImage): Record<Resource, Content> {
    return { [this.#at(this.tag)]: digest, [this.#at(digest)]: digest };
  }

  /** What a client does about a 503, and about a shared blob that another deleted under it. */
  async #untilDone(act: () => Promise<unknown>, excuse = unlessRaced): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await act();
        return;
      } catch (error) {
        excuse(error);
        if (attempt === 20) throw error;
        await sleep(200 + 300 * this.#random());
      }
    }
  }
}

/** Passes what an honest registry may answer in such a storm and such a fight; throws the rest. */
function unlessRaced(error: unknown): void {
  if (error instanceof StorageBroke) return;
  const status = error instanceof Refused ? error.status : 0;
  if (![503, 404, 405].includes(status)) throw error;
}

function unless503(error: unknown): void {
  if (error instanceof StorageBroke) return;
  if (!(error instanceof Refused && error.status === 503)) throw error;
}

it.each(Array.from({ length: rounds }, (_, round) => seed + round))(
  'keeps its word while storage fails at random (LIGHTER_FAULT_SEED=%i)',
  async (roundSeed) => {
    const random = seededRandom(roundSeed);
    const clients = clientsOf();
    const [client] = clients;
    if (client === undefined) throw new Error('no instance');
    for (const blob of [shared.config, ...shared.layers]) {
      await client.pushBlob(shared.source, blob);
    }

    unleash(random);
    const crew = Array.from({ length: workers }, (_, index) => new Worker(index, clients, random));
    const until = performance.now() + secondsPerRound * 1000;
    await Promise.all(
      crew.map(async (worker) => {
        while (performance.now() < until) await worker.step().catch(unlessRaced);
      }),
    );

    proxy.clear();
    // A request that the proxy delivers late, or that an instance has given up on, is still on its
    // way.
    await sleep(500);
    console.log(`seed ${roundSeed}, answers ${JSON.stringify(counts)}`);
    expect(wrong).toEqual([]);
    for (const { ledger } of crew) await ledger.verify(client);
    const succeeded = crew.reduce((sum, worker) => sum + worker.succeeded, 0);
    expect(succeeded).toBeGreaterThan(2 * workers);
    expect(await invariantChecker(azurite)()).toEqual([]);
  },
  120_000,
);
