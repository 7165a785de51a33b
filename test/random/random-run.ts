import { setTimeout as sleep } from 'node:timers/promises';
import type { Seconds } from '../../shared/registry/settings.ts';
import { seconds as usual } from '../../shared/registry/settings.ts';
import { startTestAzurite } from '../harness/azurite.ts';
import { type FaultProxy, startFaultProxy } from '../harness/fault-proxy.ts';
import { backUpNowAndThen, loseAndRestore } from './backup.ts';
import { Checks } from './checks.ts';
import { Choice } from './choice.ts';
import { runClient } from './client.ts';
import { checkQuota, quota, quotaTags } from './quota.ts';
import { injectRandomFaults } from './random-faults.ts';
import { RandomRegistry } from './registry.ts';
import { checkKeepNewest, retainedTags, retainNowAndThen, retention } from './retention.ts';
import { frozenTags, Repository } from './repository.ts';
import type { Workload } from './workload.ts';

/**
 * What the registry promises and how long it waits, a day made of eight seconds. The hour that
 * nothing outlasts is longer than the network of `random-faults.ts` holds anything back.
 */
const short: Seconds = {
  ...usual,
  unreferencedBlob: 8,
  touchAfter: 3,
  uploadIdle: 8,
  unfinishedWork: 6,
  readSasTtl: 1,
  blobLinkCache: 1,
  writeSasTtl: 3,
  stagedBytes: 5,
  directClaim: 3,
  directWork: 15,
  directLook: 2,
  emptyRepository: 3,
  catalogSeen: 1,
  manifestCacheByDigest: 1,
  staleTag: 1,
  repositoryAttributes: 1,
  retainedDay: 5,
};
/** Storage tells the time in whole seconds. */
const clockErrorMs = 2000;
/** The last rows are due when all of these have passed, one after the other. */
const longestMs =
  1000 * (short.retainedDay + short.uploadIdle + short.unreferencedBlob + 4 * short.unfinishedWork);

export interface RunOptions {
  readonly seed: number;
  /** Requests to the registry, at least. */
  readonly operations: number;
  readonly clients?: number;
  readonly instances?: number;
  readonly say?: (line: string) => void;
}

export interface RunResult {
  /** What is wrong, in sentences; none when all is as it must be. */
  readonly problems: readonly string[];
  readonly requests: number;
  readonly storageRequests: number;
  readonly faults: number;
  readonly sweeps: number;
  readonly kills: number;
  /** Requests by method and status. */
  readonly statuses: ReadonlyMap<string, number>;
}

/**
 * One run on a fresh Azurite: random clients of several instances push, tag and delete while sweeps
 * run, the network fails and instances die. Then all ends, the faults first, and what is stored and
 * what can be pulled is compared with what the clients were told. The seed determines what each
 * client does and which faults there are, not how the processes take turns.
 */
export async function runRandom(options: RunOptions): Promise<RunResult> {
  const { seed, operations, clients = 10, instances = 3, say = () => undefined } = options;
  const azurite = await startTestAzurite();
  const proxy = await startFaultProxy(azurite);
  const registry = await RandomRegistry.start(
    { azurite: { ...proxy, accountKey: azurite.accountKey }, seconds: short },
    instances,
  );
  try {
    // What a dead process has sent is with the proxy by then.
    const settled = async () => {
      await sleep(5000);
      await proxy.settled();
    };
    const repositories = [
      ...['app', 'app/web', 'base.os', 'team/tools-x'].map(
        (name) => new Repository(name, settled, { freezes: name.startsWith('app') }),
      ),
      new Repository('app/builds', settled, { freezes: true, tags: retainedTags }),
      new Repository(quota.repository, settled, { tags: quotaTags }),
    ];
    const workload: Workload = {
      registry,
      repositories,
      promisedMs: {
        pushed: short.unreferencedBlob * 1000 - clockErrorMs,
        seen: (short.unreferencedBlob - short.touchAfter) * 1000 - clockErrorMs,
      },
      goesOn: () => registry.requests < operations && registry.problems.length === 0,
      progress: () => registry.requests / operations,
    };
    const check = new Checks(azurite, registry, repositories, new Choice(seed), longestMs);
    const story = new Story(proxy);
    await check.setPolicy({
      immutability: [{ repositories: ['app', 'app/*'], tags: frozenTags }],
      quarantine: ['app', 'team/*'],
      softDelete: [{ repositories: ['app', 'base.os'], retainDays: 1 }],
      retention: [retention],
      backup: { keepDays: 1 },
      quotas: [{ repositories: [quota.repository], ...quota.limits }],
    });
    injectRandomFaults(proxy, new Choice(seed + 1));
    await Promise.all([
      ...Array.from({ length: clients }, (_, index) =>
        runClient(workload, new Choice(seed * 1000 + index), `client ${index}`),
      ),
      sweepAllTheTime(workload, new Choice(seed + 2)),
      sweepAllTheTime(workload, new Choice(seed + 3)),
      retainNowAndThen(workload, new Choice(seed + 5)),
      backUpNowAndThen(workload, new Choice(seed + 6)),
      killNowAndThen(workload, new Choice(seed + 4)),
    ]);
    const storageRequests = proxy.requests.length;
    const faults = proxy.requests.filter(({ fault }) => fault !== undefined).length;
    say(
      `${registry.requests} requests, ${storageRequests} to storage, ${faults} of them disturbed`,
    );

    proxy.clear();
    story.goOn();
    await settled();
    say('nothing is under way any more');
    await check.all('after the last client');
    say('what can be pulled is what clients were told');
    await checkQuota(azurite, registry, repositories);
    await checkKeepNewest(registry, repositories, new Choice(seed));
    await check.all('after the last retention');
    await loseAndRestore(azurite, registry, new Choice(seed));
    await check.all('after the restore');
    say('all is there again that was in the tables');
    await check.rest();
    await check.all('after the last sweep');
    say('the sweep has left what is live');
    await check.deleteEverything();
    return {
      problems: registry.problems.flatMap((problem) => [problem, ...story.of(problem)]),
      requests: registry.requests,
      storageRequests,
      faults,
      sweeps: registry.sweeps,
      kills: registry.kills,
      statuses: registry.statuses,
    };
  } finally {
    await registry.stop();
    await proxy.stop();
    await azurite.stop();
  }
}

/** What storage was asked about each name, to explain what is left of it. */
class Story {
  readonly #proxy: FaultProxy;
  readonly #asked: { readonly atMs: number; readonly what: string; readonly path: string }[] = [];

  constructor(proxy: FaultProxy) {
    this.#proxy = proxy;
    this.goOn();
  }

  goOn(): void {
    const note = ({ kind, path }: { readonly kind: string; readonly path: string }) => {
      this.#asked.push({ atMs: performance.now(), what: kind, path: path.replaceAll('/', '-') });
      return false;
    };
    this.#proxy.inject({ on: note, fault: { kind: 'reset' } });
  }

  /** The requests about the stored blob that a problem names. */
  of(problem: string): string[] {
    const name = /[0-9a-f]{2}-\d{10}-[0-9a-f]{32}/.exec(problem)?.[0];
    if (name === undefined) return [];
    const about = this.#asked.filter(({ path }) => path.includes(name));
    return about.map(({ atMs, what, path }) => `  at ${Math.round(atMs)} ms ${what} ${path}`);
  }
}

async function sweepAllTheTime(workload: Workload, choice: Choice): Promise<void> {
  while (workload.goesOn()) {
    await workload.registry.sweep(choice);
    await sleep(choice.integer(1000));
  }
}

/** By what was done rather than by the clock, so that a busy machine is not busy with starts. */
async function killNowAndThen(workload: Workload, choice: Choice): Promise<void> {
  while (workload.goesOn()) {
    const next = workload.registry.requests + 400 + choice.integer(800);
    while (workload.goesOn() && workload.registry.requests < next) await sleep(50);
    if (workload.goesOn()) await workload.registry.killOne(choice);
  }
}
