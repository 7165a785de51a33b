import { expect } from 'vitest';
import type { RepositoryName } from '../../shared/domain/repository-name.ts';
import type { Registry } from '../../shared/registry/registry.ts';
import type { Seconds } from '../../shared/registry/settings.ts';
import type { TestBlob, TestManifest } from './image.ts';
import { pullBlob, pullTag } from './in-process.ts';

/** Something a client does, which an accident may happen to. */
export interface Scenario<T> {
  /** Where, when not in a repository for each k. */
  readonly within?: (run: string) => RepositoryName;
  /** Times of the registry that are shorter than they are outside of tests. */
  readonly seconds?: Partial<Seconds>;
  /** What exists before, made without accidents. */
  readonly given: (registry: Registry, repository: RepositoryName) => Promise<T>;
  /** What the accident happens to. */
  readonly act: (registry: Registry, repository: RepositoryName, given: T) => Promise<unknown>;
  /**
   * What the client does once more, to the end; the same as `act` unless a retry is another thing.
   */
  readonly retry?: (registry: Registry, repository: RepositoryName, given: T) => Promise<unknown>;
  /** What must be true after the retry, as a fresh instance sees it. */
  readonly afterwards: (registry: Registry, repository: RepositoryName, given: T) => Promise<void>;
  /** What must be true after the accident already: what was acknowledged before. */
  readonly always?: (registry: Registry, repository: RepositoryName, given: T) => Promise<void>;
}

export async function expectBlob(registry: Registry, repository: RepositoryName, blob: TestBlob) {
  expect(Buffer.from(await pullBlob(registry, repository, blob)).equals(blob.bytes)).toBe(true);
}

export async function expectTag(
  registry: Registry,
  repository: RepositoryName,
  tag: string,
  manifest: TestManifest,
) {
  const pulled = await pullTag(registry, repository, tag);
  expect(pulled.digest).toBe(manifest.digest);
  expect(Buffer.from(pulled.bytes).equals(manifest.bytes)).toBe(true);
}

/** What is asked for is a 404. */
export async function gone(answer: Promise<unknown>): Promise<void> {
  await expect(answer).rejects.toMatchObject({ status: 404 });
}

/** For a delete that is tried again: it may have been done already. */
export function unless404(error: unknown): void {
  expect(error).toMatchObject({ status: 404 });
}
