import { setTimeout as sleep } from 'node:timers/promises';
import { algorithmOf, computeDigest, type Digest } from '../../domain/digest.ts';
import type { RepositoryName } from '../../domain/repository-name.ts';
import { RegistryError } from '../../errors.ts';
import type { Operation } from '../../ports/table-store.ts';
import { publishBlob } from '../blobs/publish-blob.ts';
import { inSeconds, type Registry } from '../registry.ts';
import { workKey } from '../rows/row-keys.ts';
import { inTurns } from '../sweep/in-turns.ts';
import { isClaimed, isProven, proveSession } from './direct-proof.ts';
import {
  type DirectSession,
  type Pusher,
  readDirectSession,
  replaceDirectSession,
  sessionsOfPrincipal,
  sessionsOfToken,
} from './direct-session.ts';
import { finishUpload } from './finish-upload.ts';
import { startUpload } from './upload-session.ts';

/** A blob that a repository lacks and a client may have put into storage. */
export interface WantedBlob {
  readonly digest: Digest;
  /** What the manifest says; undefined where nobody says. */
  readonly sizeBytes: number | undefined;
}

export interface Patience {
  readonly withinSeconds: number;
  /** Whether sessions that another request works on are waited for, or passed over. */
  readonly waits: boolean;
}

/** Sessions of one request that are worked on at once: their bytes are hashed on one processor. */
const atOnce = 3;

/**
 * Publishes what the pusher put straight into storage and the repository lacks (docs/storage.md,
 * "Direct push"): of its open direct uploads, those of this token before those of its principal,
 * the ones whose bytes have a wanted digest. The hash decides; an upload that fits nothing is left
 * alone. Throws TOOMANYREQUESTS with Retry-After when there is more to read than one request can:
 * what was done is kept, and a repeated request goes on. Whether a blob is there then is to be
 * asked anew: others may publish it at the same time, out of the same uploads.
 */
export async function finishDirectUploads(
  registry: Registry,
  repository: RepositoryName,
  pusher: Pusher,
  wanted: readonly WantedBlob[],
  patience: Patience = { withinSeconds: registry.seconds.directWork, waits: true },
): Promise<void> {
  const work = publishWanted(registry, repository, pusher, wanted, patience);
  const end = new AbortController();
  const timeUp = sleep(patience.withinSeconds * 1000, 'time is up' as const, {
    signal: end.signal,
  });
  // The work goes on while this process lives, and is found done by the request that comes again.
  work.catch(() => undefined);
  timeUp.catch(() => undefined);
  try {
    const outcome = await Promise.race([work, timeUp]);
    if (outcome === 'time is up') throw unfinished();
  } finally {
    end.abort();
  }
}

/**
 * As {@link finishDirectUploads}, for one blob that its pusher asks for before a manifest names it.
 * Does what can be done while a client waits for a HEAD, and passes over what another request of a
 * push that is under way looks at.
 */
export async function finishDirectUpload(
  registry: Registry,
  repository: RepositoryName,
  pusher: Pusher,
  digest: Digest,
): Promise<void> {
  const wanted = [{ digest, sizeBytes: undefined }];
  try {
    const patience = { withinSeconds: registry.seconds.directLook, waits: false };
    await finishDirectUploads(registry, repository, pusher, wanted, patience);
  } catch (error) {
    if (!(error instanceof RegistryError) || error.code !== 'TOOMANYREQUESTS') throw error;
  }
}

function unfinished(): RegistryError {
  return new RegistryError('TOOMANYREQUESTS', {
    message: 'the layers are still being checked, repeat the request',
    headers: { 'Retry-After': '1' },
  });
}

async function publishWanted(
  registry: Registry,
  repository: RepositoryName,
  pusher: Pusher,
  wanted: readonly WantedBlob[],
  { waits }: Patience,
): Promise<void> {
  const missing = new Map(wanted.map(({ digest, sizeBytes }) => [digest, sizeBytes]));
  const seen = new Set<string>();
  await createEmptyBlobs(registry, repository, pusher, missing);
  const isOnlyPrincipal = pusher.tokenId === undefined;
  const lists = isOnlyPrincipal ? [sessionsOfPrincipal] : [sessionsOfToken, sessionsOfPrincipal];
  for (const list of lists) {
    if (missing.size === 0) return;
    const sessions = await list(registry, repository, pusher);
    const unseen = sessions.filter(({ id }) => !seen.has(id));
    for (const { id } of unseen) seen.add(id);
    // What is known need not be read: of two uploads of one layer the second stays closed.
    const known = unseen.filter(({ prefixDigest }) => prefixDigest !== undefined);
    const unknown = unseen.filter(({ prefixDigest }) => prefixDigest === undefined);
    for (const some of [known, unknown]) {
      await inTurns(some, atOnce, async (session) => {
        if (!waits && isClaimed(registry, session)) return;
        await settle(registry, repository, session, missing);
      });
    }
  }
}

/** Storage takes no block without bytes, so that a client is never asked to send it one. */
async function createEmptyBlobs(
  registry: Registry,
  repository: RepositoryName,
  { subject }: Pusher,
  missing: Map<Digest, number | undefined>,
): Promise<void> {
  for (const digest of missing.keys()) {
    if (!isEmptyBlob(digest)) continue;
    const algorithm = algorithmOf(digest);
    const { id } = await startUpload(registry, repository, { subject, algorithm });
    await finishUpload(registry, repository, id, { digest, body: undefined, range: undefined });
    missing.delete(digest);
  }
}

/** Whether the digest is that of no bytes at all. */
function isEmptyBlob(digest: Digest): boolean {
  return computeDigest(new Uint8Array(), algorithmOf(digest)) === digest;
}

/** Reads one session if it may be what is wanted, and publishes it if it is. */
async function settle(
  registry: Registry,
  repository: RepositoryName,
  listed: DirectSession,
  missing: Map<Digest, number | undefined>,
): Promise<void> {
  let session: DirectSession | undefined = listed;
  while (session !== undefined) {
    const algorithm = await algorithmWanted(registry, session, missing);
    if (algorithm === undefined) return;
    const proven: DirectSession | undefined = await proveSession(
      registry,
      repository,
      session,
      algorithm,
    );
    if (proven?.prefixDigest === undefined) return;
    if (!missing.has(proven.prefixDigest)) {
      if (!isProven(session, algorithm)) {
        await replaceDirectSession(registry, repository, proven, 'free');
      }
      return;
    }
    if (await publish(registry, repository, proven, proven.prefixDigest)) {
      missing.delete(proven.prefixDigest);
      return;
    }
    session = await readDirectSession(registry, repository, session.id);
  }
}

/**
 * By which algorithm the session's bytes are to be looked at; undefined when they can't be what is
 * wanted: their digest is known and another, they are not there, or nothing wanted has their size.
 */
async function algorithmWanted(
  registry: Registry,
  session: DirectSession,
  missing: ReadonlyMap<Digest, number | undefined>,
) {
  const { prefixDigest } = session;
  if (prefixDigest !== undefined && missing.has(prefixDigest)) return algorithmOf(prefixDigest);
  const open = [...missing].filter(([digest]) => !isProven(session, algorithmOf(digest)));
  if (open.length === 0) return undefined;
  const staged =
    prefixDigest === undefined
      ? await registry.staging.inspect(session.staging, session.blockId)
      : { sizeBytes: session.offset };
  if (staged === undefined) return undefined;
  const fitting = open.find(
    ([, sizeBytes]) => sizeBytes === undefined || sizeBytes === staged.sizeBytes,
  );
  return fitting && algorithmOf(fitting[0]);
}

/** False when the session changed meanwhile: somebody else publishes it, or took it over. */
async function publish(
  registry: Registry,
  repository: RepositoryName,
  session: DirectSession,
  digest: Digest,
): Promise<boolean> {
  try {
    await publishBlob(registry, repository, session, digest, stagedBytesWork(registry, session));
    return true;
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'BLOB_UPLOAD_UNKNOWN') return false;
    throw error;
  }
}

/** Asks the sweep to delete what the client wrote, once nobody can write there any more. */
function stagedBytesWork(registry: Registry, { id, workKey: present }: DirectSession): Operation[] {
  const key = (later: number) =>
    workKey(inSeconds(registry, registry.seconds.stagedBytes + later), 'u', id);
  const rowKey = key(0) === present ? key(1) : key(0);
  return [{ kind: 'upsert', rowKey, properties: {} }];
}
