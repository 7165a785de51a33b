import { expect } from 'vitest';
import type { RepositoryName } from '../../shared/domain/repository-name.ts';
import { deleteManifest, deleteTag } from '../../shared/registry/manifests/delete-manifest.ts';
import { changeTagAttributes } from '../../shared/registry/tags/describe-tag.ts';
import type { Registry } from '../../shared/registry/registry.ts';
import { expectTag, gone, type Scenario, unless404 } from './crash-scenario.ts';
import { makeImage, makeIndex, randomBlob, type TestImage, type TestManifest } from './image.ts';
import {
  pullTag,
  pushBlob,
  pushImage,
  pushManifest,
  repositoryNamed,
  tagNamed,
} from './in-process.ts';

async function given(registry: Registry, repository: RepositoryName): Promise<TestImage> {
  const image = makeImage();
  await pushImage(registry, repository, image, ['kept', 'moved']);
  return image;
}

export const putImage: Scenario<TestImage> = {
  async given(registry, repository) {
    const image = makeImage();
    for (const blob of [image.config, ...image.layers]) await pushBlob(registry, repository, blob);
    return image;
  },
  act: (registry, repository, { manifest }) =>
    pushManifest(registry, repository, manifest, ['one', 'two']),
  afterwards: (registry, repository, { manifest }) =>
    expectTag(registry, repository, 'two', manifest),
};

/** Past 60 KiB: the bytes go into a blob. */
export const putLargeManifest: Scenario<TestImage> = {
  ...putImage,
  async given(registry, repository) {
    const image = makeImage({ paddingBytes: 70_000 });
    for (const blob of [image.config, ...image.layers]) await pushBlob(registry, repository, blob);
    return image;
  },
};

/** Past 100 operations: several transactions. The children are there once for all of a run. */
export const putManyChildren: Scenario<TestManifest> = {
  within: (run) => repositoryNamed(run),
  async given(registry, repository) {
    const children = manyChildren.get(repository) ?? (await pushMany(registry, repository));
    manyChildren.set(repository, children);
    return makeIndex(children.toSorted(() => Math.random() - 0.5));
  },
  act: (registry, repository, index) => pushManifest(registry, repository, index, [tagFor(index)]),
  afterwards: (registry, repository, index) =>
    expectTag(registry, repository, tagFor(index), index),
};
const manyChildren = new Map<RepositoryName, TestManifest[]>();
const tagFor = ({ digest }: TestManifest) => digest.slice(-8);

async function pushMany(registry: Registry, repository: RepositoryName): Promise<TestManifest[]> {
  const config = randomBlob();
  await pushBlob(registry, repository, config);
  const images = Array.from({ length: 60 }, () => makeImage({ config, layers: [config] }));
  const manifests = images.map(({ manifest }) => manifest);
  await Promise.all(manifests.map((manifest) => pushManifest(registry, repository, manifest)));
  return manifests;
}

export const putReferrer: Scenario<{ image: TestImage; referrer: TestImage }> = {
  async given(registry, repository) {
    const image = await given(registry, repository);
    const referrer = makeImage({
      config: image.config,
      layers: image.layers,
      subject: image.manifest,
    });
    return { image, referrer };
  },
  act: (registry, repository, { referrer }) =>
    pushManifest(registry, repository, referrer.manifest, ['signature']),
  afterwards: (registry, repository, { referrer }) =>
    expectTag(registry, repository, 'signature', referrer.manifest),
};

export const moveTag: Scenario<{ old: TestImage; next: TestImage }> = {
  async given(registry, repository) {
    const old = await given(registry, repository);
    const next = makeImage({ config: old.config, layers: old.layers });
    await pushManifest(registry, repository, next.manifest);
    return { old, next };
  },
  act: (registry, repository, { next }) =>
    pushManifest(registry, repository, next.manifest, ['moved']),
  always: (registry, repository, { old }) => expectTag(registry, repository, 'kept', old.manifest),
  afterwards: (registry, repository, { next }) =>
    expectTag(registry, repository, 'moved', next.manifest),
};

/** As many tags as take several transactions, half of them moved and half new. */
export const putManyTags: Scenario<{ old: TestImage; next: TestImage }> = {
  async given(registry, repository) {
    const images = await moveTag.given(registry, repository);
    await pushManifest(registry, repository, images.old.manifest, manyTags.slice(0, 12));
    return images;
  },
  act: (registry, repository, { next }) =>
    pushManifest(registry, repository, next.manifest, manyTags),
  always: (registry, repository, { old }) => expectTag(registry, repository, 'kept', old.manifest),
  async afterwards(registry, repository, { next }) {
    for (const tag of manyTags) await expectTag(registry, repository, tag, next.manifest);
  },
};
const manyTags = Array.from({ length: 24 }, (_, index) => `many-${index}`);

/** The lock changes all rows of the tag. */
export const lockTag: Scenario<TestImage> = {
  given,
  act: (registry, repository) =>
    changeTagAttributes(registry, repository, tagNamed('kept'), { deleteEnabled: false }),
  always: (registry, repository, { manifest }) => expectTag(registry, repository, 'kept', manifest),
  async afterwards(registry, repository, { manifest }) {
    await expect(deleteManifest(registry, repository, manifest.digest)).rejects.toMatchObject({
      code: 'DENIED',
    });
  },
};

export const removeTag: Scenario<TestImage> = {
  given,
  act: (registry, repository) => deleteTag(registry, repository, tagNamed('moved')),
  retry: (registry, repository, image) =>
    removeTag.act(registry, repository, image).catch(unless404),
  always: (registry, repository, { manifest }) => expectTag(registry, repository, 'kept', manifest),
  afterwards: (registry, repository) => gone(pullTag(registry, repository, 'moved')),
};

export const removeManifest: Scenario<TestImage> = {
  given,
  act: (registry, repository, { manifest }) =>
    deleteManifest(registry, repository, manifest.digest),
  retry: (registry, repository, image) =>
    removeManifest.act(registry, repository, image).catch(unless404),
  afterwards: (registry, repository) => gone(pullTag(registry, repository, 'kept')),
};

/** More tags than one transaction takes. */
export const removeManyTags: Scenario<TestImage> = {
  ...removeManifest,
  async given(registry, repository) {
    const image = makeImage();
    const tags = Array.from({ length: 95 }, (_, index) => `tag-${index}`);
    await pushImage(registry, repository, image, ['kept', ...tags]);
    return image;
  },
};

/** A manifest that was deleted is pushed again before the sweep has purged it. */
export const putDeleted: Scenario<TestImage> = {
  ...putImage,
  async given(registry, repository) {
    const image = await putImage.given(registry, repository);
    await pushManifest(registry, repository, image.manifest, ['gone']);
    await deleteManifest(registry, repository, image.manifest.digest);
    return image;
  },
};

/** The same of one whose bytes are a blob: the old bytes must not be forgotten. */
export const putLargeDeleted: Scenario<TestImage> = {
  ...putImage,
  async given(registry, repository) {
    const image = await putLargeManifest.given(registry, repository);
    await pushManifest(registry, repository, image.manifest, ['gone']);
    await deleteManifest(registry, repository, image.manifest.digest);
    return image;
  },
};
