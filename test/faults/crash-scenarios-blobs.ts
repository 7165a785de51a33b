import { expect } from 'vitest';
import type { RepositoryName } from '../../shared/domain/repository-name.ts';
import { appendToUpload } from '../../shared/registry/uploads/append-upload.ts';
import { deleteBlob } from '../../shared/registry/blobs/delete-blob.ts';
import { finishUpload } from '../../shared/registry/uploads/finish-upload.ts';
import { mountBlob } from '../../shared/registry/blobs/mount-blob.ts';
import { statBlob } from '../../shared/registry/blobs/pull-blob.ts';
import type { Registry } from '../../shared/registry/registry.ts';
import { discardUpload, readUpload } from '../../shared/registry/uploads/upload-session.ts';
import { expectBlob, gone, type Scenario, unless404 } from './crash-scenario.ts';
import { randomBlob, type TestBlob } from './image.ts';
import { bodyOf, openUpload, pushBlob, repositoryNamed } from './in-process.ts';

/** `from` for mounts, outside the repository the accident happens in. */
const source = repositoryNamed('source/of-mounts');
const mount = (registry: Registry, repository: RepositoryName, digest: TestBlob['digest']) =>
  mountBlob(registry, { repository, digest, from: source, mayPull: () => true });

export const pushSmallBlob: Scenario<TestBlob> = {
  given: () => Promise.resolve(randomBlob()),
  act: pushBlob,
  afterwards: expectBlob,
};

/** More than one block in one PUT. */
export const pushLargeBlob: Scenario<TestBlob> = {
  given: () => Promise.resolve(largeBlob),
  act: pushBlob,
  afterwards: expectBlob,
};
const largeBlob = randomBlob(9 * 1024 * 1024);

async function pushInPieces(
  registry: Registry,
  repository: RepositoryName,
  { bytes, digest }: TestBlob,
  pieces: number,
): Promise<void> {
  const id = await openUpload(registry, repository);
  const size = Math.ceil(bytes.length / pieces);
  for (let at = 0; at < bytes.length; at += size) {
    await appendToUpload(
      registry,
      repository,
      id,
      bodyOf(bytes.subarray(at, at + size)),
      undefined,
    );
  }
  await finishUpload(registry, repository, id, { digest, body: undefined, range: undefined });
}

export const pushStreamed: Scenario<TestBlob> = {
  given: () => Promise.resolve(randomBlob()),
  act: (registry, repository, blob) => pushInPieces(registry, repository, blob, 1),
  afterwards: expectBlob,
};

export const pushChunked: Scenario<TestBlob> = {
  given: () => Promise.resolve(randomBlob(3000)),
  act: (registry, repository, blob) => pushInPieces(registry, repository, blob, 3),
  afterwards: expectBlob,
};

export const pushAgain: Scenario<TestBlob> = {
  async given(registry, repository) {
    const blob = randomBlob();
    await pushBlob(registry, repository, blob);
    return blob;
  },
  act: pushBlob,
  always: expectBlob,
  afterwards: expectBlob,
};

/** A client that lost the answer to its final PUT sends that PUT again. */
export const finishAgain: Scenario<{ id: string; blob: TestBlob }> = {
  async given(registry, repository) {
    return { id: await openUpload(registry, repository), blob: randomBlob() };
  },
  act: (registry, repository, { id, blob: { bytes, digest } }) =>
    finishUpload(registry, repository, id, { digest, body: bodyOf(bytes), range: undefined }),
  afterwards: (registry, repository, { blob }) => expectBlob(registry, repository, blob),
};

/** The same with a blob that the repository has, as every pusher of a shared config does. */
export const finishKnownAgain: typeof finishAgain = {
  ...finishAgain,
  async given(registry, repository) {
    const blob = randomBlob();
    await pushBlob(registry, repository, blob);
    return { id: await openUpload(registry, repository), blob };
  },
};

export const finishStreamedAgain: typeof finishAgain = {
  async given(registry, repository) {
    const id = await openUpload(registry, repository);
    const blob = randomBlob();
    await appendToUpload(registry, repository, id, bodyOf(blob.bytes), undefined);
    return { id, blob };
  },
  act: (registry, repository, { id, blob: { digest } }) =>
    finishUpload(registry, repository, id, { digest, body: undefined, range: undefined }),
  afterwards: finishAgain.afterwards,
};

export const cancel: Scenario<string> = {
  given: openUpload,
  async act(registry, repository, id) {
    await discardUpload(registry, repository, await readUpload(registry, repository, id));
  },
  async retry(registry, repository, id) {
    await cancel.act(registry, repository, id).catch(() => undefined);
  },
  afterwards: (registry, repository, id) => gone(readUpload(registry, repository, id)),
};

export const mountKnown: Scenario<TestBlob> = {
  async given(registry) {
    const blob = randomBlob();
    await pushBlob(registry, source, blob);
    return blob;
  },
  async act(registry, repository, { digest }) {
    expect(await mount(registry, repository, digest)).toBe(true);
  },
  afterwards: expectBlob,
};

/** Without `from`, by the advice of the index of digests. */
export const mountAnywhere: Scenario<TestBlob> = {
  ...mountKnown,
  async act(registry, repository, { digest }) {
    const mounted = await mountBlob(registry, {
      repository,
      digest,
      from: undefined,
      mayPull: (other) => other === source,
    });
    expect(mounted).toBe(true);
  },
};

export const removeBlob: Scenario<TestBlob> = {
  given: pushAgain.given,
  act: (registry, repository, { digest }) => deleteBlob(registry, repository, digest),
  retry: (registry, repository, blob) =>
    removeBlob.act(registry, repository, blob).catch(unless404),
  afterwards: (registry, repository, { digest }) => gone(statBlob(registry, repository, digest)),
};

/** A blob that was deleted comes back before the sweep has released it. */
export const pushDeleted: Scenario<TestBlob> = {
  ...pushSmallBlob,
  async given(registry, repository) {
    const blob = await pushAgain.given(registry, repository);
    await deleteBlob(registry, repository, blob.digest);
    return blob;
  },
};

export const mountDeleted: Scenario<TestBlob> = {
  ...mountKnown,
  async given(registry, repository) {
    const blob = await mountKnown.given(registry, repository);
    await mount(registry, repository, blob.digest);
    await deleteBlob(registry, repository, blob.digest);
    return blob;
  },
};
