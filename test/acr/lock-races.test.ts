import { expect, test } from 'vitest';
import type { AttributeChange } from '../../shared/registry/rows/attributes.ts';
import { changeManifestAttributes } from '../../shared/registry/manifests/change-manifest.ts';
import { deleteManifest, deleteTag } from '../../shared/registry/manifests/delete-manifest.ts';
import { deleteRepository } from '../../shared/registry/repositories/delete-repository.ts';
import { changeTagAttributes } from '../../shared/registry/tags/describe-tag.ts';
import { makeImage } from '../faults/image.ts';
import {
  newInstance,
  pullTag,
  pushImage,
  pushManifest,
  repositoryNamed,
  tagNamed,
} from '../faults/in-process.ts';
import { commits, pauseAt } from '../faults/pause.ts';
import { testStorage } from '../faults/test-storage.ts';

/*
 * A deletion or a push has read that nothing is locked, and stalls before it writes. Meanwhile a
 * lock is acknowledged. It must not be overrun.
 */

const { brokenInvariants, stores } = testStorage();
const tag = tagNamed('x');
let count = 0;
const locked = { code: 'DENIED', status: 405 };

/** A repository with one image under `x`, and another with the same layers to push. */
async function given(name: string) {
  const repository = repositoryNamed(name);
  const image = makeImage();
  await pushImage(newInstance(stores), repository, image, ['x']);
  const { manifest: other } = makeImage({ config: image.config, layers: image.layers });
  return { repository, digest: image.manifest.digest, other };
}

type Given = Awaited<ReturnType<typeof given>>;
type Instance = ReturnType<typeof newInstance>;
type Act = (registry: Instance, given: Given) => Promise<unknown>;

const lockTag =
  (change: AttributeChange): Act =>
  (registry, { repository }) =>
    changeTagAttributes(registry, repository, tag, change);
const lockManifest =
  (change: AttributeChange): Act =>
  (registry, { repository, digest }) =>
    changeManifestAttributes(registry, repository, digest, change);

const deletes: Record<string, Act> = {
  'deletion of the manifest': (registry, { repository, digest }) =>
    deleteManifest(registry, repository, digest),
  'deletion of the tag': (registry, { repository }) => deleteTag(registry, repository, tag),
  'deletion of the repository': (registry, { repository }) =>
    deleteRepository(registry, repository),
  'push of another image': (registry, { repository, other }) =>
    pushManifest(registry, repository, other, ['x']),
};

/** What each of them stalls at. */
const writes = [commits('replace', 'm:'), commits('delete', 't:'), commits('replace', 't:')];

test.each([
  ['deletion of the manifest', 'tag', lockTag({ deleteEnabled: false })],
  ['deletion of the manifest', 'tag', lockTag({ writeEnabled: false })],
  ['deletion of the manifest', 'manifest', lockManifest({ deleteEnabled: false })],
  ['deletion of the tag', 'tag', lockTag({ deleteEnabled: false })],
  ['deletion of the repository', 'tag', lockTag({ deleteEnabled: false })],
  ['deletion of the repository', 'manifest', lockManifest({ writeEnabled: false })],
  ['push of another image', 'tag', lockTag({ writeEnabled: false })],
])('a stalled %s does not overrun a lock of the %s', async (name, what, lock) => {
  const all = await given(`race/${name.replaceAll(' ', '-')}/${what}/${count++}`);
  const act = deletes[name];
  if (act === undefined) throw new Error(`no such act: ${name}`);
  const pause = pauseAt(stores, (call) => writes.some((each) => each(call)));
  const acted = act(newInstance(pause.stores), all);
  await pause.reached;
  await lock(newInstance(stores), all);
  pause.resume();
  await expect(acted).rejects.toMatchObject(locked);
  const pulled = await pullTag(newInstance(stores), all.repository, 'x');
  expect(pulled.digest).toBe(all.digest);
});

test('a stalled push of a tag does not make a manifest readable that was locked meanwhile', async () => {
  const all = await given('race/unreadable');
  const again = makeImage();
  await pushImage(newInstance(stores), all.repository, again, ['y']);
  const pause = pauseAt(stores, commits('replace', 't:'));
  const moved = pushManifest(newInstance(pause.stores), all.repository, again.manifest, ['x']);
  await pause.reached;
  await changeManifestAttributes(newInstance(stores), all.repository, again.manifest.digest, {
    readEnabled: false,
  });
  pause.resume();
  await moved;
  for (const each of ['x', 'y']) {
    await expect(pullTag(newInstance(stores), all.repository, each)).rejects.toMatchObject(locked);
  }
});

test('a stalled lock of a tag follows the tag that was moved meanwhile', async () => {
  const all = await given('race/moved');
  const pause = pauseAt(stores, commits('merge', 't:'));
  const locking = changeTagAttributes(newInstance(pause.stores), all.repository, tag, {
    deleteEnabled: false,
  });
  await pause.reached;
  await pushManifest(newInstance(stores), all.repository, all.other, ['x']);
  pause.resume();
  expect(await locking).toMatchObject({ digest: all.other.digest });
  const registry = newInstance(stores);
  await expect(deleteManifest(registry, all.repository, all.other.digest)).rejects.toMatchObject(
    locked,
  );
  await deleteManifest(registry, all.repository, all.digest);
});

test('and storage is as the protocol wants it', async () => {
  expect(await brokenInvariants()).toEqual([]);
});
