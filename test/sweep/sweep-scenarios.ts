import { expect } from 'vitest';
import type { RepositoryName } from '../../shared/domain/repository-name.ts';
import { StorageUnavailable } from '../../shared/ports/table-store.ts';
import { deleteBlob } from '../../shared/registry/blobs/delete-blob.ts';
import { mountBlob } from '../../shared/registry/blobs/mount-blob.ts';
import { deleteManifest, deleteTag } from '../../shared/registry/manifests/delete-manifest.ts';
import type { Registry } from '../../shared/registry/registry.ts';
import { deleteRepository } from '../../shared/registry/repositories/delete-repository.ts';
import { repositoryPartition } from '../../shared/registry/rows/row-keys.ts';
import { sweep } from '../../shared/registry/sweep/sweep.ts';
import { appendToUpload } from '../../shared/registry/uploads/append-upload.ts';
import { cancelUpload } from '../../shared/registry/uploads/upload-session.ts';
import { expectBlob, expectTag, type Scenario, unless404 } from '../faults/crash-scenario.ts';
import {
  makeImage,
  makeIndex,
  randomBlob,
  type TestBlob,
  type TestImage,
} from '../faults/image.ts';
import {
  bodyOf,
  openUpload,
  pushBlob,
  pushImage,
  pushManifest,
  repositoryNamed,
  tagNamed,
} from '../faults/in-process.ts';
import { interpose, type PortCall } from '../faults/interpose.ts';
import { commits } from '../faults/pause.ts';
import { impatient } from './sweeping.ts';

/** Sweeps one repository until there is nothing left to do in it. */
async function sweepIt(registry: Registry, repository: RepositoryName): Promise<void> {
  for (let round = 0; round < 8; round++) {
    const report = await sweep(registry, { dryRun: false, maxMs: 60_000, repository });
    const kinds = Object.values(report.kinds);
    if (kinds.every(({ done, failed }) => done === 0 && failed === 0)) return;
  }
}

/** What is given is garbage; after the sweep the repository has no row any more. */
function garbage<T>(
  given: (registry: Registry, repository: RepositoryName) => Promise<T>,
): Scenario<T> {
  return {
    seconds: impatient,
    given,
    act: sweepIt,
    async afterwards(registry, repository) {
      const partition = repositoryPartition(repository);
      const rows = await registry.tables.list('repo', partition, { from: '', before: '~' });
      expect(rows.map(({ rowKey }) => rowKey)).toEqual([]);
    },
  };
}

/** Breaks a use case off at the first call that matches. */
async function breakOffAt(
  registry: Registry,
  matches: (call: PortCall) => boolean,
  act: (registry: Registry) => Promise<unknown>,
): Promise<void> {
  let over = false;
  const stores = interpose(registry, async (call, proceed) => {
    over ||= matches(call);
    if (over) throw new StorageUnavailable('the process is gone');
    return await proceed();
  });
  await expect(act({ ...registry, ...stores })).rejects.toThrow();
}

export const abandonedUpload = garbage(async (registry, repository) => {
  const id = await openUpload(registry, repository);
  await appendToUpload(registry, repository, id, bodyOf(randomBlob().bytes), undefined);
});

export const cancelledUpload = garbage(async (registry, repository) => {
  await cancelUpload(registry, repository, await openUpload(registry, repository));
});

/** The blob and its rows are there, the link is not. */
export const unpublishedUpload = garbage((registry, repository) =>
  breakOffAt(registry, commits('insert', 'b:'), (broken) =>
    pushBlob(broken, repository, randomBlob()),
  ),
);

export const unreferencedBlob = garbage((registry, repository) =>
  pushBlob(registry, repository, randomBlob()),
);

const source = repositoryNamed('source/of-mounts-to-sweep');

/** Broken off before the holder, and before the link. */
export const brokenMounts = garbage(async (registry, repository) => {
  for (const stop of [commits('merge', 'l'), commits('insert', 'b:')]) {
    const blob = randomBlob();
    await pushBlob(registry, source, blob);
    const { digest } = blob;
    const request = { repository, digest, from: source, mayPull: () => true };
    await breakOffAt(registry, stop, (broken) => mountBlob(broken, request));
  }
});

export const deletedImage = garbage(async (registry, repository) => {
  const image = makeImage({ paddingBytes: 70_000 });
  await pushImage(registry, repository, image, ['a', 'b']);
  const index = makeIndex([image.manifest]);
  await pushManifest(registry, repository, index, ['all']);
  await deleteManifest(registry, repository, image.manifest.digest);
  await deleteManifest(registry, repository, index.digest);
});

/**
 * Broken off after its first transaction, its bytes not stored: only the rows know its children.
 */
export const halfWrittenManifest = garbage(async (registry, repository) => {
  const image = makeImage({ paddingBytes: 70_000 });
  for (const blob of [image.config, ...image.layers]) await pushBlob(registry, repository, blob);
  const isBytes = ({ method }: PortCall) => method === 'putBlob';
  await breakOffAt(registry, isBytes, (broken) =>
    pushManifest(broken, repository, image.manifest, ['never']),
  );
});

/** The DELETE itself is what the accident happens to, and then the sweep. */
export const deleteBlobAndSweep: Scenario<TestBlob> = {
  ...garbage(async (registry, repository) => {
    const blob = randomBlob();
    await pushBlob(registry, repository, blob);
    return blob;
  }),
  async act(registry, repository, { digest }) {
    await deleteBlob(registry, repository, digest);
    await sweepIt(registry, repository);
  },
  async retry(registry, repository, { digest }) {
    await deleteBlob(registry, repository, digest).catch(unless404);
    await sweepIt(registry, repository);
  },
};

export const deleteImageAndSweep: Scenario<TestImage> = {
  ...garbage(async (registry, repository) => {
    const image = makeImage();
    await pushImage(registry, repository, image, ['one', 'two']);
    return image;
  }),
  async act(registry, repository, { manifest }) {
    await deleteTag(registry, repository, tagNamed('one'));
    await deleteManifest(registry, repository, manifest.digest);
    await sweepIt(registry, repository);
  },
  async retry(registry, repository, { manifest }) {
    await deleteManifest(registry, repository, manifest.digest).catch(unless404);
    await sweepIt(registry, repository);
  },
};

export const deleteRepositoryAndSweep: Scenario<TestImage> = {
  ...deleteImageAndSweep,
  async act(registry, repository) {
    await deleteRepository(registry, repository);
    await sweepIt(registry, repository);
  },
  async retry(registry, repository) {
    await deleteRepository(registry, repository).catch(unless404);
    await sweepIt(registry, repository);
  },
};

/** One of two that share an image deletes it; the other's stays, whatever happens. */
export const deleteShared: Scenario<{ image: TestImage; other: RepositoryName }> = {
  seconds: impatient,
  async given(registry, repository) {
    const image = makeImage();
    const other = repositoryNamed(`${repository}/other`);
    await pushImage(registry, repository, image, ['latest']);
    for (const { digest } of [image.config, ...image.layers]) {
      const request = { repository: other, digest, from: repository, mayPull: () => true };
      await mountBlob(registry, request);
    }
    await pushManifest(registry, other, image.manifest, ['latest']);
    return { image, other };
  },
  async act(registry, repository, { image }) {
    await deleteManifest(registry, repository, image.manifest.digest);
    await sweepIt(registry, repository);
  },
  async retry(registry, repository, { image }) {
    await deleteManifest(registry, repository, image.manifest.digest).catch(unless404);
    await sweepIt(registry, repository);
  },
  async always(registry, _, { image, other }) {
    await expectTag(registry, other, 'latest', image.manifest);
    for (const blob of [image.config, ...image.layers]) await expectBlob(registry, other, blob);
  },
  async afterwards(registry, repository, given) {
    await garbage(() => Promise.resolve()).afterwards(registry, repository, undefined);
    await deleteShared.always?.(registry, repository, given);
  },
};
