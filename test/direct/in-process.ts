import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { parseManifest } from '../../shared/domain/manifest.ts';
import type { RepositoryName } from '../../shared/domain/repository-name.ts';
import { putManifest } from '../../shared/registry/manifests/put-manifest.ts';
import type { Registry } from '../../shared/registry/registry.ts';
import {
  type DirectSession,
  type Pusher,
  writeUrlOf,
} from '../../shared/registry/uploads/direct-session.ts';
import { startDirectUpload } from '../../shared/registry/uploads/direct-start.ts';
import { type TestBlob, type TestManifest } from '../faults/image.ts';
import { tagNamed } from '../faults/in-process.ts';
import { putBlock } from './direct-client.ts';

/** A principal with a token of its own. */
export function newPusher(subject = 'pusher'): Pusher {
  return { subject, tokenId: randomUUID() };
}

export interface DirectPut {
  readonly session: DirectSession;
  readonly url: string;
}

/** POST of a direct upload. */
export async function startDirect(
  registry: Registry,
  repository: RepositoryName,
  pusher: Pusher,
): Promise<DirectPut> {
  const session = await startDirectUpload(registry, repository, pusher);
  if (session === undefined) throw new Error('the principal has too many open uploads');
  return { session, url: await writeUrlOf(registry, session, undefined) };
}

/** POST, and the PUT to storage. */
export async function putDirect(
  registry: Registry,
  repository: RepositoryName,
  pusher: Pusher,
  { bytes }: Pick<TestBlob, 'bytes'>,
): Promise<DirectPut> {
  const put = await startDirect(registry, repository, pusher);
  expect((await putBlock(put.url, bytes)).status).toBe(201);
  return put;
}

/** PUT of a manifest by that pusher. */
export async function pushManifestOf(
  registry: Registry,
  repository: RepositoryName,
  pusher: Pusher,
  { bytes, digest, mediaType }: TestManifest,
  tag: string,
): Promise<void> {
  const manifest = parseManifest(bytes, mediaType);
  const tags = [tagNamed(tag)];
  const put = { digest, bytes, manifest, tags, condition: { kind: 'none' }, pusher } as const;
  await putManifest(registry, repository, put, 'push');
}
