import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type DigestAlgorithm, digestOf } from '../../domain/digest.ts';
import type { RepositoryName } from '../../domain/repository-name.ts';
import type { StagedBlob } from '../../ports/staging-store.ts';
import type { Registry } from '../registry.ts';
import { type DirectSession, readDirectSession, replaceDirectSession } from './direct-session.ts';

const pollMs = 100;

/**
 * Finds out what a client put into storage: commits its block, and, pinned to the ETag of that
 * commit, hashes the bytes while storage copies them to the session's own name (docs/storage.md,
 * "Direct push"). A session that another request works on is waited for; one whose request fell
 * silent is taken over. The session that is answered says what lies at its name, and is under the
 * ETag that a write which builds on it must have. Undefined when there is nothing to be had of it:
 * it is gone, or its blob is not what a client's one write makes.
 */
export async function proveSession(
  registry: Registry,
  repository: RepositoryName,
  listed: DirectSession,
  algorithm: DigestAlgorithm,
): Promise<DirectSession | undefined> {
  let session: DirectSession | undefined = listed;
  while (session !== undefined) {
    if (isProven(session, algorithm)) return session;
    const claimed: DirectSession | undefined = isClaimed(registry, session)
      ? undefined
      : await replaceDirectSession(registry, repository, session, 'claimed');
    if (claimed !== undefined) return await proveClaimed(registry, repository, claimed, algorithm);
    await sleep(pollMs * (0.5 + Math.random()));
    session = await readDirectSession(registry, repository, session.id);
  }
  return undefined;
}

/** Whether another request works on the session, as far as one can tell. */
export function isClaimed(registry: Registry, { claimedForMs }: DirectSession): boolean {
  return (claimedForMs ?? Infinity) < registry.seconds.directClaim * 1000;
}

export function isProven({ prefixDigest }: DirectSession, algorithm: DigestAlgorithm): boolean {
  return prefixDigest?.startsWith(`${algorithm}:`) ?? false;
}

/** Renews the claim from time to time while it works, and gives it up when it finds nothing. */
async function proveClaimed(
  registry: Registry,
  repository: RepositoryName,
  claimed: DirectSession,
  algorithm: DigestAlgorithm,
): Promise<DirectSession | undefined> {
  let session = claimed;
  let renewedAtMs = performance.now();
  const renewClaim = async () => {
    if (performance.now() - renewedAtMs < (registry.seconds.directClaim * 1000) / 3) return;
    renewedAtMs = performance.now();
    session = (await replaceDirectSession(registry, repository, session, 'claimed')) ?? session;
  };
  const measured = await measure(registry, claimed, algorithm, renewClaim);
  if (measured !== undefined) return { ...session, ...measured };
  await replaceDirectSession(registry, repository, session, 'free');
  return undefined;
}

type Measured = Pick<DirectSession, 'prefixDigest' | 'offset'>;

async function measure(
  registry: Registry,
  session: DirectSession,
  algorithm: DigestAlgorithm,
  renewClaim: () => Promise<void>,
): Promise<Measured | undefined> {
  const { staging, blobs } = registry;
  if ((await staging.commit(session.staging, session.blockId)) === 'refused') return undefined;
  const staged = await staging.describe(session.staging);
  if (staged === undefined) return undefined;
  const [hashed, copied] = await Promise.all([
    hashStaged(registry, session, staged, algorithm, renewClaim),
    staging.publish(session.staging, staged, session.name),
  ]);
  if (copied === 'changed') return undefined;
  const stored = await blobs.properties('content', session.name);
  if (stored === undefined) return undefined;
  // What an earlier request copied there may be of another ETag: it is judged by itself.
  const measured =
    copied === 'copied'
      ? hashed
      : await hash(await blobs.stream('content', session.name), algorithm, renewClaim);
  const digest = measured?.prefixDigest;
  if (digest === undefined || measured?.offset !== stored.sizeBytes) return undefined;
  await blobs.setMetadata('content', session.name, stored.etag, { digest });
  return measured;
}

async function hashStaged(
  registry: Registry,
  session: DirectSession,
  { etag }: StagedBlob,
  algorithm: DigestAlgorithm,
  renewClaim: () => Promise<void>,
): Promise<Measured | undefined> {
  return hash(await registry.staging.stream(session.staging, etag), algorithm, renewClaim);
}

async function hash(
  bytes: AsyncIterable<Uint8Array> | undefined,
  algorithm: DigestAlgorithm,
  renewClaim: () => Promise<void>,
): Promise<Measured | undefined> {
  if (bytes === undefined) return undefined;
  const running = createHash(algorithm);
  let sizeBytes = 0;
  for await (const chunk of bytes) {
    running.update(chunk);
    sizeBytes += chunk.byteLength;
    await renewClaim();
  }
  return { prefixDigest: digestOf(algorithm, running.digest('hex')), offset: sizeBytes };
}
