import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { PolicyStore } from '../../shared/policy/policy-store.ts';
import type { PolicyDocument } from '../../shared/policy/policy-document.ts';
import { type Clock, systemClock } from '../../shared/ports/clock.ts';
import { deleteManifest, deleteTag } from '../../shared/registry/manifests/delete-manifest.ts';
import type { Registry } from '../../shared/registry/registry.ts';
import { deleteRepository } from '../../shared/registry/repositories/delete-repository.ts';
import { repositoryPartition } from '../../shared/registry/rows/row-keys.ts';
import { immutable } from '../../shared/registry/tags/immutability.ts';
import { readTag } from '../../shared/registry/tags/tag-row.ts';
import { makeImage, type TestImage } from '../faults/image.ts';
import {
  newInstance,
  pullTag,
  pushImage,
  pushManifest,
  repositoryNamed,
  tagNamed,
} from '../faults/in-process.ts';
import { interpose, type Stores } from '../faults/interpose.ts';
import { commits, pauseAt } from '../faults/pause.ts';
import { testStorage } from '../faults/test-storage.ts';

/*
 * Two instances, of which one does not know the rule yet. What it remembers of the policy must not
 * matter for a tag that was pushed under the rule, and after a minute not for any.
 */

const { brokenInvariants, stores } = testStorage();
let count = 0;
const refused = { code: 'DENIED', status: 403 };
const tag = tagNamed('v1');

afterAll(async () => {
  expect(await brokenInvariants()).toEqual([]);
});
beforeEach(() => setRules([]));

const held = [{ repositories: ['race/*'], tags: undefined }];

/** Acknowledged when it resolves. */
async function setRules(immutability: PolicyDocument['immutability']): Promise<void> {
  const policy = new PolicyStore(stores.tables, systemClock);
  const { document } = await policy.read();
  expect(await policy.overwrite({ ...document, immutability })).toMatchObject({
    document: { immutability },
  });
}

/** An instance that has read the policy before the rule was made. */
async function unaware(of: Stores = stores, clock?: Clock): Promise<Registry> {
  const registry = newInstance(of, clock);
  await registry.policy.current();
  return registry;
}

/** An instance's clock, which can be put forward. */
function movableClock(): Clock & { pass(seconds: number): void } {
  let aheadMs = 0;
  return {
    now: () => new Date(Date.now() + aheadMs),
    pass: (seconds) => void (aheadMs += seconds * 1000),
  };
}

/** An image under `v1`, and others of the same layers. */
async function given() {
  const repository = repositoryNamed(`race/app-${count++}`);
  const first = makeImage();
  await pushImage(newInstance(stores), repository, first, ['v1']);
  const another = () => makeImage({ config: first.config, layers: first.layers });
  return { repository, first, other: another(), another };
}

type Given = Awaited<ReturnType<typeof given>>;
type Act = (registry: Registry, given: Given) => Promise<unknown>;

const acts: readonly (readonly [string, Act])[] = [
  [
    'push of another image',
    (r, { repository, other }) => pushManifest(r, repository, other.manifest, ['v1']),
  ],
  [
    'push of it under many tags',
    (r, { repository, other }) => pushManifest(r, repository, other.manifest, ['v2', 'v1', 'v3']),
  ],
  ['deletion of the tag', (r, { repository }) => deleteTag(r, repository, tag)],
  [
    'deletion of the manifest',
    (r, { repository, first }) => deleteManifest(r, repository, first.manifest.digest),
  ],
  ['deletion of the repository', (r, { repository }) => deleteRepository(r, repository)],
];

async function expectKept({ repository, first }: Given): Promise<void> {
  const pulled = await pullTag(newInstance(stores), repository, 'v1');
  expect(pulled.digest).toBe(first.manifest.digest);
}

describe.each(acts)('the %s', (_, act) => {
  test('is refused by an instance that does not know the rule the tag was pushed under', async () => {
    const registry = await unaware();
    await setRules(held);
    const all = await given();
    await expect(act(registry, all)).rejects.toMatchObject(refused);
    await expectKept(all);
  });

  test('does not overrun, when it stalls, a rule under which the tag is pushed meanwhile', async () => {
    const all = await given();
    const pause = pauseAt(
      stores,
      (call) =>
        commits('replace', 't:')(call) ||
        commits('delete', 't:')(call) ||
        commits('replace', 'm:')(call),
    );
    const acted = act(await unaware(pause.stores), all);
    await pause.reached;
    await setRules(held);
    await pushManifest(newInstance(stores), all.repository, all.first.manifest, ['v1']);
    pause.resume();
    await expect(acted).rejects.toMatchObject(refused);
    await expectKept(all);
  });

  test('is refused by every instance a minute after the rule, of older tags, too', async () => {
    const clock = movableClock();
    const all = await given();
    const registry = await unaware(stores, clock);
    await setRules(held);
    clock.pass(60);
    await expect(act(registry, all)).rejects.toMatchObject(refused);
    await expectKept(all);
  });

  test('is not decided by a policy that is older than a minute', async () => {
    const clock = movableClock();
    const all = await given();
    let broken = false;
    const failing = interpose(stores, (call, proceed) =>
      broken && call.place.startsWith('settings')
        ? Promise.reject(new Error('no answer'))
        : proceed(),
    );
    const registry = await unaware(failing, clock);
    await setRules(held);
    clock.pass(61);
    broken = true;
    await expect(act(registry, all)).rejects.toThrow('no answer');
    await expectKept(all);
  });
});

describe('a new tag under a rule', () => {
  test('goes to one of many that push it at once on two instances, and stays there', async () => {
    await setRules(held);
    const { repository, another } = await given();
    const instances = [newInstance(stores), newInstance(stores)];
    const images = Array.from({ length: 12 }, another);
    const outcomes = await Promise.allSettled(
      images.map(({ manifest }, at) =>
        pushManifest(instances[at % 2] ?? newInstance(stores), repository, manifest, ['v2']),
      ),
    );
    const won = images.filter((_, at) => outcomes[at]?.status === 'fulfilled');
    expect(won).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject(refused);
    }
    const pulled = await pullTag(newInstance(stores), repository, 'v2');
    expect(pulled.digest).toBe(won[0]?.manifest.digest);
  });
});

describe('a rule that is taken away', () => {
  test('frees tags on instances that knew it within a minute, and their flag goes', async () => {
    await setRules(held);
    const all = await given();
    const clock = movableClock();
    const registry = await unaware(stores, clock);
    const push = (image: TestImage) =>
      pushManifest(registry, all.repository, image.manifest, ['v1']);
    const flag = async () =>
      (await readTag(registry, repositoryPartition(all.repository), tag))?.properties[immutable];
    expect(await flag()).toBe(true);
    await setRules([]);
    await expect(push(all.other)).rejects.toMatchObject(refused);
    clock.pass(60);
    await push(all.other);
    expect(await flag()).toBeUndefined();
    await push(all.another());
  });
});
