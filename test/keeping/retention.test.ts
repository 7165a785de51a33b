import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Digest } from '../../shared/domain/digest.ts';
import type { RepositoryName } from '../../shared/domain/repository-name.ts';
import { parsePolicy } from '../../shared/policy/policy-document.ts';
import { dropRestore } from '../../shared/registry/backup/restore-state.ts';
import { changeManifestAttributes } from '../../shared/registry/manifests/change-manifest.ts';
import { deleteTag } from '../../shared/registry/manifests/delete-manifest.ts';
import type { Registry } from '../../shared/registry/registry.ts';
import { retain, retainWhenDue } from '../../shared/registry/retention/retain.ts';
import type { RetentionReport } from '../../shared/registry/retention/retention-report.ts';
import { repositoryPartition } from '../../shared/registry/rows/row-keys.ts';
import { changeTagAttributes } from '../../shared/registry/tags/describe-tag.ts';
import { notePullsSince } from '../../shared/registry/usage/pull-rows.ts';
import { accidents, runScenario } from '../faults/accident.ts';
import { beginRestore } from '../faults/begin-restore.ts';
import { expectTag, gone, type Scenario } from '../faults/crash-scenario.ts';
import { makeImage, makeIndex, type TestImage, type TestManifest } from '../faults/image.ts';
import {
  newInstance,
  pullTag,
  pushImage,
  pushManifest,
  repositoriesUnder,
  tagNamed,
} from '../faults/in-process.ts';
import { interpose, type PortCall, type Stores } from '../faults/interpose.ts';
import { commits, pauseAt } from '../faults/pause.ts';
import { rounds } from '../faults/rounds.ts';
import { testStorage } from '../faults/test-storage.ts';
import type { Seconds } from '../../shared/registry/settings.ts';
import { getManifest } from '../../shared/registry/manifests/get-manifest.ts';
import { impatient, sweepUntilQuiet } from '../sweep/sweeping.ts';

/** A day of a rule is a moment, and a row's age is told by a clock of whole seconds. */
const quick = { ...impatient, retainedDay: 0.02 };
const aDay = () => sleep(1200);
/** A day is over before it begins: what comes a second later counts as old. */
const atOnce = { ...impatient, retainedDay: -2 };

const { brokenInvariants, stores } = testStorage();

beforeAll(async () => {
  await notePullsSince(newInstance(stores));
});

function instance(policy: object, used: Stores = stores, times: Seconds = quick): Registry {
  const parsed = parsePolicy(policy);
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
  const document = parsed.policy;
  return {
    ...newInstance(used, undefined, times),
    policy: {
      current: async () => document,
      inForce: async () => document,
      read: async () => ({ document, etag: '"1"' }),
    },
  };
}

const options = { dryRun: false, maxMs: 60_000, maxItems: 1000 };
const run = (registry: Registry, repository: RepositoryName) =>
  retain(registry, { ...options, repository });
const preview = (registry: Registry, repository: RepositoryName) =>
  retain(registry, { ...options, dryRun: true, repository });

const newRepository = repositoriesUnder('retention');

const everything = { name: 'all', repositories: ['*'] };
const untagged = { retention: [{ ...everything, untaggedAfterDays: 1 }] };
const signed = { ...untagged, deleteReferrers: ['*'] };

/** What is listed, in an order that does not matter. */
const itemsOf = ({ items, failures }: RetentionReport) => {
  expect(failures).toEqual([]);
  return items.map((item) => JSON.stringify(item)).toSorted();
};

async function livesIn(registry: Registry, repository: RepositoryName) {
  const partition = repositoryPartition(repository);
  const rows = await registry.tables.list('repo', partition, { from: 'm:', before: 'm;' });
  return rows
    .filter(({ properties }) => properties['state'] === 'live')
    .map(({ rowKey }) => rowKey.slice(2));
}

const byDigest = (registry: Registry, repository: RepositoryName, { digest }: TestManifest) =>
  getManifest(registry, repository, { kind: 'digest', digest });

describe('the base of "untagged for so long"', () => {
  const someDays = { retention: [{ ...everything, untaggedAfterDays: 100 }] };

  test('is when the last tag went, not when the manifest came', async () => {
    const repository = newRepository();
    const registry = instance(someDays);
    const image = makeImage();
    await pushImage(registry, repository, image, ['a']);
    await sleep(2100);
    await deleteTag(registry, repository, tagNamed('a'));
    // Told by the work row, and after the sweep by the manifest's own.
    expect(itemsOf(await preview(registry, repository))).toEqual([]);
    await sweepUntilQuiet(registry);
    expect(itemsOf(await preview(registry, repository))).toEqual([]);
    await sleep(3200);
    expect((await preview(registry, repository)).manifests).toBe(1);
  });

  test('begins anew when the manifest is pushed again after some time', async () => {
    const repository = newRepository();
    const registry = instance(someDays);
    const image = makeImage();
    await pushImage(registry, repository, image);
    await sleep(3200);
    expect((await preview(registry, repository)).manifests).toBe(1);
    const hasty = { ...registry, seconds: { ...registry.seconds, touchAfter: 0 } };
    await pushManifest(hasty, repository, image.manifest);
    expect((await preview(registry, repository)).manifests).toBe(0);
  });
});

test('retention deletes as anybody does: with soft delete it can be restored', async () => {
  const repository = newRepository();
  const registry = instance({
    ...untagged,
    softDelete: [{ repositories: ['*'], retainDays: 50 }],
  });
  const child = makeImage();
  const index = makeIndex([child.manifest]);
  await pushImage(registry, repository, child);
  await pushManifest(registry, repository, index);
  await aDay();
  expect((await run(registry, repository)).manifests).toBe(1);
  await gone(byDigest(registry, repository, index));
  expect((await run(registry, repository)).manifests).toBe(0);
  await byDigest(registry, repository, child.manifest);
});

test('a run that has no time stops, and the next goes on there', async () => {
  const registry = instance(untagged);
  const repository = newRepository();
  await pushImage(registry, repository, makeImage());
  await aDay();
  const stopped = await retain(registry, { ...options, maxMs: 0 });
  expect(stopped).toMatchObject({ complete: false, manifests: 0 });
  const next = await retain(registry, options);
  expect(next.complete).toBe(true);
  expect(next.items.map((item) => item.repository)).toContain(repository);
});

test('the timer works once a day, goes on where time was up, and does nothing without a rule', async () => {
  const registry = instance(untagged);
  expect(await retainWhenDue(instance({}), options)).toBeUndefined();
  await retain(registry, { ...options, maxMs: 0 });
  expect(await retainWhenDue(registry, options)).toMatchObject({ complete: true });
  expect(await retainWhenDue(registry, options)).toBeUndefined();
  const tomorrow = { now: () => new Date(Date.now() + 24 * 60 * 60 * 1000) };
  const later = { ...registry, clock: tomorrow };
  expect(await retainWhenDue(later, { ...options, maxMs: 1 })).toBeDefined();
});

test('a look costs nothing where no rule fits, else five requests and one for each untagged', async () => {
  const repository = newRepository();
  const plain = instance({});
  await pushImage(plain, repository, makeImage(), ['tagged']);
  await pushImage(plain, repository, makeImage());
  await pushImage(plain, repository, makeImage());
  const lookedAt = async (repositories: string[]) => {
    const calls: PortCall[] = [];
    const counted = interpose(stores, (call, proceed) => {
      calls.push(call);
      return proceed();
    });
    const retention = [{ ...everything, repositories, untaggedAfterDays: 3650 }];
    await retain(instance({ retention }, counted), { ...options, dryRun: true });
    return calls.length;
  };
  const none = await lookedAt(['nowhere']);
  expect((await lookedAt([repository])) - none).toBe(5 + 2);
});

describe('preview and what then happens agree, and what is protected stays', () => {
  const image = fc.record({
    tags: fc.subarray(['a', 'b', 'c', 'v1', 'v2', 'keep']),
    locked: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
    lockTag: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
    indexed: fc.option(fc.constantFrom('tagged', 'untagged'), { nil: undefined }),
    signatures: fc.integer({ min: 0, max: 2 }),
    untag: fc.boolean(),
  });
  const scenario = fc.record({
    images: fc.array(image, { minLength: 1, maxLength: 3 }),
    rule: fc.record({
      untaggedAfterDays: fc.constantFrom(1, 3650),
      tags: fc.subarray([
        { match: 'v.*', keepNewest: 1 },
        { match: '[a-c]', olderThanDays: 1 },
        { notPulledForDays: 1, keepNewest: 2 },
        { olderThanDays: 3650 },
      ]),
    }),
    deleteReferrers: fc.boolean(),
    immutable: fc.boolean(),
  });
  type Drawn = typeof scenario extends fc.Arbitrary<infer T> ? T : never;

  async function build({ images, rule, deleteReferrers, immutable }: Drawn) {
    const repository = newRepository();
    const registry = instance({
      retention: [{ ...everything, ...rule, protect: ['keep'] }],
      deleteReferrers: deleteReferrers ? ['*'] : [],
      immutability: immutable ? [{ repositories: ['*'], tags: 'v1' }] : [],
    });
    // Whoever fills the repository knows no rule yet.
    const pusher = instance({});
    for (const { tags, locked, lockTag, indexed, signatures, untag } of images) {
      const made = makeImage();
      const { digest } = made.manifest;
      await pushImage(pusher, repository, made, tags);
      for (let n = 0; n < signatures; n++) {
        await pushImage(pusher, repository, makeImage({ subject: made.manifest }));
      }
      if (indexed !== undefined) {
        const to = indexed === 'tagged' ? [`i${digest.slice(-6)}`] : [];
        await pushManifest(pusher, repository, makeIndex([made.manifest]), to);
      }
      const [first] = tags;
      if (lockTag && first !== undefined) {
        await changeTagAttributes(pusher, repository, tagNamed(first), { deleteEnabled: false });
      } else if (untag && first !== undefined) {
        // An earlier image may have locked it.
        await deleteTag(pusher, repository, tagNamed(first)).catch((error: unknown) =>
          expect(error).toMatchObject({ status: 405 }),
        );
      }
      if (locked) {
        await changeManifestAttributes(pusher, repository, digest, { deleteEnabled: false });
      }
    }
    return { repository, registry };
  }

  test('in repositories of all kinds', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(scenario, { minLength: 4, maxLength: 4 }), async (drawn) => {
        const built = await Promise.all(drawn.map(build));
        await sleep(1300);
        for (const { repository, registry } of built) {
          const before = await livesIn(registry, repository);
          const kept = await pullTag(registry, repository, 'keep').catch(() => undefined);
          const planned = await preview(registry, repository);
          expect(await livesIn(registry, repository)).toEqual(before);
          const done = await run(registry, repository);
          expect(itemsOf(done)).toEqual(itemsOf(planned));
          expect(done.kept).toBe(0);
          const went = done.items.filter(({ reason }) => reason !== 'tag');
          const digests = new Set<string>(went.map(({ digest }) => digest));
          expect(await livesIn(registry, repository)).toEqual(
            before.filter((digest) => !digests.has(digest)),
          );
          for (const { tag } of done.items) {
            if (tag !== undefined) await gone(pullTag(newInstance(stores), repository, tag));
          }
          if (kept !== undefined) {
            expect((await pullTag(newInstance(stores), repository, 'keep')).digest).toBe(
              kept.digest,
            );
          }
        }
      }),
      { numRuns: rounds > 1 ? 20 : 2, endOnFailure: true },
    );
    expect(await brokenInvariants()).toEqual([]);
  }, 120_000);
});

describe('while another instance changes what is about to go, the change wins', () => {
  /** Retention is held back before the transaction that ends the manifest; `change` comes first. */
  async function interrupted(
    policy: object,
    given: (repository: RepositoryName) => Promise<Digest>,
    change: (other: Registry, repository: RepositoryName) => Promise<unknown>,
  ) {
    const repository = newRepository();
    const digest = await given(repository);
    const pause = pauseAt(stores, commits('replace', `m:${digest}`));
    const running = run(instance(policy, pause.stores, atOnce), repository);
    await pause.reached;
    await change(instance(policy), repository);
    pause.resume();
    return { repository, report: await running };
  }
  const untaggedImage = (image: TestImage) => async (repository: RepositoryName) => {
    await pushImage(instance({}), repository, image);
    return image.manifest.digest;
  };

  test('A16 a tag', async () => {
    const image = makeImage();
    const { repository, report } = await interrupted(
      untagged,
      untaggedImage(image),
      (other, within) => pushManifest(other, within, image.manifest, ['latest']),
    );
    expect(report).toMatchObject({ manifests: 0, kept: 1, failures: [] });
    await expectTag(newInstance(stores), repository, 'latest', image.manifest);
  });

  test('an index that names it', async () => {
    const image = makeImage();
    const index = makeIndex([image.manifest]);
    const { repository, report } = await interrupted(
      untagged,
      untaggedImage(image),
      (other, within) => pushManifest(other, within, index, ['multi']),
    );
    expect(report).toMatchObject({ manifests: 0, kept: 1 });
    await byDigest(newInstance(stores), repository, image.manifest);
  });

  test('a lock', async () => {
    const image = makeImage();
    const { report } = await interrupted(untagged, untaggedImage(image), (other, within) =>
      changeManifestAttributes(other, within, image.manifest.digest, { deleteEnabled: false }),
    );
    expect(report).toMatchObject({ manifests: 0, kept: 1 });
  });

  test('a subject that is pushed again keeps what refers to it', async () => {
    const image = makeImage();
    const signature = makeImage({ subject: image.manifest });
    const { repository, report } = await interrupted(
      signed,
      async (within) => {
        await untaggedImage(image)(within);
        await pushImage(instance({}), within, signature);
        return signature.manifest.digest;
      },
      (other, within) => pushImage(other, within, image, ['again']),
    );
    expect(report).toMatchObject({ manifests: 1, kept: 1 });
    await byDigest(newInstance(stores), repository, signature.manifest);
  });

  test('a tag that is moved stays', async () => {
    const repository = newRepository();
    const policy = { retention: [{ ...everything, tags: [{ olderThanDays: 1 }] }] };
    const [old, next] = [makeImage(), makeImage()];
    await pushImage(instance({}), repository, old, ['latest']);
    const pause = pauseAt(stores, commits('delete', 't:latest'));
    const running = run(instance(policy, pause.stores, atOnce), repository);
    await pause.reached;
    await pushImage(instance(policy), repository, next, ['latest']);
    pause.resume();
    expect(await running).toMatchObject({ tags: 0, kept: 1, failures: [] });
    await expectTag(newInstance(stores), repository, 'latest', next.manifest);
  });

  test('two that run at once delete everything once, and nothing else', async () => {
    const repository = newRepository();
    for (let n = 0; n < 6; n++) await pushImage(instance({}), repository, makeImage());
    const kept = makeImage();
    await pushImage(instance({}), repository, kept, ['kept']);
    const reports = await Promise.all(
      [1, 2].map(() => run(instance(untagged, stores, atOnce), repository)),
    );
    expect(reports.flatMap(({ failures }) => failures)).toEqual([]);
    expect(reports.reduce((sum, { manifests }) => sum + manifests, 0)).toBe(6);
    expect(await livesIn(newInstance(stores), repository)).toEqual([kept.manifest.digest]);
  });
});

test('a restore that begins while it looks finds all that its backup does not have', async () => {
  const repository = newRepository();
  const image = makeImage();
  await pushImage(instance({}), repository, image);
  const pause = pauseAt(stores, ({ method }) => method === 'list');
  const running = run(instance(untagged, pause.stores, atOnce), repository);
  await pause.reached;
  const etag = await beginRestore(newInstance(stores));
  pause.resume();
  const report = await running;
  await dropRestore(newInstance(stores), etag);
  expect(report).toMatchObject({ manifests: 0, complete: false });
  expect(report.failures).toEqual([expect.stringContaining('being restored')]);
  await byDigest(newInstance(stores), repository, image.manifest);
});

describe.each(accidents)('a process that $name the k-th storage call of retention', (accident) => {
  const policy = {
    retention: [
      { ...everything, tags: [{ match: 'old', olderThanDays: 1 }], untaggedAfterDays: 1 },
    ],
    deleteReferrers: ['*'],
  };
  interface Given {
    readonly kept: TestImage;
    readonly keptSignature: TestImage;
    readonly index: TestManifest;
    readonly child: TestImage;
    readonly signature: TestImage;
  }
  const scenario: Scenario<Given> = {
    seconds: atOnce,
    async given(registry, repository) {
      const [kept, child] = [makeImage(), makeImage()];
      const index = makeIndex([child.manifest]);
      const signature = makeImage({ subject: index });
      const keptSignature = makeImage({ subject: kept.manifest });
      await pushImage(registry, repository, kept, ['old', 'kept']);
      await pushImage(registry, repository, keptSignature);
      await pushImage(registry, repository, child);
      await pushManifest(registry, repository, index);
      await pushImage(registry, repository, signature);
      return { kept, keptSignature, index, child, signature };
    },
    act: (registry, repository) => run(instance(policy, registry, atOnce), repository),
    async always(registry, repository, { kept, keptSignature }) {
      await expectTag(registry, repository, 'kept', kept.manifest);
      await byDigest(registry, repository, keptSignature.manifest);
    },
    async afterwards(registry, repository, { kept, keptSignature, index, child, signature }) {
      await expectTag(registry, repository, 'kept', kept.manifest);
      await byDigest(registry, repository, keptSignature.manifest);
      await gone(pullTag(registry, repository, 'old'));
      for (const each of [index, child.manifest, signature.manifest]) {
        await gone(byDigest(registry, repository, each));
      }
    },
  };

  test('loses nothing that stays, and the next run ends it', async () => {
    await runScenario(scenario, accident, { stores, brokenInvariants });
  }, 180_000);
});
