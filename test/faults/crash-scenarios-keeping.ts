import { expect } from 'vitest';
import type { Digest } from '../../shared/domain/digest.ts';
import type { RepositoryName } from '../../shared/domain/repository-name.ts';
import { deleteManifest } from '../../shared/registry/manifests/delete-manifest.ts';
import { getManifest } from '../../shared/registry/manifests/get-manifest.ts';
import { listReferrers } from '../../shared/registry/manifests/list-referrers.ts';
import { changeManifest } from '../../shared/registry/manifests/quarantine-manifest.ts';
import { restoreManifest } from '../../shared/registry/manifests/restore-manifest.ts';
import type { Registry } from '../../shared/registry/registry.ts';
import { expectBlob, expectTag, gone, type Scenario, unless404 } from './crash-scenario.ts';
import { makeImage, makeIndex, type TestImage, type TestManifest } from './image.ts';
import { pullTag, pushImage, pushManifest } from './in-process.ts';
import { withPolicy } from './with-policy.ts';

const all = ['*'];
const soft = (registry: Registry) =>
  withPolicy(registry, { softDelete: [{ repositories: all, retainDays: 1 }] });
const softWithReferrers = (registry: Registry) =>
  withPolicy(registry, {
    softDelete: [{ repositories: all, retainDays: 1 }],
    deleteReferrers: all,
  });
const quarantined = (registry: Registry) => withPolicy(registry, { quarantine: all });

async function given(registry: Registry, repository: RepositoryName): Promise<TestImage> {
  const image = makeImage();
  await pushImage(registry, repository, image, ['kept', 'moved']);
  return image;
}

const remove = (registry: Registry, repository: RepositoryName, digest: Digest) =>
  deleteManifest(soft(registry), repository, digest);

/** Until it can be restored with all its tags, whatever happened to its deletion. */
export const softDelete: Scenario<TestImage> = {
  given,
  act: (registry, repository, { manifest }) => remove(registry, repository, manifest.digest),
  retry: (registry, repository, { manifest }) =>
    remove(registry, repository, manifest.digest).catch(unless404),
  async afterwards(registry, repository, image) {
    await gone(pullTag(registry, repository, 'kept'));
    await restoreManifest(registry, repository, image.manifest.digest);
    for (const tag of ['kept', 'moved']) await expectTag(registry, repository, tag, image.manifest);
    for (const blob of [image.config, ...image.layers])
      await expectBlob(registry, repository, blob);
  },
};

/** More tags than one transaction takes: all are remembered, those of a broken deletion, too. */
export const softDeleteManyTags: Scenario<TestImage> = {
  ...softDelete,
  async given(registry, repository) {
    const image = makeImage();
    const tags = Array.from({ length: 55 }, (_, index) => `tag-${index}`);
    await pushImage(registry, repository, image, ['kept', 'moved', ...tags]);
    return image;
  },
  async afterwards(registry, repository, image) {
    await softDelete.afterwards(registry, repository, image);
    await expectTag(registry, repository, 'tag-0', image.manifest);
    await expectTag(registry, repository, 'tag-54', image.manifest);
  },
};

export const restore: Scenario<TestImage> = {
  async given(registry, repository) {
    const image = await given(registry, repository);
    await remove(registry, repository, image.manifest.digest);
    return image;
  },
  act: (registry, repository, { manifest }) =>
    restoreManifest(registry, repository, manifest.digest),
  async afterwards(registry, repository, { manifest }) {
    for (const tag of ['kept', 'moved']) await expectTag(registry, repository, tag, manifest);
  },
};

/** More tags than one transaction restores. */
export const restoreManyTags: Scenario<TestImage> = {
  ...restore,
  async given(registry, repository) {
    const image = await softDeleteManyTags.given(registry, repository);
    await remove(registry, repository, image.manifest.digest);
    return image;
  },
  async afterwards(registry, repository, image) {
    await restore.afterwards(registry, repository, image);
    await expectTag(registry, repository, 'tag-54', image.manifest);
  },
};

export const restoreIndex: Scenario<{ image: TestImage; index: TestManifest }> = {
  async given(registry, repository) {
    const image = await given(registry, repository);
    const index = makeIndex([image.manifest]);
    await pushManifest(registry, repository, index, ['all']);
    await remove(registry, repository, image.manifest.digest);
    await remove(registry, repository, index.digest);
    return { image, index };
  },
  act: (registry, repository, { index }) => restoreManifest(registry, repository, index.digest),
  async afterwards(registry, repository, { image, index }) {
    await expectTag(registry, repository, 'all', index);
    await expectTag(registry, repository, 'kept', image.manifest);
  },
};

interface Signed {
  readonly image: TestImage;
  readonly signature: TestManifest;
}

async function givenSigned(registry: Registry, repository: RepositoryName): Promise<Signed> {
  const image = await given(registry, repository);
  const { config, layers, manifest: subject } = image;
  const { manifest: signature } = makeImage({ config, layers, subject });
  await pushManifest(registry, repository, signature, ['signature']);
  return { image, signature };
}

const removeSigned: Scenario<Signed>['act'] = (registry, repository, { image }) =>
  deleteManifest(softWithReferrers(registry), repository, image.manifest.digest);

/** Its referrers go first: as long as it is there, the deletion can be repeated. */
export const deleteWithReferrers: Scenario<Signed> = {
  given: givenSigned,
  act: removeSigned,
  retry: (registry, repository, signed) =>
    Promise.resolve(removeSigned(registry, repository, signed)).catch(unless404),
  async afterwards(registry, repository) {
    for (const tag of ['kept', 'signature']) await gone(pullTag(registry, repository, tag));
  },
};

export const restoreWithReferrers: Scenario<Signed> = {
  async given(registry, repository) {
    const signed = await givenSigned(registry, repository);
    await removeSigned(registry, repository, signed);
    return signed;
  },
  act: (registry, repository, { image }) =>
    restoreManifest(registry, repository, image.manifest.digest),
  async afterwards(registry, repository, { image, signature }) {
    await expectTag(registry, repository, 'kept', image.manifest);
    await expectTag(registry, repository, 'signature', signature);
    const page = { last: '', limit: 10, artifactType: undefined };
    const { digest } = image.manifest;
    const { descriptors } = await listReferrers(registry, repository, digest, page);
    expect(descriptors.map((each) => each.digest)).toEqual([signature.digest]);
  },
};

/** At no time does who may only pull see it. */
export const pushQuarantined: Scenario<TestImage> = {
  async given(registry, repository) {
    const image = makeImage();
    await pushImage(registry, repository, image);
    await deleteManifest(registry, repository, image.manifest.digest);
    return image;
  },
  act: (registry, repository, { manifest }) =>
    pushManifest(quarantined(registry), repository, manifest, ['one', 'two']),
  async always(registry, repository, { manifest }) {
    for (const tag of ['one', 'two']) await gone(pullTag(registry, repository, tag));
    await expect(pullDigest(registry, repository, manifest)).rejects.toThrow();
  },
  async afterwards(registry, repository, image) {
    await pushQuarantined.always?.(registry, repository, image);
    await changeManifest(registry, repository, image.manifest.digest, {
      quarantineState: 'Passed',
    });
    for (const tag of ['one', 'two']) await expectTag(registry, repository, tag, image.manifest);
  },
};

/** An index with what it names, and more tags than one transaction takes. */
export const release: Scenario<{ image: TestImage; index: TestManifest }> = {
  async given(registry, repository) {
    const held = quarantined(registry);
    const image = makeImage();
    await pushImage(held, repository, image, ['kept']);
    const index = makeIndex([image.manifest]);
    const tags = Array.from({ length: 45 }, (_, at) => `tag-${at}`);
    await pushManifest(held, repository, index, ['all', ...tags]);
    return { image, index };
  },
  act: (registry, repository, { index }) =>
    changeManifest(registry, repository, index.digest, { quarantineState: 'Passed' }),
  async afterwards(registry, repository, { image, index }) {
    await expectTag(registry, repository, 'kept', image.manifest);
    for (const tag of ['all', 'tag-0', 'tag-44']) await expectTag(registry, repository, tag, index);
  },
};

async function pullDigest(
  registry: Registry,
  repository: RepositoryName,
  { digest }: TestManifest,
): Promise<unknown> {
  return await getManifest(registry, repository, { kind: 'digest', digest });
}
