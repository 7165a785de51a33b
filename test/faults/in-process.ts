import { parseManifest } from '../../shared/domain/manifest.ts';
import { parseTag, type Tag } from '../../shared/domain/reference.ts';
import { parseRepositoryName, type RepositoryName } from '../../shared/domain/repository-name.ts';
import { type Clock, systemClock } from '../../shared/ports/clock.ts';
import { createCaches } from '../../shared/registry/caches.ts';
import { finishUpload } from '../../shared/registry/uploads/finish-upload.ts';
import { getManifest } from '../../shared/registry/manifests/get-manifest.ts';
import { locateBlob } from '../../shared/registry/blobs/pull-blob.ts';
import { putManifest } from '../../shared/registry/manifests/put-manifest.ts';
import type { Registry } from '../../shared/registry/registry.ts';
import { PolicyStore } from '../../shared/policy/policy-store.ts';
import { seconds as defaultSeconds, type Seconds } from '../../shared/registry/settings.ts';
import type { TagCondition } from '../../shared/registry/tags/tag-operations.ts';
import { startUpload } from '../../shared/registry/uploads/upload-session.ts';
import { blobsOf, type TestBlob, type TestImage, type TestManifest } from './image.ts';
import type { Stores } from './interpose.ts';

/** An instance of the registry's use cases, with no memory yet. */
export function newInstance(
  stores: Stores,
  clock: Clock = systemClock,
  seconds: Seconds = defaultSeconds,
): Registry {
  return {
    ...stores,
    clock,
    seconds,
    policy: new PolicyStore(stores.tables, clock),
    caches: createCaches(seconds),
    allowMissingBlobs: [],
  };
}

export function repositoryNamed(text: string): RepositoryName {
  const name = parseRepositoryName(text);
  if (name === undefined) throw new Error(`not a repository name: ${text}`);
  return name;
}

/** A name that no other test of the file has, each time. */
export function repositoriesUnder(prefix: string): () => RepositoryName {
  let count = 0;
  return () => repositoryNamed(`${prefix}/r${count++}`);
}

export function tagNamed(text: string): Tag {
  const tag = parseTag(text);
  if (tag === undefined) throw new Error(`not a tag: ${text}`);
  return tag;
}

export async function openUpload(registry: Registry, repository: RepositoryName): Promise<string> {
  const { id } = await startUpload(registry, repository, { subject: 'test', algorithm: 'sha256' });
  return id;
}

/** A body as a network brings it: in pieces. */
export async function* bodyOf(bytes: Buffer, pieceBytes = 64 * 1024): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

/** POST and PUT. */
export async function pushBlob(
  registry: Registry,
  repository: RepositoryName,
  { bytes, digest }: TestBlob,
): Promise<void> {
  const id = await openUpload(registry, repository);
  await finishUpload(registry, repository, id, { digest, body: bodyOf(bytes), range: undefined });
}

export async function pushManifest(
  registry: Registry,
  repository: RepositoryName,
  { bytes, digest, mediaType }: TestManifest,
  tags: readonly string[] = [],
  condition: TagCondition = { kind: 'none' },
  right: 'push' | 'sign' = 'push',
): Promise<void> {
  const put = {
    digest,
    bytes,
    manifest: parseManifest(bytes, mediaType),
    tags: tags.map(tagNamed),
    condition,
  };
  await putManifest(registry, repository, put, right);
}

export async function pushImage(
  registry: Registry,
  repository: RepositoryName,
  image: TestImage,
  tags: readonly string[] = [],
): Promise<void> {
  for (const blob of blobsOf(image)) await pushBlob(registry, repository, blob);
  await pushManifest(registry, repository, image.manifest, tags);
}

/** The digest a tag points to, with the manifest read byte for byte. Throws MANIFEST_UNKNOWN. */
export async function pullTag(registry: Registry, repository: RepositoryName, tag: string) {
  return await getManifest(registry, repository, { kind: 'tag', tag: tagNamed(tag) });
}

export async function pullBlob(
  registry: Registry,
  repository: RepositoryName,
  { digest }: Pick<TestBlob, 'digest'>,
): Promise<Uint8Array> {
  const { name } = await locateBlob(registry, repository, digest);
  const bytes = await registry.blobs.read('content', name);
  if (bytes === undefined) throw new Error(`the bytes of ${digest} are gone`);
  return bytes;
}
