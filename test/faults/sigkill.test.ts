import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { startTestAzurite, type TestAzurite } from '../harness/azurite.ts';
import { type Fault, type FaultProxy, startFaultProxy } from '../harness/fault-proxy.ts';
import { startTestLighter, type TestLighter } from '../harness/lighter.ts';
import { makeImage, randomBlob, type TestBlob, type TestImage } from './image.ts';
import { invariantChecker } from './invariants.ts';
import { absent, Ledger } from './ledger.ts';
import { RegistryClient } from './registry-client.ts';
import { rounds } from './rounds.ts';

let azurite: TestAzurite;
let proxy: FaultProxy;
let instance: TestLighter;
const start = () => startTestLighter({ azurite: { ...azurite, ...proxy } });
const clientOf = ({ url }: TestLighter) => new RegistryClient(url);

const mountable = randomBlob();
const mountSource = 'kill/source';

beforeAll(async () => {
  azurite = await startTestAzurite();
  proxy = await startFaultProxy(azurite);
  instance = await start();
  await clientOf(instance).pushBlob(mountSource, mountable);
});
afterEach(() => proxy.clear());
afterAll(async () => {
  await instance.kill();
  await proxy.stop();
  await azurite.stop();
});

interface Work {
  readonly repository: string;
  readonly extra: TestBlob;
  readonly image: TestImage;
  readonly large: TestImage;
  readonly next: TestImage;
  readonly ledger: Ledger;
}

function newWork(repository: string): Work {
  const image = makeImage({ layers: [randomBlob(100_000), mountable] });
  const parts = { config: image.config, layers: image.layers };
  return {
    repository,
    extra: randomBlob(),
    image,
    large: makeImage({ ...parts, paddingBytes: 70_000 }),
    next: makeImage({ ...parts, subject: image.manifest }),
    ledger: new Ledger(),
  };
}

/**
 * Every kind of write, one after the other. Beginning again after it broke off is a client's retry.
 */
async function doAll(client: RegistryClient, work: Work): Promise<void> {
  const { repository, extra, image, large, next, ledger } = work;
  const at = (what: 'blobs' | 'manifests', reference: string) =>
    `${repository}/${what}/${reference}` as const;
  const pushBlob = (blob: TestBlob, patched: boolean) =>
    ledger.write({ [at('blobs', blob.digest)]: blob.digest }, () =>
      client.pushBlob(repository, blob, patched),
    );
  const put = (tag: string, { manifest }: TestImage) => {
    const { digest } = manifest;
    return ledger.write({ [at('manifests', tag)]: digest, [at('manifests', digest)]: digest }, () =>
      client.putManifest(repository, tag, manifest),
    );
  };

  await pushBlob(image.config, false);
  for (const blob of image.layers) {
    if (blob !== mountable) await pushBlob(blob, true);
  }
  await ledger.write({ [at('blobs', mountable.digest)]: mountable.digest }, async () => {
    expect(await client.mount(repository, mountable.digest, mountSource)).toBe(true);
  });
  await put('latest', image);
  await put('large', large);
  await put('latest', next);
  await ledger.write({ [at('manifests', 'large')]: absent }, () =>
    client.delete(repository, 'manifests', 'large'),
  );
  await ledger.write(
    { [at('manifests', 'latest')]: absent, [at('manifests', next.manifest.digest)]: absent },
    () => client.delete(repository, 'manifests', next.manifest.digest),
  );
  await pushBlob(extra, false);
  await ledger.write({ [at('blobs', extra.digest)]: absent }, () =>
    client.delete(repository, 'blobs', extra.digest),
  );
  await put('latest', image);
}

/** A new instance has everything that was acknowledged, and lets the client begin again. */
async function recover(work: Work): Promise<void> {
  await instance.kill();
  proxy.clear();
  instance = await start();
  const client = clientOf(instance);
  await work.ledger.verify(client);
  await doAll(client, work);
  await work.ledger.verify(client);
}

async function countRequests(): Promise<number> {
  const work = newWork('kill/undisturbed');
  const client = clientOf(instance);
  await client.pushBlob(work.repository, randomBlob());
  proxy.clear();
  await doAll(client, work);
  return proxy.requests.length;
}

it('K1 SIGKILL at every k-th storage request of every kind of write loses nothing acknowledged', async () => {
  const requests = await countRequests();
  expect(requests).toBeGreaterThan(30);
  const step = Math.max(1, Math.floor(5 / rounds));
  // Another phase each time, so that in the course of days every request gets its turn.
  const first = 1 + Math.floor(Math.random() * step);
  const faults: Fault[] = [{ kind: 'loseAnswer' }, { kind: 'reset' }];
  for (let k = first; k <= requests; k += step) {
    for (const fault of rounds > 1 ? faults : faults.slice(k % 2, (k % 2) + 1)) {
      const work = newWork(`kill/k${k}-${fault.kind.toLowerCase()}`);
      killAt(k, fault);
      const outcome = await doAll(clientOf(instance), work).then(
        () => 'done',
        () => 'killed',
      );
      // What an instance remembers makes it need a few more requests or less.
      if (k < requests - 5) expect(outcome, `SIGKILL at request ${k}`).toBe('killed');
      await recover(work);
    }
  }
  expect(await invariantChecker(azurite)()).toEqual([]);
}, 600_000);

/**
 * The process dies as storage gets its k-th request from now: not done (`reset`) or done
 * (`loseAnswer`).
 */
function killAt(k: number, fault: Fault): void {
  const victim = instance;
  let seen = 0;
  const isKth = () => {
    seen += 1;
    if (seen !== k) return false;
    process.kill(victim.pid, 'SIGKILL');
    return true;
  };
  proxy.inject({ on: isKth, fault });
  proxy.inject({ on: () => seen > k, fault: { kind: 'reset' }, times: Infinity });
}

it('K1 SIGKILL at a random moment of many pushes at once loses nothing acknowledged', async () => {
  for (let round = 0; round < 2 * rounds; round++) {
    const works = [0, 1, 2, 3].map((worker) => newWork(`kill/random-${round}-${worker}`));
    const victim = instance;
    const pushes = Promise.allSettled(works.map((work) => doAll(clientOf(victim), work)));
    await sleep(Math.random() * 500);
    process.kill(victim.pid, 'SIGKILL');
    await pushes;
    await instance.kill();
    instance = await start();
    for (const work of works) {
      await work.ledger.verify(clientOf(instance));
      await doAll(clientOf(instance), work);
      await work.ledger.verify(clientOf(instance));
    }
  }
  expect(await invariantChecker(azurite)()).toEqual([]);
}, 300_000);
